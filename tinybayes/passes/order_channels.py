"""Puts the channels between two layers into another order; every output of the network stays the same to the bit.

Sums of integers do not depend on their order, so hidden neurons and channels may lie as their readers' weights are
stored best: nonzeros side by side, gaps short, blocks full.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from tinybayes.ir import AveragePool, Conv, Graph, Linear, MacNode, Node
from tinybayes.passes.chains import BY_CHANNEL

Order = npt.NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class Link:
    """A layer, the operators without weights behind it, and the one layer that reads them."""

    layer: MacNode
    between: tuple[Node, ...]
    reader: MacNode

    @property
    def channels(self) -> int:
        """Channels between the two."""
        return self.layer.outputs

    @property
    def writes(self) -> npt.NDArray[np.bool_]:
        """Which weights make each channel: (channels, weights of a row)."""
        found: npt.NDArray[np.bool_] = self.layer.matrix != 0
        return found

    @property
    def reads(self) -> npt.NDArray[np.bool_]:
        """Which weights read each channel: (channels, places where they are read)."""
        columns = self.reader.weight.reshape(self.reader.outputs, -1, self.channels)
        found: npt.NDArray[np.bool_] = np.moveaxis(columns != 0, 2, 0).reshape(self.channels, -1)
        return found


def links(graph: Graph) -> Iterator[Link]:
    """Every place of the network where channels may be put into another order: nothing else reads them."""
    for node in graph.nodes:
        if type(node) not in (Linear, Conv):
            continue
        assert isinstance(node, MacNode)
        between: list[Node] = []
        current: Node = node
        while current.output != graph.output:
            readers = [reader for reader in graph.nodes if current.output in reader.inputs]
            if len(readers) != 1 or len(readers[0].inputs) != 1:
                break
            current = readers[0]
            if isinstance(current, MacNode):
                reads_all = type(current) in (Linear, Conv) and _columns(graph, current) % node.outputs == 0
                if reads_all and node.outputs > 1:
                    yield Link(node, tuple(between), current)
                break
            if not isinstance(current, BY_CHANNEL):
                break
            between.append(current)


def _columns(graph: Graph, reader: MacNode) -> int:
    """Columns of each kernel position, if the reader's weights span all channels of its input; else -1."""
    channels = reader.weight.shape[3]
    return int(channels) if channels == graph.tensors[reader.input].shape[-1] else -1


def order_channels(graph: Graph, link: Link, order: Order) -> Graph:
    """``graph`` with channel ``order[k]`` of ``link`` in place ``k``."""
    layer, reader = link.layer, link.reader
    if sorted(order.tolist()) != list(range(link.channels)):
        raise ValueError(f"{layer.name}: not an order of its {link.channels} channels")
    columns = reader.weight.reshape(reader.outputs, -1, link.channels)[:, :, order]
    scale = layer.weight_scale
    moved: dict[str, Node] = {
        layer.name: replace(
            layer,
            weight=layer.weight[order],
            bias=layer.bias[order],
            weight_scale=scale[order] if scale is not None and scale.size > 1 else scale,
            requant=layer.requant.take(order) if layer.requant is not None else None,
        ),
        reader.name: replace(reader, weight=np.ascontiguousarray(columns.reshape(reader.weight.shape))),
    }
    for node in link.between:
        if isinstance(node, AveragePool) and node.requant is not None:
            moved[node.name] = replace(node, requant=node.requant.take(order))
    return graph.with_nodes([moved.get(node.name, node) for node in graph.nodes], graph.tensors)
