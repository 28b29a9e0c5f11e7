"""Remakes examples/: trains a recipe for several seeds, ships the median one, and notes every figure.

    .venv/bin/python scripts/make_examples.py imu-user-id --seeds 0 1 2
    .venv/bin/python scripts/make_examples.py mnist-lenet300 --seeds 0

Trainings can be interrupted; the same command goes on from the checkpoints in out/examples/. Two recipes, or two seeds
in separate processes, may run side by side on two cores. The sizes are those of mps2-an386 (Cortex-M4). Beside the
figures, <recipe>.curve.json keeps how the shipped seed's training went.
"""

import argparse
import json
import statistics
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tinybayes import tbn
from tinybayes.boards import load_board
from tinybayes.ir import Graph
from tinybayes.pipeline import compile_network, network_from_training
from tinybayes.recipes.knobs import KNOBS
from tinybayes.recipes.recipe import train
from tinybayes.recipes.training import Progress

EXAMPLES = Path(__file__).parents[1] / "examples"


def show(now: Progress) -> None:
    """One line now and then."""
    if now.epoch in (1, now.epochs) or now.epoch % 10 == 0:
        left = f"{now.seconds_left / 60:.0f} min left"
        print(
            f"{now.stage:<12} {now.epoch:>3}/{now.epochs} loss {now.loss:.4f} error {now.error_percent:.2f} % "
            f"nonzero {now.nonzero} {left}",
            flush=True,
        )


def figures(graph: Graph) -> dict[str, Any]:
    """What there is to say about one seed."""
    record: dict[str, Any] = {"seed": graph.facts["seed"], "float_accuracy": graph.facts["float_accuracy"]}
    record["stages"] = graph.facts["stages"]
    record["integer_accuracy"] = next(s["accuracy"] for s in record["stages"] if s["stage"] == "integer")
    record["nonzero"] = sum(node.nonzero for node in graph.mac_nodes)
    record["by_recording"] = graph.facts["by_recording"]
    record["fake_quant_agreement"] = graph.facts["fake_quant_agreement"]
    record["training_seconds"] = graph.facts["training_seconds"]
    for objective in ("flash", "latency"):
        with TemporaryDirectory() as work:
            deployment = compile_network(graph, load_board("mps2-an386"), Path(work) / "out", objective=objective)
            record[objective] = {
                "weights_bytes": deployment.record["flash"]["weights_bytes"],
                "arena_bytes": deployment.record["ram"]["arena_bytes"],
                "instructions": deployment.measure_latency(),
            }
    return record


def main() -> None:
    """Makes the examples that are asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipe", choices=[*KNOBS, "all"])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--checkpoints", type=Path, default=Path("out/examples"))
    arguments = parser.parse_args()
    arguments.checkpoints.mkdir(parents=True, exist_ok=True)
    for recipe in KNOBS if arguments.recipe == "all" else (arguments.recipe,):
        make(recipe, arguments.seeds, arguments.checkpoints)


def make(recipe: str, seeds: list[int], checkpoints: Path) -> None:
    """Trains the seeds, picks the one of median accuracy, writes its .tbn, its curve and everyone's figures."""
    made: list[tuple[dict[str, Any], Graph, dict[str, Any]]] = []
    for seed in seeds:
        print(f"{recipe}, seed {seed}", flush=True)
        knobs = replace(KNOBS[recipe](), seed=seed)
        trained = train(recipe, knobs, checkpoint=checkpoints / f"{recipe}-seed{seed}.checkpoint", progress=show)
        graph = network_from_training(trained)
        made.append((figures(graph), graph, trained.curve_record()))
        print(json.dumps(made[-1][0]), flush=True)
    made.sort(key=lambda one: one[0]["integer_accuracy"])
    shipped, graph, curve = made[(len(made) - 1) // 2]
    tbn.save(graph, EXAMPLES / f"{recipe}.tbn")
    record = {
        "recipe": recipe,
        "command": f"tinybayes train {recipe} --seed {shipped['seed']} --out examples/{recipe}.tbn",
        "all_seeds_command": f"python scripts/make_examples.py {recipe} --seeds {' '.join(map(str, seeds))}",
        **shipped,
        "test_error_percent": error_percent(shipped["integer_accuracy"]),
        "float_error_percent": error_percent(shipped["float_accuracy"]),
        "weights_bytes": shipped["flash"]["weights_bytes"],
        "seeds": [record for record, _, _ in sorted(made, key=lambda one: one[0]["seed"])],
        "over_seeds": over_seeds([record for record, _, _ in made]),
    }
    write(EXAMPLES / f"{recipe}.json", record, indent=1)
    write(EXAMPLES / f"{recipe}.curve.json", curve)


def error_percent(accuracy: float) -> float:
    """The error of an accuracy, in percent."""
    return round(100 * (1 - accuracy), 3)


def over_seeds(records: list[dict[str, Any]]) -> dict[str, dict[str, float]]:
    """Mean, and half the distance of the extremes, of what seeds differ in."""
    values = {
        "test_error_percent": [error_percent(record["integer_accuracy"]) for record in records],
        "float_error_percent": [error_percent(record["float_accuracy"]) for record in records],
        "weights_bytes": [record["flash"]["weights_bytes"] for record in records],
        "nonzero": [record["nonzero"] for record in records],
    }
    return {
        name: {"mean": round(statistics.mean(found), 3), "spread": round((max(found) - min(found)) / 2, 3)}
        for name, found in values.items()
    }


def write(path: Path, record: dict[str, Any], indent: int | None = None) -> None:
    """JSON, ended by a line end."""
    path.write_text(json.dumps(record, indent=indent) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
