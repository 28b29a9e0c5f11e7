"""Takes a maximum before a function that never decreases: the function then works on fewer elements."""

from dataclasses import replace

from tinybayes.ir import Graph, MaxPool, MaxPoolSpans, Node, Pointwise
from tinybayes.ir.functions import FUNCTIONS


def pool_first(graph: Graph) -> Graph:
    """The float network with every maximum in front of the rising function that it stood behind.

    The values are the same, and a convolution in front of the function can take the maximum along.
    """
    nodes = list(graph.nodes)
    tensors = dict(graph.tensors)
    moved = True
    while moved:
        moved = False
        for place in range(len(nodes) - 1):
            first, second = nodes[place], nodes[place + 1]
            if not _swaps(graph, first, second):
                continue
            tensors[first.output] = replace(tensors[second.output], name=first.output)
            nodes[place] = replace(second, inputs=first.inputs, output=first.output)
            nodes[place + 1] = replace(first, inputs=(first.output,), output=second.output)
            moved = True
    return graph.with_nodes(nodes, tensors)


def _swaps(graph: Graph, first: Node, second: Node) -> bool:
    rises = isinstance(first, Pointwise) and FUNCTIONS[first.function].rises(*first.parameters)
    follows = isinstance(second, MaxPool | MaxPoolSpans) and second.inputs == (first.output,)
    return rises and follows and len(graph.consumers(first.output)) == 1 and graph.output != first.output
