"""Small integer networks for tests: every operator, every weight format, odd shapes."""

from dataclasses import dataclass, replace

import numpy as np

from tinybayes.ir import (
    Add,
    Affine,
    ArgMax,
    AveragePool,
    AveragePoolSpans,
    Concat,
    ConstantPad,
    Conv,
    Flatten,
    Graph,
    Linear,
    MaxPool,
    Multiply,
    Node,
    Pointwise,
    Rearrange,
    Recurrent,
    Requant,
    Requantize,
    Select,
    Softmax,
    SumRequant,
    Tensor,
    verify,
)
from tinybayes.ir.tensor import DType
from tinybayes.passes.order_channels import links, order_channels
from tinybayes.passes.tables import exponentials
from tinybayes.plan.candidates import candidates_of, parts
from tinybayes.plan.core_class import core_class
from tinybayes.plan.steps import lower
from tinybayes.reference.recurrent import tanh_curve


def sparse_weight(rng: np.random.Generator, shape: tuple[int, ...], density: float, levels: int) -> np.ndarray:
    """int8 weights with at most ``levels`` distinct nonzero values and at least one nonzero."""
    values = rng.choice(np.setdiff1d(np.arange(-127, 128), [0]), size=levels, replace=False)
    weight = rng.choice(values, size=shape) * (rng.random(shape) < density)
    weight.reshape(-1)[rng.integers(weight.size)] = values[0]
    return weight.astype(np.int8)


def requant_for(rng: np.random.Generator, accumulators: int, dtype: DType, channels: int = 1) -> Requant:
    """A requantization that spreads accumulators up to ``accumulators`` over the codes and clips some of them."""
    pre = max(0, int(accumulators).bit_length() - int(rng.integers(13, 17)))
    multiplier = rng.integers(2**14, 2**15, size=channels).astype(np.int32)
    post = max(1, (int(accumulators) >> pre).bit_length() + 15 - int(rng.integers(8, 11)))
    low, high = (0, 255) if dtype == "uint8" else (-128, 127)
    return Requant(pre, multiplier, min(post, 30), low, high)


@dataclass
class Builder:
    """Appends operators to a chain, keeping shapes right."""

    rng: np.random.Generator
    shape: tuple[int, ...]
    density: float = 0.3
    levels: int = 12
    per_channel: bool = False

    def __post_init__(self) -> None:
        self.tensors = {"x": Tensor("x", self.shape, "int8", 0.05)}
        self.nodes: list[Node] = []
        self.current = "x"

    @property
    def tensor(self) -> Tensor:
        return self.tensors[self.current]

    def _append(self, node: Node, shape: tuple[int, ...], dtype: DType) -> "Builder":
        keeps = isinstance(node, Flatten | Select | MaxPool)
        self.tensors[node.output] = Tensor(node.output, shape, dtype, self.tensor.scale if keeps else 0.05)
        self.nodes.append(node)
        self.current = node.output
        return self

    def _mac(
        self, kind: type, shape: tuple[int, int, int, int], target: tuple[int, ...], dtype: DType, **extra: object
    ) -> "Builder":
        weight = sparse_weight(self.rng, shape, self.density, self.levels)
        bias = (self.rng.integers(-100, 100, size=shape[0]) << int(self.rng.integers(0, 6))).astype(np.int32)
        bound = int(np.abs(weight.astype(int)).reshape(shape[0], -1).sum(axis=1).max()) * 128 + 6400
        channels = shape[0] if self.per_channel else 1
        node = kind(
            name=f"layer.{len(self.nodes)}", inputs=(self.current,), output=f"t{len(self.nodes)}", weight=weight,
            bias=bias, dense_shape=shape, weight_scale=np.full(channels, 0.01),
            requant=requant_for(self.rng, bound, dtype, channels), **extra,
        )  # fmt: skip
        return self._append(node, target, dtype)

    def linear(self, outputs: int, dtype: DType = "int8") -> "Builder":
        return self._mac(Linear, (outputs, 1, 1, self.tensor.elements), (outputs,), dtype)

    def conv(self, outputs: int, kernel: tuple[int, int], stride: tuple[int, int] = (1, 1),
             padding: tuple[int, int, int, int] = (0, 0, 0, 0), dtype: DType = "uint8") -> "Builder":  # fmt: skip
        height, width, channels = self.tensor.hwc
        rows = (height + padding[0] + padding[1] - kernel[0]) // stride[0] + 1
        columns = (width + padding[2] + padding[3] - kernel[1]) // stride[1] + 1
        target = (rows, columns, outputs) if len(self.tensor.shape) == 3 else (columns, outputs)
        return self._mac(Conv, (outputs, *kernel, channels), target, dtype, stride=stride, padding=padding)

    def grouped(self, outputs: int, kernel: tuple[int, int], groups: int, dilation: tuple[int, int] = (1, 1),
                stride: tuple[int, int] = (1, 1), padding: tuple[int, int, int, int] = (0, 0, 0, 0),
                dtype: DType = "uint8") -> "Builder":  # fmt: skip
        """A convolution whose kernel positions lie apart, without weights between groups of channels."""
        span = tuple((size - 1) * apart + 1 for size, apart in zip(kernel, dilation, strict=True))
        self.conv(outputs, (span[0], span[1]), stride, padding, dtype)
        weight = self.nodes[-1].weight
        mask = np.zeros(weight.shape, dtype=bool)
        channels = weight.shape[3] // groups
        for group in range(groups):
            rows = slice(group * outputs // groups, (group + 1) * outputs // groups)
            inside = slice(group * channels, (group + 1) * channels)
            mask[rows, :: dilation[0], :: dilation[1], inside] = True
            if not np.any(weight[rows] * mask[rows]):
                weight[rows, -1, -1, inside] = 3
        weight *= mask
        return self

    def pool(self, kind: type, window: tuple[int, int], stride: tuple[int, int] | None = None) -> "Builder":
        stride = stride or window
        height, width, channels = self.tensor.hwc
        rows, columns = (height - window[0]) // stride[0] + 1, (width - window[1]) // stride[1] + 1
        target = (rows, columns, channels) if len(self.tensor.shape) == 3 else (columns, channels)
        extra = {}
        if kind is AveragePool:
            extra["requant"] = requant_for(self.rng, 255 * window[0] * window[1], self.tensor.dtype)
        node = kind(name=f"pool.{len(self.nodes)}", inputs=(self.current,), output=f"t{len(self.nodes)}", window=window,
                    stride=stride, **extra)  # fmt: skip
        return self._append(node, target, self.tensor.dtype)

    def max_pool(self, window: tuple[int, int], stride: tuple[int, int] | None = None) -> "Builder":
        return self.pool(MaxPool, window, stride)

    def average_pool(self, window: tuple[int, int], stride: tuple[int, int] | None = None) -> "Builder":
        return self.pool(AveragePool, window, stride)

    def flatten(self) -> "Builder":
        node = Flatten(name=f"flatten.{len(self.nodes)}", inputs=(self.current,), output=f"t{len(self.nodes)}")
        return self._append(node, (self.tensor.elements,), self.tensor.dtype)

    def select(self, keep: np.ndarray) -> "Builder":
        node = Select(
            name=f"select.{len(self.nodes)}", inputs=(self.current,), output=f"t{len(self.nodes)}", indices=keep
        )
        return self._append(node, (keep.size,), self.tensor.dtype)

    def pointwise(self, dtype: DType = "int8", table: np.ndarray | None = None) -> "Builder":
        low, high = (0, 255) if dtype == "uint8" else (-128, 127)
        table = self.rng.integers(low, high + 1, 256) if table is None else table
        node = Pointwise(name=f"pointwise.{len(self.nodes)}", inputs=(self.current,), output=f"t{len(self.nodes)}",
                         function="tanh", table=table.astype(np.int16))  # fmt: skip
        return self._append(node, self.tensor.shape, dtype)

    def requantize(self, dtype: DType = "int8") -> "Builder":
        node = Requantize(name=f"requantize.{len(self.nodes)}", inputs=(self.current,), output=f"t{len(self.nodes)}",
                          requant=requant_for(self.rng, 255, dtype))  # fmt: skip
        return self._append(node, self.tensor.shape, dtype)

    def softmax(self, dtype: DType = "int8", scale: float = 0.05) -> "Builder":
        node = Softmax(name=f"softmax.{len(self.nodes)}", inputs=(self.current,), output=f"t{len(self.nodes)}",
                       exponentials=exponentials(scale), high=255 if dtype == "uint8" else 127)  # fmt: skip
        return self._append(node, self.tensor.shape, dtype)

    def recurrent(
        self, kind: type[Recurrent], units: int, *, bits: int = 8, last_only: bool = False, **extra: int
    ) -> "Builder":
        """``extra`` is ``gate_fraction_bits``, ``cell_fraction_bits`` or ``output_shift``."""
        time, channels = self.tensor.shape
        states = 2**15 if bits == 16 else 128
        name = f"t{len(self.nodes)}"
        shift = extra.setdefault("output_shift", 8)
        node = kind(name=f"{kind.op}.{len(self.nodes)}", inputs=(self.current,), output=name,
                    from_input=self._gates("input", kind.gates * units, channels, 128),
                    from_state=self._gates("state", kind.gates * units, units, states),
                    last_only=last_only, state_bits=bits, curve=tanh_curve(), **extra)  # fmt: skip
        self._append(node, (units,) if last_only else (time, units), "int8")
        self.tensors[name] = replace(self.tensors[name], scale=2.0 ** (shift - 15))
        return self

    def _gates(self, part: str, rows: int, columns: int, largest: int) -> Linear:
        """A matrix whose pre-activations fill their 16 bits, and now and then leave them."""
        weight = sparse_weight(self.rng, (rows, 1, 1, columns), self.density, self.levels)
        bound = int(np.abs(weight.astype(int)).sum(axis=(1, 2, 3)).max()) * largest
        bias = self.rng.integers(-bound // 8 - 1, bound // 8 + 1, size=rows).astype(np.int32)
        channels = rows if self.per_channel else 1
        pre = max(0, bound.bit_length() - 15)
        post = max(1, 14 + min(0, bound.bit_length() - 15) - int(self.rng.integers(0, 2)))
        multiplier = self.rng.integers(2**13, 2**15, size=channels).astype(np.int32)
        return Linear(name=part, inputs=(), output="", weight=weight, bias=bias, dense_shape=weight.shape,
                      weight_scale=np.full(channels, 0.01),
                      requant=Requant(pre, multiplier, post, -(2**15), 2**15 - 1))  # fmt: skip

    def argmax(self) -> "Builder":
        name = f"t{len(self.nodes)}"
        self._append(ArgMax(name=name, inputs=(self.current,), output=name), (*self.tensor.shape[:-1], 1), "int8")
        self.tensors[name] = replace(self.tensors[name], scale=1.0)
        return self

    def back_to(self, tensor: str) -> "Builder":
        """What is appended next reads ``tensor``."""
        self.current = tensor
        return self

    def add(self, other: str, dtype: DType = "int8") -> "Builder":
        """The current tensor and ``other``, with random multipliers, one of them perhaps negative."""
        multipliers = self.rng.integers(2**13, 2**15, size=2) * np.array([1, self.rng.choice([-1, 1])])
        low, high = (0, 255) if dtype == "uint8" else (-128, 127)
        requant = SumRequant(multipliers.astype(np.int32), int(self.rng.integers(14, 17)), low, high)
        node = Add(name=f"add.{len(self.nodes)}", inputs=(self.current, other), output=f"t{len(self.nodes)}",
                   requant=requant)  # fmt: skip
        return self._append(node, self.tensor.shape, dtype)

    def multiply(self, other: str, dtype: DType = "int8") -> "Builder":
        node = Multiply(name=f"multiply.{len(self.nodes)}", inputs=(self.current, other), output=f"t{len(self.nodes)}",
                        requant=requant_for(self.rng, 255 * 255, dtype))  # fmt: skip
        return self._append(node, self.tensor.shape, dtype)

    def concat(self, others: tuple[str, ...], axis: int = 2, dtype: DType = "int8") -> "Builder":
        """The current tensor and ``others``, on its scale; about half of those that could be copied are."""
        scale = self.tensor.scale
        tensors = [self.tensors[name] for name in (self.current, *others)]
        copied = [t.dtype == dtype and t.scale == scale and self.rng.random() < 0.5 for t in tensors]
        requants = tuple(None if as_it_is else requant_for(self.rng, 255, dtype) for as_it_is in copied)
        node = Concat(name=f"concat.{len(self.nodes)}", inputs=tuple(tensor.name for tensor in tensors),
                      output=f"t{len(self.nodes)}", axis=axis, requants=requants)  # fmt: skip
        hwc = list(self.tensor.hwc)
        hwc[axis] = sum(tensor.hwc[axis] for tensor in tensors)
        self._append(node, tuple(hwc[3 - len(self.tensor.shape) :]), dtype)
        self.tensors[node.output] = replace(self.tensor, scale=scale)
        return self

    def spans(self, kind: type, rows: int, columns: int) -> "Builder":
        """``rows`` by ``columns`` windows that ascend, each a few positions, with counts of their own."""
        height, width, channels = self.tensor.hwc
        spans = [self._spans(size, count) for size, count in ((height, rows), (width, columns))]
        extra = {}
        if kind is AveragePoolSpans:
            counts = [tuple(int(c) for c in self.rng.integers(1, 4, len(s))) for s in spans]
            extra = {"row_counts": counts[0], "column_counts": counts[1]}
            channels_of = len(set(counts[0])) * len(set(counts[1])) if self.per_channel else 1
            extra["requant"] = requant_for(self.rng, 255 * 9, self.tensor.dtype, channels_of)
        node = kind(name=f"spans.{len(self.nodes)}", inputs=(self.current,), output=f"t{len(self.nodes)}",
                    rows=spans[0], columns=spans[1], **extra)  # fmt: skip
        target = (rows, columns, channels) if len(self.tensor.shape) == 3 else (columns, channels)
        return self._append(node, target, self.tensor.dtype)

    def _spans(self, size: int, count: int) -> tuple[tuple[int, int], ...]:
        starts = np.sort(self.rng.integers(0, size, count)).tolist()
        return tuple((start, min(size, start + int(self.rng.integers(1, 4)))) for start in starts)

    def affine(self, dtype: DType = "int8") -> "Builder":
        channels = self.tensor.channels
        multipliers = self.rng.integers(-(2**15) + 1, 2**15, channels).astype(np.int32)
        offsets = self.rng.integers(-(2**22), 2**22, channels).astype(np.int32)
        low, high = (0, 255) if dtype == "uint8" else (-128, 127)
        node = Affine(name=f"affine.{len(self.nodes)}", inputs=(self.current,), output=f"t{len(self.nodes)}",
                      multipliers=multipliers, offsets=offsets, shift=int(self.rng.integers(13, 17)), low=low,
                      high=high)  # fmt: skip
        return self._append(node, self.tensor.shape, dtype)

    def constant_pad(self, before: tuple[int, int, int], behind: tuple[int, int, int], code: int,
                     dtype: DType | None = None) -> "Builder":  # fmt: skip
        """Requantized where ``dtype`` is given."""
        requant = requant_for(self.rng, 255, dtype) if dtype is not None else None
        node = ConstantPad(name=f"pad.{len(self.nodes)}", inputs=(self.current,), output=f"t{len(self.nodes)}",
                           before=before, behind=behind, code=code, requant=requant)  # fmt: skip
        hwc = [a + size + b for a, size, b in zip(before, self.tensor.hwc, behind, strict=True)]
        return self._append(node, tuple(hwc[3 - len(self.tensor.shape) :]), dtype or self.tensor.dtype)

    def rearrange(self, shape: tuple[int, ...], offset: int, sizes: tuple[int, int, int],
                  strides: tuple[int, int, int]) -> "Builder":  # fmt: skip
        node = Rearrange(name=f"rearrange.{len(self.nodes)}", inputs=(self.current,), output=f"t{len(self.nodes)}",
                         offset=offset, sizes=sizes, strides=strides)  # fmt: skip
        return self._append(node, shape, self.tensor.dtype)

    def graph(self) -> Graph:
        torch_shape = self.shape if len(self.shape) == 1 else (self.shape[-1], *self.shape[:-1])
        return verify(Graph(self.tensors, tuple(self.nodes), "x", self.current, torch_shape))


def random_inputs(rng: np.random.Generator, graph: Graph, samples: int) -> np.ndarray:
    """int8 inputs (samples, *shape): uniform, and the extremes."""
    inputs = rng.integers(-128, 128, size=(samples, *graph.input_tensor.shape)).astype(np.int8)
    inputs[0], inputs[1 % samples] = -128, 127
    return inputs


def formats_preferring(wanted: str, graph: Graph, core: str) -> dict[str, str | None]:
    """The weight format of every step on ``core``: ``wanted`` for each layer that may have it, else the smallest."""
    chosen: dict[str, str | None] = {}
    for part in parts(lower(verify(graph))):
        candidates = candidates_of(part, core_class(core), graph.input)
        best = min(candidates, key=lambda c: (wanted not in dict(c.formats).values(), c.size_bytes))
        chosen |= dict(best.formats)
    return chosen


def torn_blocks(rows: int, columns: int) -> Graph:
    """Two layers in blocks whose hidden channels were shuffled, many levels: no other format is as small."""
    chain = Builder(np.random.default_rng(4), (160,), density=1.0, levels=200).linear(80, "uint8").linear(48)
    for node in chain.nodes:
        outputs, _, _, inputs = node.weight.shape  # type: ignore[attr-defined]
        live = chain.rng.random((outputs // rows, inputs // columns)) < 0.12
        node.weight[:] *= np.kron(live, np.ones((rows, columns), np.int8)).reshape(node.weight.shape)  # type: ignore[attr-defined]
    graph = chain.graph()
    return order_channels(graph, next(links(graph)), chain.rng.permutation(80))
