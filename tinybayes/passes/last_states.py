"""Recurrent layers of which only the last state is read write that alone."""

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from tinybayes.ir import Graph, Node, Rearrange, Recurrent, Select


def keep_last_states(graph: Graph) -> Graph:
    """The network without selections of the last position behind a recurrent layer that nothing else reads."""
    alone = {name for name in graph.tensors if len(graph.consumers(name)) == 1 and name != graph.output}
    writers = {node.output: node for node in graph.nodes if isinstance(node, Recurrent) and node.output in alone}
    lasts: dict[str, Node] = {}
    for node in graph.nodes:
        writer = writers.get(node.input)
        if isinstance(node, Select | Rearrange) and writer is not None and not writer.last_only:
            start = 0 if writer.backward else graph.tensors[node.input].elements - writer.units
            if np.array_equal(_read(node), np.arange(start, start + writer.units)):
                lasts[writer.name] = node
    if not lasts:
        return graph
    selections = {select.name for select in lasts.values()}
    nodes: list[Node] = []
    for node in graph.nodes:
        if isinstance(node, Recurrent) and node.name in lasts:
            nodes.append(replace(node, output=lasts[node.name].output, last_only=True))
        elif node.name not in selections:
            nodes.append(node)
    return graph.with_nodes(nodes, graph.tensors)


def _read(node: Select | Rearrange) -> npt.NDArray[np.int64]:
    """The elements that are kept, in order."""
    if isinstance(node, Select):
        return node.indices
    a, b, c = (np.arange(size) * stride for size, stride in zip(node.sizes, node.strides, strict=True))
    positions: npt.NDArray[np.int64] = (node.offset + a[:, None, None] + b[:, None] + c).reshape(-1)
    return positions
