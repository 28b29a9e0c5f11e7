"""Recurrent layers of which only the last state is read write that alone."""

from dataclasses import replace

import numpy as np

from tinybayes.ir import Graph, Node, Recurrent, Select


def keep_last_states(graph: Graph) -> Graph:
    """The network without selections of the last position behind a recurrent layer that nothing else reads."""
    alone = {name for name in graph.tensors if len(graph.consumers(name)) == 1 and name != graph.output}
    writers = {node.output: node for node in graph.nodes if isinstance(node, Recurrent) and node.output in alone}
    lasts: dict[str, Select] = {}
    for node in graph.nodes:
        writer = writers.get(node.input)
        if isinstance(node, Select) and writer is not None and not writer.last_only:
            end = graph.tensors[node.input].elements
            if np.array_equal(node.indices, np.arange(end - writer.units, end)):
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
