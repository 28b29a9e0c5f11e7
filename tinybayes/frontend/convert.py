"""Exported program -> float Graph."""

from tinybayes.errors import InternalError, UnsupportedError, did_you_mean
from tinybayes.frontend import series
from tinybayes.frontend.chain import Chain
from tinybayes.frontend.operators import HANDLERS, SUPPORTED
from tinybayes.frontend.program import Call, Program, Ref
from tinybayes.ir import Graph, Node, verify


def convert(program: Program) -> Graph:
    """The network that ``program`` computes, channels last. Raises UnsupportedError and FileFormatError."""
    live = _live(program)
    chain = Chain(program, live)
    for call in live:
        handler = HANDLERS.get(call.operator)
        if handler is None:
            hint = did_you_mean(call.operator, HANDLERS)
            raise UnsupportedError(
                f"{program.source}: {call.place}: operator aten.{call.operator} is not supported.{hint} Supported "
                f"are: {SUPPORTED}"
            )
        handler(chain, call)
        if call.operator.endswith("_"):
            chain.overwrite(call)
        _check_shape(chain, call)
    if live and program.output in chain.batch_second:
        chain.refuse(live[-1], "leaves a network whose batch is the second dimension: put the batch first again")
    if live and program.output in chain.values:
        series.settle_output(chain, live[-1], program.output)
    graph = chain.graph()
    try:
        return verify(graph.with_nodes(_read(graph), graph.tensors))
    except InternalError as error:
        raise UnsupportedError(f"{program.source}: the program does not fit together: {error}") from error


def _check_shape(chain: Chain, call: Call) -> None:
    """What was understood must have the shape that torch found, or something else was meant."""
    for name in call.results:
        value = chain.values.get(name)
        declared = chain.program.shapes.get(name)
        if value is not None and value.torch_shape != declared:
            wanted = "missing" if declared is None else f"(batch, {', '.join(map(str, declared))})"
            chain.refuse(
                call,
                f"gives (batch, {', '.join(map(str, value.torch_shape))}) by what is supported here, but its shape in "
                f"the program is {wanted}: only the batch may be dynamic, and it must stay the first dimension",
            )


def _read(graph: Graph) -> list[Node]:
    """The operators that the output depends on: of recurrent layers, not all states need be read."""
    needed = {graph.output}
    nodes: list[Node] = []
    for node in reversed(graph.nodes):
        if node.output in needed:
            needed.update(node.inputs)
            nodes.append(node)
    return nodes[::-1]


def _live(program: Program) -> list[Call]:
    """The calls that the output depends on, in order; those that work in place change what they are given, too."""
    needed = {program.output}
    live: list[Call] = []
    for call in reversed(program.calls):
        changed = call.arguments.get("self", call.arguments.get("input")) if call.operator.endswith("_") else None
        if needed.intersection((call.result, *call.results)) or (isinstance(changed, Ref) and changed.name in needed):
            needed.update(call.reads)
            live.append(call)
        elif isinstance(changed, Ref) and changed.name not in program.paths:
            raise UnsupportedError(
                f"{program.source}: {call.place}: aten.{call.operator} works in place, and nothing reads its result: "
                "write x = f(x), so that what depends on it can be seen"
            )
    return live[::-1]
