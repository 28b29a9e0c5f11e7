"""What people see: tables, progress bars, and JSON."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console

    from tinybayes.deployment import Progress


def console() -> "Console":
    """Standard output."""
    from rich.console import Console

    return Console(highlight=False)


def errors_console() -> "Console":
    """Standard error."""
    from rich.console import Console

    return Console(stderr=True, highlight=False)


def print_json(value: Mapping[str, Any]) -> None:
    """One JSON object on standard output."""
    print(json.dumps(value, indent=1, allow_nan=False))


@contextmanager
def progress_bars(*, quiet: bool) -> "Iterator[Progress]":
    """A function that shows how far things are, one bar for each; on standard error, so that output stays clean."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description:<18}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(elapsed_when_finished=True),
    )
    with Progress(*columns, console=errors_console(), disable=quiet) as bars:
        tasks: dict[str, Any] = {}

        def show(what: str, done: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = bars.add_task(what, total=total)
            bars.update(tasks[what], completed=done, total=total)

        yield show


def bytes_text(count: int | None) -> str:
    """Bytes for people: ``5,081`` or ``-`` where there is no figure yet."""
    return "-" if count is None else f"{count:,}"


def memory_text(size_bytes: int) -> str:
    """The size of a memory: ``4 MiB``, ``96 KiB``."""
    return f"{size_bytes >> 20} MiB" if size_bytes % (1 << 20) == 0 else f"{size_bytes // 1024} KiB"


def layer_table(record: Mapping[str, Any]) -> Any:  # noqa: ANN401 - a rich table
    """Layers with formats, bytes and instructions."""
    from rich.table import Table

    table = Table(title=f"{record['network']['name']} on {record['board']['name']}, objective {record['objective']}")
    for heading in ("layer", "operator", "format", "shape"):
        table.add_column(heading)
    for heading in ("nonzero", "weight bytes", "code bytes", "instructions"):
        table.add_column(heading, justify="right")
    for layer in record["layers"]:
        fused = f" + {layer['fused']}" if layer["fused"] else ""
        table.add_row(
            layer["name"] + fused,
            layer["op"],
            layer["format"] or "",
            " x ".join(str(n) for n in layer["shape"]),
            bytes_text(layer["nonzero"]),
            bytes_text(layer["weights_bytes"]),
            bytes_text(layer["code_bytes"]),
            bytes_text(layer["instructions"]),
        )
    return table


def summary_lines(record: Mapping[str, Any]) -> list[str]:
    """Flash, RAM and instructions in a line each."""
    flash, ram, latency = record["flash"], record["ram"], record["latency"]
    lines = [
        f"flash   weights {bytes_text(flash['weights_bytes'])} B, code {bytes_text(flash['code_bytes'])} B, "
        f"whole image {bytes_text(flash['image_bytes'])} B",
        f"RAM     arena {bytes_text(ram['arena_bytes'])} B, whole image {bytes_text(ram['total_bytes'])} B",
    ]
    if ram.get("reserved_stack_bytes") is not None:
        bound = ram["stack_bytes"]
        text = f"no bound ({ram['stack_unbounded']})" if bound is None else f"at most {bound:,} B"
        lines.append(f"stack   {text}, {ram['reserved_stack_bytes']:,} B reserved")
    elif ram.get("network_stack_bytes") is not None:
        lines.append(f"stack   at most {ram['network_stack_bytes']:,} B for one inference")
    if latency["instructions"] is not None:
        lines.append(f"latency {latency['instructions']:,} instructions per inference ({latency['source']})")
    if latency["cycles"] is not None:
        same = ", the same for every input" if latency["same_for_every_input"] else ""
        scaled = ", scaled by the board's calibration" if latency["calibration"] is not None else ""
        lines.append(
            f"        {latency['cycles']:,} cycles and {latency['flash_stall_cycles']:,} of waiting for flash: "
            f"{1000 * latency['seconds']:.3f} ms at {record['board']['clock_hz'] / 1e6:g} MHz{same}{scaled}"
        )
    return lines
