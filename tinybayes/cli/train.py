"""``tinybayes train``: one option for each knob, made from the recipes' own descriptions."""

import inspect
import json
from dataclasses import fields, replace
from pathlib import Path
from typing import Annotated, Any, cast

import typer

from tinybayes.cli.show import console, errors_console, print_json
from tinybayes.errors import UserError, did_you_mean
from tinybayes.recipes.knobs import KNOBS, Knobs


def register(app: typer.Typer) -> None:
    """Adds ``train`` to ``app``."""
    app.command(name="train")(_with_knobs(train))


def train(recipe: str, out: Path, checkpoint: Path | None, as_json: bool, **knobs: float | None) -> None:
    """Train a recipe with Bayesian sparsification; keep the compressed network and, beside it, NET.curve.json.

    Ctrl-C stops it; the same command goes on where it stopped.

    Example: tinybayes train imu-user-id --out imu.tbn --seed 1
    """
    if recipe not in KNOBS:
        raise UserError(f"there is no recipe {recipe!r}; there are {', '.join(KNOBS)}.{did_you_mean(recipe, KNOBS)}")
    given = {name: value for name, value in knobs.items() if value is not None}
    chosen = replace(KNOBS[recipe](), **cast("dict[str, Any]", given))
    path = checkpoint or out.with_name(out.name + ".checkpoint")
    figures = run_training(recipe, chosen, out, path, quiet=as_json)
    if as_json:
        print_json(figures)
    else:
        out_console = console()
        for stage in figures["stages"]:
            nonzero = f"{stage['nonzero']:>8,} nonzero weights" if stage["nonzero"] is not None else ""
            out_console.print(f"{stage['stage']:<12} accuracy {stage['accuracy']:.2%}  {nonzero}")
        if figures.get("by_recording") is not None:
            out_console.print(f"split by recording instead (dense network): accuracy {figures['by_recording']:.2%}")
        out_console.print(
            f"{out}: {out.stat().st_size:,} bytes; its training, epoch by epoch: {curve_path(out)}", soft_wrap=True
        )
        out_console.print(f"next: tinybayes compile {out} --board mps2-an386 --out DIR", soft_wrap=True)


def run_training(recipe: str, knobs: Knobs, out: Path, checkpoint: Path | None, *, quiet: bool) -> dict[str, Any]:
    """Trains with a progress bar and saves ``out`` and its curve; the network's facts (recipe, knobs, accuracies)."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    from tinybayes import tbn
    from tinybayes.pipeline import network_from_training
    from tinybayes.recipes import training
    from tinybayes.recipes.recipe import train as train_recipe

    if not out.parent.is_dir():
        raise UserError(f"--out {out}: there is no directory {out.parent}")
    columns = (
        TextColumn("{task.description:<12}"),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TextColumn("{task.fields[state]}"),
    )
    with Progress(*columns, console=errors_console(), disable=quiet) as bars:
        tasks: dict[str, Any] = {}

        def show(now: "training.Progress") -> None:
            state = (
                f"loss {now.loss:.3f}  error {now.error_percent:.2f} %  sparsity {now.sparsity:.1%}  "
                f"{int(now.seconds_left) // 60}:{int(now.seconds_left) % 60:02} left"
            )
            key = f"{now.recipe} {now.stage}"
            if key not in tasks:
                tasks[key] = bars.add_task(now.stage, total=now.epochs, state=state)
            bars.update(tasks[key], completed=now.epoch, total=now.epochs, state=state)

        try:
            trained = train_recipe(recipe, knobs, checkpoint=checkpoint, progress=show)
        except KeyboardInterrupt:
            if checkpoint is not None:
                errors_console().print(f"stopped; the same command goes on from {checkpoint}", soft_wrap=True)
            raise
    graph = network_from_training(trained)
    tbn.save(graph, out)
    curve_path(out).write_text(json.dumps(trained.curve_record()) + "\n", encoding="utf-8")
    return dict(graph.facts)


def curve_path(out: Path) -> Path:
    """Where the curve of a training goes: NET.curve.json beside NET.tbn."""
    return out.with_name(out.name.removesuffix(".tbn") + ".curve.json")


def _with_knobs(function: Any) -> Any:  # noqa: ANN401 - a function with a signature made at run time
    """Gives ``function`` one option for each knob; a default that recipes do not share is shown for each of them."""
    keyword = inspect.Parameter.KEYWORD_ONLY
    parameters: list[tuple[str, Any, Any]] = [
        ("recipe", Annotated[str, typer.Argument(metavar="RECIPE", help=f"One of: {', '.join(KNOBS)}.")], ...),
        ("out", Annotated[Path, typer.Option(metavar="NET.tbn", help="Where the compressed network goes.")], ...),
        ("checkpoint", Annotated[Path | None, typer.Option(help="Default: NET.tbn.checkpoint.")], None),
        ("as_json", Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")], False),
    ]
    for knob in fields(Knobs):
        defaults = {name: getattr(knobs(), knob.name) for name, knobs in KNOBS.items()}
        same = len(set(defaults.values())) == 1
        each = ", ".join(f"{value} for {recipe}" for recipe, value in defaults.items())
        shown = str(next(iter(defaults.values()))) if same else each
        text = f"{knob.metadata['help']} \\[default: {shown}; {knob.metadata['source']}]"
        kind = int | None if knob.type in (int, "int") else float | None
        parameters.append((knob.name, Annotated[kind, typer.Option(help=text, rich_help_panel="Knobs")], None))
    signature = [
        inspect.Parameter(
            name, keyword, default=inspect.Parameter.empty if default is ... else default, annotation=kind
        )
        for name, kind, default in parameters
    ]

    def command(**arguments: Any) -> None:  # noqa: ANN401 - whatever the signature says
        function(**arguments)

    command.__doc__ = function.__doc__
    vars(command)["__signature__"] = inspect.Signature(signature)
    command.__annotations__ = {name: kind for name, kind, _ in parameters}
    return command
