"""Remakes examples/: trains a recipe for several seeds, ships the median one, and notes every figure.

    .venv/bin/python scripts/make_examples.py imu-user-id --seeds 0 1 2
    .venv/bin/python scripts/make_examples.py mnist-lenet300 --seeds 0

Trainings can be interrupted; the same command goes on from the checkpoints in out/examples/. Two recipes, or two seeds
in separate processes, may run side by side on two cores. The sizes are those of mps2-an386 (Cortex-M4).
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
    """Trains, picks the median seed by accuracy, writes the .tbn and its .json."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipe", choices=KNOBS)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--checkpoints", type=Path, default=Path("out/examples"))
    arguments = parser.parse_args()
    arguments.checkpoints.mkdir(parents=True, exist_ok=True)
    made: list[tuple[dict[str, Any], Graph]] = []
    for seed in arguments.seeds:
        print(f"{arguments.recipe}, seed {seed}", flush=True)
        knobs = replace(KNOBS[arguments.recipe](), seed=seed)
        checkpoint = arguments.checkpoints / f"{arguments.recipe}-seed{seed}.checkpoint"
        graph = network_from_training(train(arguments.recipe, knobs, checkpoint=checkpoint, progress=show))
        made.append((figures(graph), graph))
        print(json.dumps(made[-1][0]), flush=True)
    made.sort(key=lambda pair: pair[0]["integer_accuracy"])
    shipped, graph = made[(len(made) - 1) // 2]
    tbn.save(graph, EXAMPLES / f"{arguments.recipe}.tbn")
    record = {
        "recipe": arguments.recipe,
        "command": f"tinybayes train {arguments.recipe} --seed {shipped['seed']} --out examples/{arguments.recipe}.tbn",
        "all_seeds_command": f"python scripts/make_examples.py {arguments.recipe} --seeds "
        + " ".join(str(seed) for seed in arguments.seeds),
        **shipped,
        "test_error_percent": round(100 * (1 - shipped["integer_accuracy"]), 3),
        "seeds": [record for record, _ in sorted(made, key=lambda pair: pair[0]["seed"])],
        "mean": {
            key: statistics.mean(record[key] for record, _ in made)
            for key in ("float_accuracy", "integer_accuracy", "nonzero")
        },
    }
    (EXAMPLES / f"{arguments.recipe}.json").write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()
