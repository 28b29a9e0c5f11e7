"""The commands that need no module of their own."""

import re
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tinybayes.cli.calibration_data import read_calibration
from tinybayes.cli.compress import compress
from tinybayes.cli.demo import demo
from tinybayes.cli.explore import explore
from tinybayes.cli.show import console, core_table, layer_table, memory_text, print_json, progress_bars, summary_lines
from tinybayes.errors import UserError, VerificationError, did_you_mean

if TYPE_CHECKING:
    from tinybayes.deployment import Deployment

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]
Directory = Annotated[Path, typer.Argument(metavar="DIR", help="What `tinybayes compile` wrote.")]
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([KM]?)i?B?", re.IGNORECASE)
_TIME = re.compile(r"(\d+(?:\.\d+)?)\s*(s|ms|us)")


def register(app: typer.Typer) -> None:
    """Adds the commands to ``app``."""
    app.command()(demo)
    app.command()(compress)
    app.command(name="compile")(compile_)
    app.command()(explore)
    app.command()(build)
    app.command()(run)
    app.command()(verify)
    app.command()(report)
    app.command()(boards)
    app.command()(doctor)


_SCALES = {"channel": True, "layer": False}


def compile_(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="NET.tbn, a .pt2 file, or module:callable.")],
    board: Annotated[str, typer.Option(help="Board, or a core for the library alone; `tinybayes boards` lists them.")],
    out: Annotated[Path, typer.Option(metavar="DIR", help="New or empty directory, or one of an earlier compile.")],
    objective: Annotated[str, typer.Option(help="What formats are chosen by: flash, latency, balanced.")] = "balanced",
    name: Annotated[str, typer.Option(help="Begins the names of C functions and files.")] = "network",
    calibration: Annotated[
        str | None, typer.Option(metavar="X.npz", help="Typical inputs, for activation scales.")
    ] = None,
    scales: Annotated[
        str, typer.Option(help="Weights of a model have a scale for each channel, or for each layer.")
    ] = "channel",
    recurrent_bits: Annotated[
        int, typer.Option(help="Bits of their states that recurrent layers of a model multiply with: 8 or 16.")
    ] = 8,
    protocol: Annotated[
        str | None,
        typer.Option(
            help="frames (default): on a serial line; mlperf: MLPerf Tiny's; none: bare.",
            show_default=False,
        ),
    ] = None,
    max_flash: Annotated[str | None, typer.Option(metavar="SIZE", help="Fail if the image needs more, as 32K.")] = None,
    max_ram: Annotated[str | None, typer.Option(metavar="SIZE", help="Fail if the image needs more, as 8K.")] = None,
    max_latency: Annotated[
        str | None, typer.Option(metavar="TIME", help="Fail if an inference is estimated to take longer, as 10ms.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Turn a network into a firmware project.

    Example: tinybayes compile examples/imu-user-id.tbn --board mps2-an386 --out out/imu --objective flash
    """
    from tinybayes import pipeline
    from tinybayes.boards import load_target

    target = load_target(board)
    if scales not in _SCALES:
        raise UserError(f"--scales: got {scales!r}; wanted {' or '.join(_SCALES)}.{did_you_mean(scales, _SCALES)}")
    graph = pipeline.load_network(
        model, read_calibration(calibration), per_channel=_SCALES[scales], recurrent_bits=recurrent_bits
    )
    made = pipeline.compile_network(
        graph,
        target,
        out,
        objective=objective,
        name=name,
        protocol=protocol,
        max_flash_bytes=_size(max_flash, "--max-flash"),
        max_ram_bytes=_size(max_ram, "--max-ram"),
        max_latency_seconds=_seconds(max_latency, "--max-latency"),
    )
    _show(made, as_json, _next(made, out))
    if not as_json and made.record["limits"]["image_measured"] is False:
        console().print(_NOT_MEASURED, soft_wrap=True, markup=False)


_NOT_MEASURED = (
    "note: limits of flash and RAM bounded the constants and the arena only. The whole image was not measured, as the "
    "tools that build it were not found (`tinybayes doctor`); `build` checks it"
)


def build(directory: Directory, as_json: Json = False) -> None:
    """Build the firmware (or the library) with CMake, Ninja and arm-none-eabi-gcc, and account for every byte.

    Example: tinybayes build out/imu
    """
    deployment = _open(directory)
    made = deployment.build()
    _show(deployment, as_json, f"{made}\n{_next(deployment, directory)}")


def run(
    directory: Directory,
    input_: Annotated[
        str, typer.Option("--input", metavar="X.npz", help="Array x, or a recipe's name for its test part.")
    ],
    output: Annotated[Path, typer.Option(metavar="Y.npz", help="Results: y real, q and input_q codes.")],
    on: Annotated[str, typer.Option(help="host, qemu, or the URL of a serial port.")] = "host",
    as_json: Json = False,
) -> None:
    """Run inputs through the compiled network.

    Example: tinybayes run out/imu --on qemu --input x.npz --output y.npz
    """
    import io

    import numpy as np

    from tinybayes.datasets.samples import read_samples
    from tinybayes.emit.directory import write_atomically
    from tinybayes.reference import chosen_classes

    if not output.parent.is_dir():
        raise UserError(f"--output {output}: there is no directory {output.parent}")
    deployment = _open(directory)
    samples = read_samples(input_, deployment.plan.graph.torch_input_shape)
    with progress_bars(quiet=as_json) as progress:
        result = deployment.run(samples.x, on, progress)
    packed = io.BytesIO()
    np.savez_compressed(packed, **result)
    write_atomically(output, packed.getvalue())
    facts: dict[str, Any] = {"samples": len(samples.x), "output": str(output), "on": on}
    if samples.y is not None:
        flat = result["q"].reshape(len(samples.y), -1)
        facts["accuracy"] = float((chosen_classes(flat, deployment.plan.graph.class_scores) == samples.y).mean())
    if as_json:
        print_json(facts)
    else:
        right = f", accuracy {facts['accuracy']:.2%}" if "accuracy" in facts else ""
        text = f"{len(samples.x):,} samples on {on}{right}; written to {output}"
        console().print(text, soft_wrap=True, markup=False)


def verify(
    directory: Directory,
    on: Annotated[
        str | None,
        typer.Option(help="Comma-separated: host, qemu, serial URLs; else host, and qemu where it knows the board."),
    ] = None,
    data: Annotated[
        str | None,
        typer.Option(
            metavar="X.npz", help="x and labels y, or a recipe's name for its test part; else 256 seeded codes."
        ),
    ] = None,
    device_samples: Annotated[int | None, typer.Option(min=1, help="At most so many over a serial line.")] = None,
    cores: Annotated[bool, typer.Option("--cores", help="Also trace one inference on every core, in QEMU.")] = False,
    as_json: Json = False,
) -> None:
    """Prove that the reference, the host and the device agree on every bit of every layer.

    Exit status 1 and the first difference (layer, index, expected, got) where they do not.

    Example: tinybayes verify out/imu --on host,qemu --data imu-user-id
    """
    from tinybayes.datasets.samples import read_samples

    given = None if on is None else _places(on)
    deployment = _open(directory)
    places = given or _places(_places_of(deployment))
    samples = None if data is None else read_samples(data, deployment.plan.graph.torch_input_shape)
    if deployment.record["flash"]["image_bytes"] is None and places != ["host"]:
        deployment.build()
    x, y = (samples.x, samples.y) if samples is not None else (None, None)
    with progress_bars(quiet=as_json) as progress:
        verdicts = deployment.verify(places, x, y, recipe=data, device_samples=device_samples, progress=progress)
        if cores:
            deployment.measure_cores(progress)
    failed = {place: verdict for place, verdict in verdicts.items() if verdict.mismatches}
    if as_json:
        print_json(deployment.record)
    else:
        out = console()
        out.print(layer_table(deployment.record))
        for line in summary_lines(deployment.record):
            out.print(line)
        if cores:
            out.print(core_table(deployment.record))
        for place, verdict in verdicts.items():
            good = "[red]differs[/]" if verdict.mismatches else "[green]bit-exact[/]"
            out.print(f"{place:<7} {good}: {verdict.samples:,} samples, {verdict.tensors_compared:,} tensors compared")
        for what in ("float", "reference", "device"):
            if deployment.record["accuracy"][what] is not None:
                out.print(f"accuracy {what:<9} {deployment.record['accuracy'][what]:.2%}")
        out.print(f"next: tinybayes report {directory}", soft_wrap=True, markup=False)
    if failed and as_json:
        raise typer.Exit(VerificationError.exit_status)  # the record says where
    if failed:
        found = (f"{place} differs first in {verdict.first_mismatch}" for place, verdict in failed.items())
        raise VerificationError("; ".join(found))


def report(
    directory: Directory,
    open_: Annotated[bool, typer.Option("--open", help="Open the page in the browser.")] = False,
    as_json: Json = False,
) -> None:
    """Write report.html: flash, RAM, cost, sparsity and accuracy in pictures, in one self-contained page.

    Example: tinybayes report out/imu --open
    """
    from tinybayes.report.html import write_report

    page = write_report(directory)
    if as_json:
        print_json({"report": str(page)})
    else:
        console().print(str(page), soft_wrap=True, markup=False)
    if open_:
        import webbrowser

        webbrowser.open(page.resolve().as_uri())


def boards(as_json: Json = False) -> None:
    """List the boards that networks can be compiled for, and the cores that libraries can."""
    from rich.table import Table

    from tinybayes.boards import Board, list_targets, load_target

    known = [load_target(name) for name in list_targets()]
    if as_json:
        rows = [
            {
                "name": b.name,
                "title": b.title,
                "chip": b.chip.name if isinstance(b, Board) else None,
                "core": b.core,
                "emulated": b.emulated,
                "tier": b.tier,
            }
            for b in known
        ]
        print_json({"boards": rows})
        return
    table = Table(box=None, pad_edge=False)
    for heading in ("name", "core"):
        table.add_column(heading, no_wrap=True)
    for heading in ("clock", "flash", "RAM"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("emulated", no_wrap=True)
    table.add_column("tier", justify="right")
    for b in known:
        figures = (
            (f"{b.clock_hz / 1e6:g} MHz", memory_text(b.flash.size_bytes), memory_text(b.ram.size_bytes))
            if isinstance(b, Board)
            else ("", "", "")
        )
        table.add_row(b.name, b.core, *figures, "yes" if b.emulated else "no", str(b.tier))
    console().print(table)


def doctor(as_json: Json = False) -> None:
    """Say which tools are there, and the exact command that installs what is missing."""
    from dataclasses import asdict

    from rich.table import Table

    from tinybayes.build.toolchain import doctor as examine

    tools = examine()
    usable = all(tool.found and tool.problem is None for tool in tools if not tool.optional)
    if as_json:
        print_json({"usable": usable, "tools": [asdict(tool) for tool in tools]})
        raise typer.Exit(0 if usable else 3)
    table = Table()
    for heading in ("", "tool", "version", "needed for", "install with"):
        table.add_column(heading)
    for tool in tools:
        good = tool.found and tool.problem is None
        mark = "[green]yes[/]" if good else "[yellow]no[/]" if tool.optional else "[red]no[/]"
        table.add_row(mark, tool.name, tool.version or "", tool.needed_for, "" if good else tool.install_command)
    console().print(table)
    for tool in tools:
        if tool.problem is not None:
            console().print(f"{tool.name}: {tool.problem}")
    raise typer.Exit(0 if usable else 3)


def _open(directory: Path) -> "Deployment":
    from tinybayes.deployment import Deployment

    return Deployment.open(directory)


def _show(deployment: "Deployment", as_json: bool, following: str) -> None:
    if as_json:
        print_json(deployment.record)
        return
    out = console()
    out.print(layer_table(deployment.record))
    for line in (*summary_lines(deployment.record), following):
        out.print(line, soft_wrap=True, markup=False)


def _next(deployment: "Deployment", directory: Path) -> str:
    """What there is to do with a compiled directory."""
    from tinybayes.boards import Board

    first = f"next: tinybayes verify {directory} --on {_places_of(deployment)}"
    board = deployment.board
    return f"{first}, then tinybayes flash {directory}" if isinstance(board, Board) and board.flashing else first


def _places_of(deployment: "Deployment") -> str:
    """Where a deployment can be verified without a board on the desk."""
    return "host,qemu" if deployment.board.emulated and deployment.record["protocol"] == "frames" else "host"


def _places(on: str) -> list[str]:
    places = [place.strip() for place in on.split(",") if place.strip()]
    if not places:
        raise UserError(f"--on: got {on!r}, wanted host, qemu or URLs of serial ports, separated by commas")
    return places


def _seconds(text: str | None, option: str) -> float | None:
    if text is None:
        return None
    found = _TIME.fullmatch(text.strip())
    if found is None or float(found[1]) == 0:
        raise UserError(f"{option}: got {text!r}, wanted a time in s, ms or us, as in 10ms")
    return float(Decimal(found[1]) * {"s": Decimal(1), "ms": Decimal("1e-3"), "us": Decimal("1e-6")}[found[2]])


def _size(text: str | None, option: str) -> int | None:
    if text is None:
        return None
    found = _SIZE.fullmatch(text.strip())
    if found is None:
        raise UserError(f"{option}: got {text!r}, wanted a number of bytes, or one with K or M, as in 32K")
    return int(Decimal(found[1]) * {"": 1, "K": 1024, "M": 1024**2}[found[2].upper()])
