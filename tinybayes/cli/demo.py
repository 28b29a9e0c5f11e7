"""``tinybayes demo``: the whole path on real data in a few minutes."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tinybayes.cli.show import console, print_json, progress_bars
from tinybayes.errors import VerificationError

if TYPE_CHECKING:
    from tinybayes.deployment import Deployment

_BOARD = "mps2-an386"
_RECIPE = "imu-user-id"


def demo(
    out: Annotated[Path, typer.Option(metavar="DIR", help="Where everything goes.")] = Path("out/demo"),
    seed: Annotated[int, typer.Option(help="Seed of the training.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")] = False,
) -> None:
    """Train, compress, compile, build, verify and report: who wears the sensor? At most 4 minutes.

    A network learns which of 10 people wears a motion sensor, on a shortened schedule, and becomes firmware for an
    emulated Cortex-M4 whose every output and every layer is checked, bit for bit, on the whole test set.
    """
    from tinybayes import pipeline
    from tinybayes.boards import load_board
    from tinybayes.cli.train import run_training
    from tinybayes.datasets.samples import read_samples
    from tinybayes.recipes.knobs import demo_knobs

    out.mkdir(parents=True, exist_ok=True)
    network = out / f"{_RECIPE}.tbn"
    if not as_json:
        console().print(f"[bold]1. train[/] {_RECIPE} on a shortened schedule, with sparse variational dropout")
    run_training(_RECIPE, demo_knobs(seed), network, out / f"{_RECIPE}.checkpoint", quiet=as_json)
    if not as_json:
        console().print(f"[bold]2. compile[/] for {_BOARD}, [bold]3. build[/], [bold]4. verify[/] every bit")
    graph = pipeline.load_network(network)
    deployment = pipeline.compile_network(graph, load_board(_BOARD), out / "firmware", objective="flash")
    deployment.build()
    samples = read_samples(_RECIPE, graph.torch_input_shape)
    with progress_bars(quiet=as_json) as progress:
        verdicts = deployment.verify(("host", "qemu"), samples.x, samples.y, recipe=_RECIPE, progress=progress)
    page = deployment.report()
    if as_json:
        print_json({**deployment.record, "report": str(page)})
    else:
        _show(deployment, page)
    failed = [f"{place}: {v.first_mismatch}" for place, v in verdicts.items() if v.mismatches]
    if failed and as_json:
        raise typer.Exit(VerificationError.exit_status)  # the record says where
    if failed:
        raise VerificationError("; ".join(failed))


def _show(deployment: "Deployment", page: Path) -> None:
    from rich.table import Table

    record = deployment.record
    stages = {stage["stage"]: stage for stage in record["stages"]}
    dense, flash, network = stages["dense"], record["flash"], record["network"]
    checked = record["verify"]["qemu"]
    table = Table(title="What was gained")
    table.add_column("")
    table.add_column("as trained", justify="right")
    table.add_column("on the Cortex-M4", justify="right")
    table.add_column("gain", justify="right")
    float_bytes = record["comparison"]["float32_bytes"]
    rows = (
        ("parameters", f"{network['parameters']:,}", f"{network['nonzero']:,}",
         network["parameters"] / network["nonzero"]),
        ("weight bytes", f"{float_bytes:,}", f"{flash['weights_bytes']:,}", float_bytes / flash["weights_bytes"]),
        ("multiplications", f"{network['macs_dense']:,}", f"{network['macs_nonzero']:,}",
         network["macs_dense"] / network["macs_nonzero"]),
    )  # fmt: skip
    for what, before, after, gain in rows:
        table.add_row(what, before, after, f"{gain:.1f} x")
    table.add_row("accuracy", f"{dense['accuracy']:.2%}", f"{record['accuracy']['device']:.2%}", "")
    table.add_row("RAM for tensors", "", f"{record['ram']['arena_bytes']:,} B", "")
    table.add_row("instructions", "", f"{record['latency']['instructions']:,}", "")
    out = console()
    out.print(table)
    out.print(f"verified bit for bit: {checked['samples']:,} samples, {checked['tensors_compared']:,} tensors, "
              f"{checked['mismatches']} mismatches")  # fmt: skip
    out.print(f"report: {page}", soft_wrap=True, markup=False)
