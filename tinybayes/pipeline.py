"""The stages from a trained network to verified firmware, readable top to bottom."""

import math
from collections.abc import Mapping
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from tinybayes import tbn
from tinybayes.boards import Board, Target
from tinybayes.deployment import NETWORK_FILE, WITHOUT_LINK, Deployment, network_digest
from tinybayes.emit.directory import check_ours, write_files
from tinybayes.emit.firmware import check_network_name
from tinybayes.errors import LimitError, UnsupportedError, UserError
from tinybayes.hil.messages import SELF_TESTS, golden_input
from tinybayes.image_fit import can_build, fit_image, measure_image
from tinybayes.ir import Graph
from tinybayes.passes import check_recurrent_bits, to_integer
from tinybayes.plan import Limits, Plan, check_fits, make_plan
from tinybayes.plan.ordering import plan_in_best_order
from tinybayes.project import project_files
from tinybayes.reference import chosen_classes, execute, quantize_input
from tinybayes.report import record as records
from tinybayes.report.verdict import expect

if TYPE_CHECKING:
    from torch import nn

    from tinybayes.recipes.training import Trained

_TRAINED_BIAS_BITS = 8
_CHUNK_SAMPLES = 256
_TIGHT_BYTES = 32 * 1024
"""Where constants leave less of a board's flash than this, the image is built and measured before it is decided on."""
_NO_CALIBRATION = (
    "a model that is not compressed yet needs data to scale its activations by: give --calibration X.npz with an array "
    "'x', float32, of some hundred typical inputs"
)


def load_network(
    model: "str | Path | nn.Module | Graph",
    calibration: npt.NDArray[np.float32] | None = None,
    *,
    per_channel: bool = True,
    recurrent_bits: int = 8,
) -> Graph:
    """An integer network from a ``.tbn`` file, a ``.pt2`` file, ``module:callable``, or a torch module.

    ``calibration`` is float32 (samples, *torch input shape): activations are scaled by it. A ``.tbn`` needs none.
    ``per_channel`` gives weights that are not integers yet a scale for each output channel, else one for each layer;
    ``recurrent_bits`` (8 or 16) is how many bits of their hidden states its recurrent layers multiply with.
    Raises UserError where it is missing or of another shape, FileFormatError and UnsupportedError for bad models.
    """
    check_recurrent_bits(recurrent_bits)
    if isinstance(model, Graph):
        graph = model
    elif isinstance(model, str | Path) and str(model).endswith(".tbn"):
        graph = tbn.load(model)
    else:
        graph = import_network(model, calibration)
    if graph.is_integer:
        return graph
    if calibration is None:
        raise UserError(_NO_CALIBRATION)
    return to_integer(graph, calibration, per_channel=per_channel, recurrent_bits=recurrent_bits)


def import_network(model: "str | Path | nn.Module", calibration: npt.NDArray[np.float32] | None) -> Graph:
    """The float network of a ``.pt2`` file, ``module:callable`` or torch module; raises as :func:`load_network`."""
    is_archive = isinstance(model, str | Path) and str(model).endswith(".pt2")
    if not is_archive and (isinstance(model, Path) or (isinstance(model, str) and ":" not in model)):
        raise UserError(f"{model}: wanted a .tbn or .pt2 file, or module:callable that names a function in Python")
    from tinybayes.frontend import import_callable, import_module, import_pt2  # brings torch along

    if is_archive or isinstance(model, Path):
        return import_pt2(str(model))
    module = import_callable(model) if isinstance(model, str) else model
    if calibration is None:
        raise UserError(_NO_CALIBRATION)
    return import_module(module, calibration[:2])


def compile_network(
    graph: Graph,
    board: Target,
    out: Path,
    *,
    objective: str = "balanced",
    name: str = "network",
    protocol: str | None = None,
    max_flash_bytes: int | None = None,
    max_ram_bytes: int | None = None,
    max_latency_seconds: float | None = None,
    formats: Mapping[str, str | None] | None = None,
) -> Deployment:
    """Plans ``graph`` for ``board`` and writes the firmware project into ``out``; for a core alone, the library.

    ``formats`` fixes the plan: the weight format, or None, of every step by its name; no objective chooses then. Else
    hidden channels are put into the best order found, and the network of the plan is the one in that order.
    ``protocol`` is ``"frames"`` (the default), ``"mlperf"`` or ``"none"``, and nothing else than that for a core alone.
    Everything is made in memory first: on any error ``out`` is as it was.
    """
    check_network_name(name)
    check_ours(out)
    protocol = _protocol_for(board, protocol)
    buffers_bytes = _buffers_bytes(graph, board, protocol)
    limits = _limits(board, max_flash_bytes, max_ram_bytes, max_latency_seconds, buffers_bytes)
    if formats is not None:
        plan = make_plan(graph, objective, board.core, formats, limits)
    else:
        plan = plan_in_best_order(graph, objective, board.core, limits)
    measured = None
    if formats is None:
        if isinstance(board, Board):
            plan = _within_memories(plan, board, limits)
        plan, measured = _within_image(plan, board, limits, name, protocol)
    if isinstance(board, Board):
        sure_bytes = buffers_bytes + board.stack_bytes
        check_fits(plan, board.flash.size_bytes, board.ram.size_bytes, f"on {board.name}", sure_bytes)
    flash_limit, ram_limit = (limit if limit is not None else 2**32 for limit in (max_flash_bytes, max_ram_bytes))
    check_fits(plan, flash_limit, ram_limit, "within --max-flash and --max-ram", buffers_bytes)
    network = tbn.dumps(plan.graph)
    digest = network_digest(network)
    record = records.compiled(plan, board, name=name, protocol=protocol)
    golden = _golden_vectors(plan) if protocol == "frames" else []
    record["limits"] = {
        "flash_bytes": max_flash_bytes,
        "ram_bytes": max_ram_bytes,
        "latency_seconds": max_latency_seconds,
        "image_measured": measured,
    }
    files: dict[str, str | bytes] = {
        **project_files(plan, board, name, network_digest=digest, protocol=protocol, golden_vectors=golden),
        NETWORK_FILE: network,
        records.FILE_NAME: records.record_text(record),
    }
    write_files(out, files)
    return Deployment(out, plan, board, record)


def _protocol_for(board: Target, protocol: str | None) -> str:
    if isinstance(board, Board):
        return "frames" if protocol is None else protocol
    if protocol not in (None, "none"):
        raise UnsupportedError(
            f"--protocol: got {protocol!r}, but {board.name} is a core without a board: only a library is made, and "
            "it speaks no protocol; leave the option out, or choose a board (`tinybayes boards`)"
        )
    return "none"


def _within_memories(plan: Plan, board: Board, limits: Limits) -> Plan:
    """The plan, or another one where its constants or its arena alone exceed the board's memories, if there is any."""
    most_flash, most_ram = board.flash.size_bytes, board.ram.size_bytes - board.stack_bytes
    if plan.weights_bytes <= most_flash and plan.arena_bytes + limits.buffers_bytes <= most_ram:
        return plan
    flash_bytes = min(most_flash, limits.flash_bytes or most_flash)
    ram_bytes = min(most_ram, limits.ram_bytes or most_ram)
    within = replace(limits, flash_bytes=flash_bytes, ram_bytes=ram_bytes)
    try:
        return make_plan(plan.graph, plan.objective, plan.core, limits=within)
    except LimitError:
        return plan  # check_fits says what is wrong with it


def _within_image(plan: Plan, target: Target, limits: Limits, name: str, protocol: str) -> tuple[Plan, bool | None]:
    """The plan, or another one where its whole image exceeds a limit or the board's flash, and whether it was built.

    That is None where nothing asks for it. Raises LimitError where no image was found within the limits; that none
    fits the board is left to :meth:`Deployment.build` to tell, of the smallest one.
    """
    limited = limits.flash_bytes is not None or limits.ram_bytes is not None
    board_bytes = target.flash.size_bytes if isinstance(target, Board) else None
    if not limited and (board_bytes is None or plan.weights_bytes + _TIGHT_BYTES <= board_bytes):
        return plan, None
    if not can_build():
        return plan, False
    known = [size for size in (limits.flash_bytes, board_bytes) if size is not None]
    stack = limits.ram_bytes is not None
    measure = partial(measure_image, target=target, name=name, protocol=protocol, stack=stack)
    found = fit_image(plan, replace(limits, flash_bytes=min(known, default=None)), measure)
    if not found.fits(limits):
        link = WITHOUT_LINK if protocol == "frames" else ""
        raise LimitError(
            f"no plan keeps within the limits: the smallest image that was found {found.excess_text(limits)}{link}"
        )
    return found.plan, True


def _limits(
    board: Target, flash_bytes: int | None, ram_bytes: int | None, latency_seconds: float | None, buffers_bytes: int
) -> Limits:
    """What the plan keeps within: constants alone against flash, arena and buffers of the firmware against RAM."""
    cycles = None
    if latency_seconds is not None:
        if not isinstance(board, Board):
            raise UnsupportedError(f"--max-latency: {board.name} is a core without a board, so it has no clock")
        cycles = math.floor(latency_seconds * board.chip.clock_hz)
    milliseconds = f" ({latency_seconds * 1e3:g} ms)" if latency_seconds is not None else ""
    return Limits(flash_bytes, ram_bytes, cycles, milliseconds, buffers_bytes)


def _golden_vectors(plan: Plan) -> list[list[int]]:
    """What every step must leave for the inputs of the device's self-test: CRC-32, by vector and step."""
    elements = plan.graph.input_tensor.elements
    inputs = np.stack([golden_input(vector, elements) for vector in range(SELF_TESTS)])
    crcs: list[list[int]] = expect(plan, inputs).tensor_crcs.tolist()
    return crcs


def _buffers_bytes(graph: Graph, board: Target, protocol: str) -> int:
    """RAM that the firmware is sure to take beside the arena and the stack; a library takes none."""
    if not isinstance(board, Board):
        return 0
    window_bytes = 0 if protocol == "none" else board.link_window_bytes
    link_bytes = window_bytes + (board.link_request_bytes if protocol == "frames" else 0)
    return graph.input_tensor.elements + graph.output_tensor.elements + link_bytes


def network_from_training(trained: "Trained") -> Graph:
    """The integer network of a finished training, with its accuracy at every stage among its facts.

    Biases take 8 bits and a shift: at the sizes reached here, 32-bit biases would be a tenth of all that is stored.
    """
    from tinybayes.frontend import fake_quantized_classes, import_module

    data = trained.dataset
    graph = import_module(trained.module, trained.calibration_x[:2])
    graph = to_integer(graph, trained.calibration_x, bias_bits=_TRAINED_BIAS_BITS)
    stages: list[dict[str, Any]] = [
        {"stage": name, "accuracy": figures["accuracy"], "nonzero": int(figures["nonzero"])}
        for name, figures in trained.stages.items()
    ]
    nonzero = sum(node.nonzero for node in graph.mac_nodes)
    integer = reference_accuracy(graph, data.x_test, data.y_test)
    stages.append({"stage": "integer", "accuracy": integer, "nonzero": nonzero})
    simulated = fake_quantized_classes(graph, data.x_test)
    agreement = float((reference_classes(graph, data.x_test) == simulated).mean())
    return graph.with_facts(
        recipe=trained.recipe,
        seed=trained.seed,
        knobs=asdict(trained.knobs),
        stages=stages,
        float_accuracy=trained.dense_accuracy,
        by_recording=trained.by_recording,
        fake_quant_agreement=agreement,
        training_seconds=round(sum(figures["seconds"] for figures in trained.stages.values())),
    )


def reference_classes(graph: Graph, x: npt.NDArray[np.float32]) -> npt.NDArray[np.int64]:
    """The class with the largest output (the first of equals) in the reference, for each sample."""
    codes = quantize_input(graph, x)
    chunks = (execute(graph, codes[start : start + _CHUNK_SAMPLES]) for start in range(0, len(codes), _CHUNK_SAMPLES))
    return np.concatenate([chosen_classes(values[graph.output], graph.class_scores) for values in chunks])


def reference_accuracy(graph: Graph, x: npt.NDArray[np.float32], y: npt.NDArray[np.int64]) -> float:
    """Accuracy of the integer network in the reference."""
    return float((reference_classes(graph, x) == y).mean())
