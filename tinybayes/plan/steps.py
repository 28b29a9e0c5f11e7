"""Graph -> steps: which operators run as one kernel, and how the tensors between them are stored."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from tinybayes.errors import UnsupportedError
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
    MaxPool,
    MaxPoolSpans,
    Multiply,
    Node,
    Pointwise,
    Rearrange,
    Recurrent,
    Requantize,
    Select,
    Softmax,
)
from tinybayes.ir.nodes import Gru, Linear, Lstm
from tinybayes.plan.formats import UNPACKED, WITHOUT_MARGINS, Encoding, Field, WeightArray, dense, planes
from tinybayes.plan.planes import Planes, planes_of
from tinybayes.plan.recurrent_memory import memory
from tinybayes.plan.storage import Storage
from tinybayes.plan.structure import outputs_of_each_channel
from tinybayes.plan.tables import affine_table, pointwise_table, softmax_table, span_tables

PAD = "pad"
WORD_BYTES = 4
PAIR_BYTES = 4
STATE_BYTES = 4
FIELDS = 4
"""Receptive fields that a dense convolution takes at once."""
STEP_OPERATORS = (
    Linear.op, Conv.op, MaxPool.op, AveragePool.op, Select.op, Pointwise.op, Requantize.op, Softmax.op, ArgMax.op,
    MaxPoolSpans.op, AveragePoolSpans.op, Add.op, Multiply.op, Concat.op, Rearrange.op,
    Affine.op, ConstantPad.op, Gru.op, Lstm.op, PAD,
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Step:
    """One kernel call. ``source`` and ``target`` say how its tensors are stored, ``others`` how further inputs are.

    ``node`` is the operator (None for the copy that pads a tensor); ``pool`` is a pooling fused into a
    convolution. ``encoding`` holds the constants in flash.
    """

    name: str
    op: str
    node: Node | None
    source: Storage
    target: Storage
    pool: MaxPool | AveragePool | None = None
    encoding: Encoding | None = None
    shares: str = ""
    """The step whose constants, which are the same, are stored for this one too."""
    estimated_cycles: int = 0
    others: tuple[Storage, ...] = ()
    network_input: str = ""
    """The tensor that is the caller's, not the arena's."""

    @property
    def sources(self) -> tuple[Storage, ...]:
        """How all of its inputs are stored."""
        return self.source, *self.others

    @property
    def format(self) -> str | None:
        """The weight format, or None for operators without weights."""
        weighted = self.node is not None and bool(self.node.weighted)
        return self.encoding.format if self.encoding is not None and weighted else None

    @property
    def kernel(self) -> str:
        """The name of the kernel: what dispatch is keyed by."""
        return f"{self.op}_{self.format}" if self.format else self.op

    @property
    def tensor(self) -> str:
        """The tensor that the step materialises."""
        return self.target.tensor.name

    @property
    def weights_bytes(self) -> int:
        """Bytes of constants in flash."""
        return self.encoding.size_bytes if self.encoding is not None and not self.shares else 0

    @property
    def positions(self) -> int:
        """Output positions at which a layer with weights is evaluated, pooled ones included."""
        height, width, _ = self.target.tensor.hwc
        window = self.pool.window if self.pool is not None else (1, 1)
        return height * width * window[0] * window[1]

    @property
    def averages(self) -> bool:
        """Whether the pooling behind a convolution is a mean, of codes."""
        return isinstance(self.pool, AveragePool)

    @property
    def reads_columns(self) -> bool:
        """Whether a dense convolution takes the map's columns for its receptive fields, instead of copying them.

        They are aligned then. Vectors of MVE want unsigned activations moved, which only a copy can be.
        """
        node, source = self.node, self.source
        if not isinstance(node, Conv) or self.encoding is None or self.format != dense.NAME or self.pool is not None:
            return False
        plain = node.kernel == node.stride == (1, 1) and not any(node.padding) and not source.has_margins
        aligned = source.tensor.channels % WORD_BYTES == 0 and source.tensor.name != self.network_input
        return plain and aligned and bool(self.encoding.constants["in_place"])

    @property
    def field_bytes(self) -> int:
        """Bytes of one receptive field of a dense convolution as it is copied, a multiple of 4; else 0."""
        if not isinstance(self.node, Conv) or self.format != dense.NAME:
            return 0
        columns = int(self.node.matrix.shape[1])
        return -(-columns // dense.ROW_ALIGNMENT_BYTES) * dense.ROW_ALIGNMENT_BYTES

    @property
    def state_bytes(self) -> int:
        """Bytes for the unfinished windows of a dense convolution: one value a channel where they are large."""
        window = self.pool.window if self.pool is not None else (1, 1)
        if not isinstance(self.node, Conv) or self.format != dense.NAME or window[0] * window[1] <= FIELDS:
            return 0
        return STATE_BYTES * self.node.outputs

    @property
    def _spare_end_bytes(self) -> int:
        """Where what a dense convolution writes for windows behind the last ends: a byte a row, from the fourth field.

        There are such windows where their number is no multiple of how many are taken at once.
        """
        window = self.pool.window if self.pool is not None else (1, 1)
        height, width, _ = self.target.tensor.hwc
        at_once = max(1, FIELDS // (window[0] * window[1]))
        if not isinstance(self.node, Conv) or not self.field_bytes or height * width % at_once == 0:
            return 0
        rows = -(-self.node.outputs // dense.ROW_ALIGNMENT_BYTES) * dense.ROW_ALIGNMENT_BYTES
        return (FIELDS - 1) * self.field_bytes + rows

    @property
    def scratch_bytes(self) -> int:
        """Bytes that the kernel of a convolution works in: copied receptive fields, or a row's unpacked nonzeros.

        A recurrent operator keeps its states and its gates there.
        """
        if isinstance(self.node, Recurrent):
            return memory(self.node, self.source.tensor.channels).size_bytes
        if not isinstance(self.node, Conv):
            return 0
        if self.format == planes.NAME:
            return self.planes.scratch_bytes
        if self.reads_columns and self.positions % FIELDS == 0:
            return 0
        if self.format not in UNPACKED:
            return max(FIELDS * self.field_bytes, self._spare_end_bytes) + self.state_bytes
        return PAIR_BYTES * int(np.count_nonzero(self.node.matrix, axis=1).max())

    @property
    def planes(self) -> Planes:
        """How a depthwise convolution in planes goes through a channel."""
        assert isinstance(self.node, Conv)
        assert self.encoding is not None
        return planes_of(self.node, self.source, self.target, halves=bool(self.encoding.constants["halves"]))

    def field(self, network_input: str) -> Field | None:
        """How a sparse convolution's receptive field lies in its input; None for other operators.

        The input of the network may lie anywhere, but a padded copy of it is aligned.
        """
        if not isinstance(self.node, Conv):
            return None
        source = replace(self.source, margins=self.node.padding)
        copied = source.has_margins or source.tensor.name != network_input
        return Field(source.stride_bytes, aligned=copied and source.tensor.channels % WORD_BYTES == 0)

    @property
    def largest_offset(self) -> int:
        """Farthest byte of a convolution's receptive field from its first: sparse formats address it with 16 bits."""
        if not isinstance(self.node, Conv):
            return 0
        height, width = self.node.kernel
        padded = replace(self.source, margins=self.node.padding)
        return (height - 1) * padded.stride_bytes + width * padded.tensor.channels - 1


WHOLE = (Select.op, Rearrange.op)
"""Operators that leave no margins free around what they write."""


def lower(graph: Graph) -> tuple[Step, ...]:
    """The steps of an integer graph in order, without weight formats and margins.

    A convolution takes the pooling behind it along where no window overlaps another and nothing else reads its output,
    unless it is depthwise.
    """
    stored = _storages(graph)
    read = Counter(name for node in graph.nodes for name in node.inputs)
    steps: list[Step] = []
    nodes = [node for node in graph.nodes if not _moves_nothing(node, graph)]
    if not nodes:
        raise UnsupportedError("the network computes nothing: it has no layer besides flatten")
    position = 0
    while position < len(nodes):
        node = nodes[position]
        pool = _fusable_pool(nodes, position) if read[node.output] == 1 else None
        last = pool or node
        encode = _TABLES.get(node.op)
        encoding = encode(node) if encode is not None else None
        source, *others = (stored[name] for name in node.inputs)
        step = Step(node.name, node.op, node, source, stored[last.output], pool, encoding)
        steps.append(replace(step, others=tuple(others), network_input=graph.input))
        position += 2 if pool else 1
    if steps[-1].tensor != stored[graph.output].tensor.name:
        raise UnsupportedError(f"the last layer, {steps[-1].name!r}, does not write the network's output")
    return tuple(steps)


def last_reads(steps: Sequence[Step]) -> dict[str, int]:
    """The last step that reads each tensor."""
    return {source.tensor.name: k for k, step in enumerate(steps) for source in step.sources}


def with_margins(steps: Sequence[Step]) -> tuple[Step, ...]:
    """The steps with margins around the tensors that a padded sparse convolution reads.

    The step that writes such a tensor leaves them free; only the network's input, and what others read too, is copied.
    Dense convolutions copy their receptive fields anyway, and planes are copies.
    """
    read = Counter(source.tensor.name for step in steps for source in step.sources)
    stored: list[Step] = []
    writer: dict[str, int] = {}
    copies: dict[tuple[str, tuple[int, ...]], Storage] = {}
    for step in steps:
        source = step.source
        if isinstance(step.node, Conv) and step.format not in WITHOUT_MARGINS and any(step.node.padding):
            source = replace(source, margins=step.node.padding)
            name = source.tensor.name
            written = stored[writer[name]] if name in writer else None
            frees = written is not None and written.op not in WHOLE and written.target.tensor == source.tensor
            if frees and read[name] == 1:
                stored[writer[name]] = replace(stored[writer[name]], target=source)
            elif (name, source.margins) in copies:
                source = copies[name, source.margins]
            else:
                first_of_input = name == step.network_input and all(copied != name for copied, _ in copies)
                owner, called = (name, PAD) if first_of_input else (step.name, f"{step.name}.{PAD}")
                source = replace(source, tensor=replace(source.tensor, name=f"{owner}.padded"))
                copies[name, source.margins] = source
                stored.append(Step(called, PAD, None, step.source, source, network_input=step.network_input))
        writer[step.tensor] = len(stored)
        stored.append(replace(step, source=source))
    return tuple(stored)


def _storages(graph: Graph) -> dict[str, Storage]:
    """Storage of every tensor; where nothing moves, a tensor is the one it came from, perhaps of another shape."""
    stored = {name: Storage(tensor) for name, tensor in graph.tensors.items()}
    for node in graph.nodes:
        if isinstance(node, Flatten):
            stored[node.output] = stored[node.input]
        elif _moves_nothing(node, graph):
            came_from = stored[node.input].tensor.name
            stored[node.output] = Storage(replace(graph.tensors[node.output], name=came_from))
    return stored


def _moves_nothing(node: Node, graph: Graph) -> bool:
    renames = isinstance(node, Rearrange) and node.renames(graph.tensors[node.input].elements)
    return isinstance(node, Flatten) or renames


def _fusable_pool(nodes: Sequence[Node], position: int) -> MaxPool | AveragePool | None:
    node = nodes[position]
    if not isinstance(node, Conv) or position + 1 == len(nodes) or outputs_of_each_channel(node) is not None:
        return None
    pool = nodes[position + 1]
    if not isinstance(pool, MaxPool | AveragePool) or pool.input != node.output:
        return None
    overlaps = pool.window[0] > pool.stride[0] or pool.window[1] > pool.stride[1]
    return None if overlaps else pool


def _select_runs(node: Select) -> Encoding:
    """Pairs (skip, take), each at most 255, that walk over the indices."""
    keep = np.zeros(int(node.indices[-1]) + 1, dtype=bool)
    keep[node.indices] = True
    edges = np.flatnonzero(np.diff(np.concatenate([[False], keep, [False]]).astype(np.int8)))
    runs: list[tuple[int, int]] = []
    end = 0
    for start, stop in edges.reshape(-1, 2).tolist():
        skip, take = start - end, stop - start
        end = stop
        while skip > 255:
            runs.append((255, 0))
            skip -= 255
        while take > 255:
            runs.append((skip, 255))
            skip, take = 0, take - 255
        runs.append((skip, take))
    values = np.array(runs, dtype=np.uint8).reshape(-1)
    return Encoding("runs", (WeightArray("runs", values, "tables", "elements to skip, elements to take"),), {})


_TABLES: dict[str, Callable[..., Encoding]] = {
    Select.op: _select_runs,
    Pointwise.op: pointwise_table,
    Affine.op: affine_table,
    Softmax.op: softmax_table,
    MaxPoolSpans.op: span_tables,
    AveragePoolSpans.op: span_tables,
}
"""What the operators without weights store in flash."""
