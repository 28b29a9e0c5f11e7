"""Exported program -> float Graph."""

from tinybayes.errors import InternalError, UnsupportedError, did_you_mean
from tinybayes.frontend.chain import Chain
from tinybayes.frontend.operators import HANDLERS, SUPPORTED
from tinybayes.frontend.program import Call, Program
from tinybayes.ir import Graph, verify


def convert(program: Program) -> Graph:
    """The network that ``program`` computes, channels last. Raises UnsupportedError and FileFormatError."""
    chain = Chain(program)
    for call in _live(program):
        handler = HANDLERS.get(call.operator)
        if handler is None:
            hint = did_you_mean(call.operator, HANDLERS)
            raise UnsupportedError(
                f"{program.source}: {call.place}: operator aten.{call.operator} is not supported.{hint} Supported "
                f"are: {SUPPORTED}"
            )
        handler(chain, call)
    graph = chain.graph()
    try:
        return verify(graph.with_nodes(graph.nodes, graph.tensors))
    except InternalError as error:
        raise UnsupportedError(f"{program.source}: the program does not fit together: {error}") from error


def _live(program: Program) -> list[Call]:
    """The calls that the output depends on, in order."""
    needed = {program.output}
    live: list[Call] = []
    for call in reversed(program.calls):
        if call.result in needed:
            needed.update(call.reads)
            live.append(call)
    return live[::-1]
