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
    """Layers with formats, bytes and cycles, within 80 characters; a column without a figure yet is left out."""
    from rich import box
    from rich.table import Table

    layers = record["layers"]
    numbers = {
        "nonzero": "nonzero", "weights_bytes": "weights B", "code_bytes": "code B", "instructions": "instr.",
        "cycles": "cycles",
    }  # fmt: skip
    shown = [key for key in numbers if any(layer[key] is not None for layer in layers)]
    title = f"{record['network']['name']} on {record['board']['name']}, objective {record['objective']}"
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("layer", overflow="fold")
    table.add_column("format", no_wrap=True)
    table.add_column("output", no_wrap=True)
    for key in shown:
        table.add_column(numbers[key], justify="right", no_wrap=True)
    for layer in layers:
        fused = f" + {layer['fused']}" if layer["fused"] else ""
        shape = " x ".join(str(n) for n in layer["shape"])
        figures = [bytes_text(layer[key]) for key in shown]
        table.add_row(layer["name"] + fused, layer["format"] or layer["op"], shape, *figures)
    return table


def core_table(record: Mapping[str, Any]) -> Any:  # noqa: ANN401 - a rich table
    """What one inference costs on every core."""
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for heading in ("core", "as on"):
        table.add_column(heading, no_wrap=True)
    for heading in ("MHz", "instr.", "cycles", "flash stalls", "ms"):
        table.add_column(heading, justify="right", no_wrap=True)
    for row in record["cores"]:
        counts = [f"{row[key]:,}" for key in ("instructions", "cycles", "flash_stall_cycles")]
        table.add_row(
            row["core"].removeprefix("cortex-"),
            row["board"],
            f"{row['clock_hz'] / 1e6:g}",
            *counts,
            f"{1e3 * row['seconds']:.3f}",
        )
    return table


def summary_lines(record: Mapping[str, Any]) -> list[str]:
    """Flash, RAM and instructions in a line each."""
    flash, ram, latency = record["flash"], record["ram"], record["latency"]
    lines = [
        "flash   " + _sizes(weights=flash["weights_bytes"], code=flash["code_bytes"], whole_image=flash["image_bytes"]),
        "RAM     " + _sizes(arena=ram["arena_bytes"], whole_image=ram["total_bytes"]),
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


def _sizes(**sizes: int | None) -> str:
    """What is known of some sizes: ``weights 3,160 B, code 996 B``."""
    return ", ".join(f"{name.replace('_', ' ')} {size:,} B" for name, size in sizes.items() if size is not None)
