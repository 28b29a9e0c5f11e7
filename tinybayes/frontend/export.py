"""From a torch module, a .pt2 file or the name of a Python function to a float network."""

import importlib
import io
import logging
import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from tinybayes.errors import UnsupportedError, UserError, did_you_mean
from tinybayes.frontend.archive import read_archive, read_pt2
from tinybayes.frontend.convert import convert
from tinybayes.ir import Graph


def import_module(module: nn.Module, example: Tensor | npt.NDArray[np.floating] | None) -> Graph:
    """The float network that ``module`` computes.

    ``example`` is a batch of real inputs (samples, *sample shape), at least one sample: its shape says what the
    network takes, and calibration data serves. What a module says in ``output_meaning``, a text, goes into the header
    of its generated code, and ``class_scores``, a number, says how many of its outputs a class is chosen by. Raises
    UserError for an example that is missing or of another kind and for a wrong ``class_scores``, and UnsupportedError
    for anything that is not supported, with its place in the module, and for a module that torch.export cannot trace.
    """
    wanted = "wanted floating-point numbers of shape (samples, ...), at least one sample"
    if example is None:
        raise UserError(f"a torch module needs example inputs, such as calibration data, to be traced with: {wanted}")
    inputs = example if isinstance(example, Tensor) else torch.from_numpy(np.array(example[:1]))
    if inputs.ndim < 2 or inputs.shape[0] < 1 or not inputs.is_floating_point():
        raise UserError(f"example inputs: got {inputs.dtype} of shape {tuple(inputs.shape)}; {wanted}")
    if not isinstance(example, Tensor):
        inputs = inputs.float()
    # A batch of one is what torch.export takes for a constant; two samples keep it dynamic.
    batch = torch.cat([inputs[:1], inputs[:1]])
    name = type(module).__name__
    buffer = io.BytesIO()
    with _quiet():
        try:
            exported = torch.export.export(module, (batch,), dynamic_shapes=({0: torch.export.Dim.AUTO},))
        except Exception as error:
            reason = str(error).strip().splitlines()
            raise UnsupportedError(
                f"{name}: torch.export cannot trace the module on inputs of shape (samples, "
                f"{', '.join(map(str, batch.shape[1:]))}): {type(error).__name__}: {reason[0] if reason else ''}. Its "
                "forward must take one tensor of that shape and be free of Python control flow on data"
            ) from error
        torch.export.save(exported, buffer)
    graph = convert(read_archive(buffer, name))
    return _with_meaning(graph, module)


def _with_meaning(graph: Graph, module: nn.Module) -> Graph:
    """The graph with what the module says of its outputs among its facts."""
    meaning, scores = getattr(module, "output_meaning", None), getattr(module, "class_scores", None)
    if isinstance(meaning, str):
        graph = graph.with_facts(output_meaning=meaning)
    if scores is None:
        return graph
    told = graph.with_facts(class_scores=scores)
    if told.class_scores is None:
        raise UserError(
            f"{type(module).__name__}.class_scores is {scores!r}, wanted how many of the outputs of shape "
            f"{graph.output_tensor.shape} are scores of classes, a whole number from 1 on; leave it out if all are"
        )
    return told


def import_pt2(path: str | os.PathLike[str]) -> Graph:
    """The float network in a file written by ``torch.export.save`` (torch 2.9 or later).

    Only the program's JSON and raw weights are read: pickles inside the file are never loaded, so that a file from a
    stranger cannot run code. Raises UserError if there is no such file, FileFormatError if it is damaged or of another
    kind, UnsupportedError if the network uses what is not supported.
    """
    return convert(read_pt2(Path(path)))


def import_callable(name: str) -> nn.Module:
    """The module that the function ``name`` ("package.module:function") returns, in evaluation mode.

    The current directory is searched first, as ``python -m`` does. Raises UserError that says what was not found.
    """
    where, _, function = name.partition(":")
    if not where or not function:
        raise UserError(f"model {name!r}: wanted 'module:callable', for instance 'my_package.networks:lenet'")
    with _current_directory_first():
        try:
            module = importlib.import_module(where)
        except ImportError as error:
            raise UserError(f"model {name!r}: cannot import {where!r}: {error}") from error
    build = getattr(module, function, None)
    if not callable(build):
        hint = did_you_mean(function, (key for key, value in vars(module).items() if callable(value)))
        raise UserError(f"model {name!r}: module {where!r} has no callable {function!r}.{hint}")
    network = build()
    if not isinstance(network, nn.Module):
        raise UserError(f"model {name!r}: got {type(network).__name__} from {function}(), wanted a torch.nn.Module")
    return network.eval()


@contextmanager
def _quiet() -> Iterator[None]:
    """What torch's exporter warns of and logs concerns torch; what matters to the user is raised."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)


@contextmanager
def _current_directory_first() -> Iterator[None]:
    here = str(Path.cwd())
    sys.path.insert(0, here)
    try:
        yield
    finally:
        sys.path.remove(here)
