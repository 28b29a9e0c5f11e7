"""Removes what no output depends on, to the bit: dead neurons, constant neurons, inputs that nothing reads."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from tinybayes.ir import (
    Add,
    Affine,
    AveragePool,
    AveragePoolSpans,
    Conv,
    Flatten,
    Graph,
    Linear,
    MacNode,
    MaxPool,
    Multiply,
    Node,
    Pointwise,
    Requantize,
    Select,
    SpanPool,
    Tensor,
)
from tinybayes.passes.chains import BY_CHANNEL, PASSING, empty_layer, readers, refuse_empty_layers

Mask = npt.NDArray[np.bool_]
Codes = npt.NDArray[np.int64]


def remove_dead(graph: Graph) -> Graph:
    """The integer network without dead channels; every output is the same to the bit.

    Removes, until nothing changes: channels that no weight behind them reads; channels whose code is the same for every
    input (rows without weights, and rows that always end in the same clamp), whose constant goes into the next bias;
    and, in front of a linear first layer, inputs that no weight reads (a Select keeps the rest). ``dense_shape`` stays.
    A constant other than 0 in front of a padded convolution is kept, because the padding's zero differs from it.

    Raises UserError for a layer none of whose weights matter: the output would not depend on the input.
    """
    while True:
        refuse_empty_layers(graph)
        smaller = _drop_channels(graph)
        if smaller is None:
            return _select_inputs(graph)
        graph = smaller


@dataclass(frozen=True, eq=False)
class _Segment:
    """A layer, the operators without weights behind it, and the layer that reads them."""

    layer: MacNode
    between: tuple[Node, ...]
    reader: MacNode


def _segments(graph: Graph) -> list[tuple[_Segment, tuple[int, int]]]:
    """Each segment with the range of codes that its layer reads.

    Where anything else reads a tensor on the way, there is no segment: it keeps all of its channels.
    """
    ranges = _ranges(graph)
    read = readers(graph)
    reader_of = {name: node for node in graph.nodes for name in node.inputs}
    found: list[tuple[_Segment, tuple[int, int]]] = []
    for layer in graph.mac_nodes:
        between: list[Node] = []
        tensor = layer.output
        while read[tensor] == 1 and tensor in reader_of:
            node = reader_of[tensor]
            if isinstance(node, MacNode):
                found.append((_Segment(layer, tuple(between), node), ranges[layer.input]))
                break
            between.append(node)
            tensor = node.output
    return found


def _ranges(graph: Graph) -> dict[str, tuple[int, int]]:
    """The range of the codes of every tensor."""
    ranges = {graph.input: graph.input_tensor.code_range}
    for node in graph.nodes:
        ranges[node.output] = _written(node, [ranges[name] for name in node.inputs], graph.tensors[node.output])
    return ranges


def _written(node: Node, read: Sequence[tuple[int, int]], target: Tensor) -> tuple[int, int]:
    """The range of the codes that a layer writes, where it reads codes in the ranges ``read``."""
    if (
        isinstance(node, MacNode | AveragePool | AveragePoolSpans | Requantize | Add | Multiply)
        and node.requant is not None
    ):
        return node.requant.low, node.requant.high
    if isinstance(node, Affine):
        return node.low, node.high
    if isinstance(node, Pointwise) and node.table is not None:
        return int(node.table.min()), int(node.table.max())
    # Several inputs, and codes on a grid of their own, may be anything.
    return read[0] if isinstance(node, PASSING) else target.code_range


def _drop_channels(graph: Graph) -> Graph | None:
    """The network without the channels that can go from the first layer that has any, or None."""
    for segment, read in _segments(graph):
        if not all(isinstance(node, BY_CHANNEL) for node in segment.between):
            continue
        layer, reader = segment.layer, segment.reader
        constant, layer_codes = _constants(layer, read)
        if constant.all():
            raise empty_layer(layer)
        codes, same = _through(segment.between, layer_codes, graph.tensors)
        constant &= same
        # Channels are the last dimension of a map, so they stay the fastest index behind a flattening.
        columns = reader.weight.reshape(reader.outputs, -1, layer.outputs).astype(np.int64)
        is_read = np.any(columns != 0, axis=(0, 1))
        padded = isinstance(reader, Conv) and any(reader.padding)
        folded = constant & ((codes == 0) | (not padded))
        keep = is_read & ~folded
        if not keep.any():
            raise empty_layer(reader)
        if keep.all():
            continue
        bias = reader.bias + (columns.sum(axis=1) @ np.where(folded, codes, 0)).astype(np.int32)
        return _rebuilt(graph, segment, keep, bias)
    return None


def _constants(layer: MacNode, read: tuple[int, int]) -> tuple[Mask, Codes]:
    """Which channels give the same code for every input, and those codes.

    The requantization never decreases, so it is enough that the smallest and the largest accumulator give one code.
    """
    if layer.requant is None:
        raise ValueError(f"{layer.name}: not an integer layer")
    weight = layer.matrix.astype(np.int64)
    low, high = min(read[0], 0), max(read[1], 0)
    rising, falling = np.maximum(weight, 0).sum(axis=1), np.minimum(weight, 0).sum(axis=1)
    bias = layer.bias.astype(np.int64)
    smallest = layer.requant.apply((bias + rising * low + falling * high)[None])[0]
    largest = layer.requant.apply((bias + rising * high + falling * low)[None])[0]
    return smallest == largest, largest


def _through(between: Sequence[Node], codes: Codes, tensors: Mapping[str, Tensor]) -> tuple[Codes, Mask]:
    """Constant codes of channels behind operators that keep channels apart, and where they are the same everywhere."""
    same = np.ones(codes.shape, np.bool_)
    for node in between:
        if isinstance(node, AveragePool) and node.requant is not None:
            codes = node.requant.apply((codes * (node.window[0] * node.window[1]))[None])[0]
        elif isinstance(node, AveragePoolSpans) and node.requant is not None:
            same &= codes == 0  # other sums differ from window to window
            codes = np.clip(codes, node.requant.low, node.requant.high)
        elif isinstance(node, Requantize):
            codes = node.requant.apply(codes)
        elif isinstance(node, Pointwise) and node.table is not None:
            codes = node.table[codes & 0xFF].astype(np.int64)
        codes = np.clip(codes, *tensors[node.output].code_range)
    return codes, same


def _rebuilt(graph: Graph, segment: _Segment, keep: Mask, bias: npt.NDArray[np.int32]) -> Graph:
    """The network with only the channels ``keep`` between a layer and its reader."""
    channels = np.flatnonzero(keep)
    layer, reader = segment.layer, segment.reader
    height, width, _ = graph.tensors[layer.output].hwc
    columns = reader.weight.reshape(reader.outputs, -1, layer.outputs)[:, :, channels]
    replaced: dict[str, Node] = {
        layer.name: _rows(layer, channels),
        reader.name: replace(reader, weight=columns.reshape(*reader.weight.shape[:3], -1), bias=bias),
    }
    tensors = dict(graph.tensors)
    _resize(tensors, layer.output, height * width, channels.size)
    positions = height * width
    for node in segment.between:
        if isinstance(node, AveragePool | MaxPool | SpanPool):
            rows, columns_out, _ = graph.tensors[node.output].hwc
            positions = rows * columns_out
        if isinstance(node, AveragePool) and node.requant is not None:
            replaced[node.name] = replace(node, requant=node.requant.take(channels))
        _resize(tensors, node.output, positions, channels.size)
    return graph.with_nodes((replaced.get(node.name, node) for node in graph.nodes), tensors)


def _rows(layer: MacNode, channels: npt.NDArray[np.intp]) -> MacNode:
    scale = layer.weight_scale
    return replace(
        layer,
        weight=layer.weight[channels],
        bias=layer.bias[channels],
        weight_scale=scale[channels] if scale is not None and scale.size > 1 else scale,
        requant=layer.requant.take(channels) if layer.requant is not None else None,
    )


def _resize(tensors: dict[str, Tensor], name: str, positions: int, channels: int) -> None:
    shape = tensors[name].shape
    flat = len(shape) == 1
    tensors[name] = replace(tensors[name], shape=(positions * channels,) if flat else (*shape[:-1], channels))


def _select_inputs(graph: Graph) -> Graph:
    """Puts a Select in front of a linear first layer that does not read all of its inputs."""
    place = next((index for index, node in enumerate(graph.nodes) if not isinstance(node, Flatten | Select)), None)
    first = graph.nodes[place] if place is not None else None
    if place is None or not isinstance(first, Linear):
        return graph
    keep = np.flatnonzero(np.any(first.matrix != 0, axis=0)).astype(np.int64)
    if keep.size == first.matrix.shape[1]:
        return graph
    before = list(graph.nodes[:place])
    source = graph.tensors[first.input]
    indices = keep
    previous = before[-1] if before else None
    if isinstance(previous, Select) and previous.output == first.input and readers(graph)[previous.output] == 1:
        before.pop()
        indices, source = previous.indices[keep], graph.tensors[previous.input]
    name = _unused(f"{first.name}.inputs", graph)
    selected = replace(source, name=name, shape=(int(keep.size),))
    select = Select(name=name, inputs=(source.name,), output=name, indices=indices)
    weight = np.ascontiguousarray(first.weight[:, :, :, keep])
    narrowed = replace(first, inputs=(name,), weight=weight)
    nodes = (*before, select, narrowed, *graph.nodes[place + 1 :])
    return graph.with_nodes(nodes, {**graph.tensors, name: selected})


def _unused(name: str, graph: Graph) -> str:
    taken = {*graph.tensors, *(node.name for node in graph.nodes)}
    while name in taken:
        name += "_"
    return name
