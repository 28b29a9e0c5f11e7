"""From a finished training to the compressed network: import, quantize, remove what is dead, note the facts."""

from dataclasses import asdict
from typing import Any

import numpy as np
import torch

from tinybayes.frontend import import_module
from tinybayes.ir import Graph
from tinybayes.passes import to_integer
from tinybayes.recipes.training import Trained
from tinybayes.reference import execute, quantize_input

_BIAS_BITS = 8
_CHUNK_SAMPLES = 256


def compressed_network(trained: Trained) -> Graph:
    """The integer network of a training, with its accuracy at every stage among its facts.

    Biases take 8 bits and a shift: at the sizes reached here, 32-bit biases would be a tenth of all that is stored.
    """
    example = torch.from_numpy(trained.calibration_x[:2])
    graph = to_integer(import_module(trained.module, example), trained.calibration_x, bias_bits=_BIAS_BITS)
    data = trained.dataset
    stages: list[dict[str, Any]] = [
        {"stage": name, "accuracy": figures["accuracy"], "nonzero": int(figures["nonzero"])}
        for name, figures in trained.stages.items()
    ]
    nonzero = sum(node.nonzero for node in graph.mac_nodes)
    stages.append({"stage": "integer", "accuracy": _accuracy(graph, data.x_test, data.y_test), "nonzero": nonzero})
    return graph.with_facts(
        recipe=trained.recipe,
        seed=trained.seed,
        knobs=asdict(trained.knobs),
        stages=stages,
        float_accuracy=trained.dense_accuracy,
        by_recording=trained.by_recording,
    )


def _accuracy(graph: Graph, x: np.ndarray[Any, Any], y: np.ndarray[Any, Any]) -> float:
    codes = quantize_input(graph, x)
    right = 0
    for start in range(0, len(codes), _CHUNK_SAMPLES):
        outputs = execute(graph, codes[start : start + _CHUNK_SAMPLES])[graph.output]
        right += int((outputs.argmax(axis=1) == y[start : start + _CHUNK_SAMPLES]).sum())
    return right / len(codes)
