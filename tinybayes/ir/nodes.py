"""The operators of a network.

The same classes describe a float network (as the frontend delivers it) and an integer network (as the reference
executes it and plans are made from). ``BatchNorm`` and ``Relu`` exist in float networks only: quantization absorbs
them into the requantization of the layer before them. ``Requantize`` exists in integer networks only.

Adding an operator: one class here or in ``pools.py``, its checks in ``verify.py``, its arithmetic in ``reference/``, a
kernel in ``firmware/runtime/``, a step in ``plan/steps.py`` and a row in ``emit/calls.py``; a test compares the sets.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from tinybayes.ir.node import Array, MacNode, Node
from tinybayes.ir.pools import AveragePool, AveragePoolSpans, MaxPool, MaxPoolSpans
from tinybayes.ir.requant import Requant, SumRequant


@dataclass(frozen=True, eq=False, kw_only=True)
class Linear(MacNode):
    """A fully connected layer on a vector; the kernel is 1 x 1."""

    op: ClassVar[str] = "linear"


@dataclass(frozen=True, eq=False, kw_only=True)
class Conv(MacNode):
    """A convolution over (height, width, channels); a series is one row, so a 1-D kernel has height 1.

    ``padding`` is (top, bottom, left, right), filled with real zero.
    """

    op: ClassVar[str] = "conv"
    stride: tuple[int, int] = (1, 1)
    padding: tuple[int, int, int, int] = (0, 0, 0, 0)

    @property
    def kernel(self) -> tuple[int, int]:
        """(height, width) of the kernel."""
        return int(self.weight.shape[1]), int(self.weight.shape[2])


@dataclass(frozen=True, eq=False, kw_only=True)
class BatchNorm(Node):
    """Inference-time batch normalisation folded to ``x * multiplier + offset`` per channel (float networks only)."""

    op: ClassVar[str] = "batch_norm"
    multiplier: Array
    offset: Array


@dataclass(frozen=True, eq=False, kw_only=True)
class Relu(Node):
    """``max(x, 0)`` (float networks only)."""

    op: ClassVar[str] = "relu"


@dataclass(frozen=True, eq=False, kw_only=True)
class Flatten(Node):
    """(height, width, channels) to a vector in the same memory order; moves no data."""

    op: ClassVar[str] = "flatten"


@dataclass(frozen=True, eq=False, kw_only=True)
class Select(Node):
    """Keeps the elements ``indices`` (ascending, flat positions) of its input: drops inputs that no weight reads."""

    op: ClassVar[str] = "select"
    indices: npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False, kw_only=True)
class Pointwise(Node):
    """A function of one number, applied to every element.

    ``function`` is a name in ``ir.functions.FUNCTIONS``, ``parameters`` are its parameters in that order. In an integer
    network ``table`` holds the code of every input code, int16 (256,), indexed by the input's byte (``code & 255``).
    A function ``clamp`` exists in float networks only: like ``Relu``, it becomes the clamp of the layer before it.
    """

    op: ClassVar[str] = "pointwise"
    function: str
    parameters: tuple[float, ...] = ()
    table: npt.NDArray[np.int16] | None = None


@dataclass(frozen=True, eq=False, kw_only=True)
class Requantize(Node):
    """The same values on another grid: each code is an accumulator for ``requant`` (integer networks only)."""

    op: ClassVar[str] = "requantize"
    requant: Requant


@dataclass(frozen=True, eq=False, kw_only=True)
class Affine(Node):
    """A ``BatchNorm`` that no layer before it absorbs, on codes (integer networks only). For channel ``c``::

        q = clamp((code * multipliers[c] + offsets[c]) >> shift, low, high)

    ``multipliers`` and ``offsets`` are int32 of shape (channels,), each multiplier in -32767 .. 32767 and each offset
    in -2**30 .. 2**30; the offset holds the half that makes the shift, 1 .. 24, round half up.
    """

    op: ClassVar[str] = "affine"
    multipliers: npt.NDArray[np.int32]
    offsets: npt.NDArray[np.int32]
    shift: int
    low: int
    high: int


@dataclass(frozen=True, eq=False, kw_only=True)
class Softmax(Node):
    """``exp(x) / sum(exp(x))`` over the channels of each position.

    In an integer network ``exponentials`` holds ``exp(-scale d) 2**15`` for the distance d from the largest code,
    uint16, until it is 0 (at most 256); ``high`` is the code of probability 1: 127 for int8, 255 for uint8.
    """

    op: ClassVar[str] = "softmax"
    exponentials: npt.NDArray[np.uint16] | None = None
    high: int = 255


@dataclass(frozen=True, eq=False, kw_only=True)
class ArgMax(Node):
    """The channel with the largest value at each position, the first of equals; the code is the channel's number."""

    op: ClassVar[str] = "argmax"


@dataclass(frozen=True, eq=False, kw_only=True)
class Add(Node):
    """``factors[0] * a + factors[1] * b`` of two tensors of the same shape, element by element.

    ``b`` may instead be a vector of the channels, or a map of one position: it is then added at every position.
    """

    op: ClassVar[str] = "add"
    arity: ClassVar[tuple[int, int]] = (2, 2)
    factors: tuple[float, float] = (1.0, 1.0)
    requant: SumRequant | None = None


@dataclass(frozen=True, eq=False, kw_only=True)
class Multiply(Node):
    """``a * b``, element by element, of shapes as ``Add`` takes them; the product of the codes is the accumulator."""

    op: ClassVar[str] = "multiply"
    arity: ClassVar[tuple[int, int]] = (2, 2)
    requant: Requant | None = None


@dataclass(frozen=True, eq=False, kw_only=True)
class Concat(Node):
    """Its inputs one behind the other along ``axis`` of (height, width, channels).

    ``requants`` brings the codes of each input to the output's grid; None for those that are there already.
    """

    op: ClassVar[str] = "concat"
    arity: ClassVar[tuple[int, int]] = (2, 256)
    axis: int
    requants: tuple[Requant | None, ...] = ()


@dataclass(frozen=True, eq=False, kw_only=True)
class ConstantPad(Node):
    """A frame of ``value`` around its input: ``before`` and ``behind`` it along (height, width, channels).

    In an integer network ``code`` is the value's; ``requant`` brings the input to the output's grid, None where it is
    there already.
    """

    op: ClassVar[str] = "constant_pad"
    before: tuple[int, int, int]
    behind: tuple[int, int, int]
    value: float = 0.0
    code: int = 0
    requant: Requant | None = None


@dataclass(frozen=True, eq=False, kw_only=True)
class Rearrange(Node):
    """Elements of its input in another order, or some of them: slices, transposed and reshaped tensors.

    Three nested loops, the innermost last, of ``sizes`` run over the output in memory order; each moves through the
    input, from the element at ``offset``, by its one of ``strides``, in elements.
    """

    op: ClassVar[str] = "rearrange"
    offset: int
    sizes: tuple[int, int, int]
    strides: tuple[int, int, int]

    @property
    def positions(self) -> npt.NDArray[np.int64]:
        """Where each element of the output lies in the input: int64 (elements,)."""
        loops = (np.arange(size) * stride for size, stride in zip(self.sizes, self.strides, strict=True))
        first, second, third = loops
        return self.offset + (first[:, None, None] + second[:, None] + third).reshape(-1)

    def renames(self, elements: int) -> bool:
        """Whether nothing moves: all elements of an input of ``elements`` stay where they are."""
        return self.positions.size == elements and bool(np.array_equal(self.positions, np.arange(elements)))


@dataclass(frozen=True, eq=False, kw_only=True)
class Recurrent(Node):
    """One layer of units over a series (time, channels), from a state of zeros; ``Gru`` or ``Lstm``.

    The pre-activations of its gates are ``from_input`` of the position plus ``from_state`` of the hidden state behind
    the position before. Each has a row for each unit of each gate, all rows of one gate together, in torch's order.
    It writes the hidden state behind every position, (time, units), or with ``last_only`` that behind the last,
    (units,). A ``backward`` one takes the positions from the last to the first, and writes each state where it read;
    the last of its states is that behind the first position.

    An integer network keeps hidden states in 16 bits, ``real = code / 2**15``, and multiplies them as they are
    (``state_bits`` 16) or rounded to the codes of the output (8). Codes of pre-activations have ``gate_fraction_bits``
    binary places, and 16 bits. ``output_shift`` brings a state to the output's codes, rounding half up; the output is
    int8. ``curve`` is the hyperbolic tangent, int16 (129,): ``tanh(k / 16) * 2**15`` for k = 0 .. 128, to be
    interpolated.
    """

    gates: ClassVar[int] = 0
    from_input: Linear
    from_state: Linear
    last_only: bool = False
    backward: bool = False
    state_bits: int = 16
    gate_fraction_bits: int = 12
    output_shift: int = 8
    curve: npt.NDArray[np.int16] | None = None

    @property
    def weighted(self) -> tuple[Linear, Linear]:
        """The matrices of the input and of the hidden state."""
        return self.from_input, self.from_state

    @property
    def units(self) -> int:
        """Number of units: length of the hidden state."""
        return self.from_input.outputs // self.gates


@dataclass(frozen=True, eq=False, kw_only=True)
class Gru(Recurrent):
    """Gated recurrent units, as torch.nn.GRU defines them; gates r, z, n."""

    op: ClassVar[str] = "gru"
    gates: ClassVar[int] = 3


@dataclass(frozen=True, eq=False, kw_only=True)
class Lstm(Recurrent):
    """Long short-term memory, as torch.nn.LSTM defines it; gates i, f, g, o.

    Codes of cells have 16 bits, ``cell_fraction_bits`` of them binary places.
    """

    op: ClassVar[str] = "lstm"
    gates: ClassVar[int] = 4
    cell_fraction_bits: int = 12


OPERATORS: dict[str, type[Node]] = {
    cls.op: cls
    for cls in (
        Linear,
        Conv,
        BatchNorm,
        Relu,
        MaxPool,
        AveragePool,
        Flatten,
        Select,
        Pointwise,
        Requantize,
        Softmax,
        ArgMax,
        Add,
        Multiply,
        Concat,
        Rearrange,
        ConstantPad,
        Affine,
        MaxPoolSpans,
        AveragePoolSpans,
        Gru,
        Lstm,
    )
}
INTEGER_OPERATORS = tuple(op for op in OPERATORS if op not in (BatchNorm.op, Relu.op))
