"""How a depthwise convolution goes through a channel that it has copied; see ``firmware/runtime/tb_conv_planes.h``."""

from dataclasses import dataclass

from tinybayes.ir import Conv
from tinybayes.plan.storage import Storage

STRIP = 4
"""Outputs of a line that are computed at once."""
_WORD_BYTES = 4


@dataclass(frozen=True)
class Axis:
    """Sizes along one axis: of the map, of the zeros before it, of the kernel, and of the outputs.

    ``stride_bytes`` and ``output_stride_bytes`` lead from one stored element of a channel to the next, ``tap_stride``
    from one weight to the next; ``step`` is the distance of the fields of two outputs.
    """

    size: int
    before: int
    taps: int
    step: int
    outputs: int
    stride_bytes: int
    output_stride_bytes: int
    tap_stride: int

    @property
    def strips(self) -> int:
        """Strips of outputs along a line of this axis; the last one may be part of one."""
        return -(-self.outputs // STRIP)

    def covered(self, outputs: int) -> int:
        """Elements that the map and the fields of ``outputs`` reach over."""
        return max(self.before + self.size, (outputs - 1) * self.step + self.taps)


@dataclass(frozen=True)
class Planes:
    """Lines of columns; strips run along the columns."""

    lines: Axis
    columns: Axis
    halves: bool

    @property
    def plane(self) -> tuple[int, int]:
        """Lines and columns of the copy, zeros included."""
        columns = self.columns.covered(STRIP * self.columns.strips)
        return self.lines.covered(self.lines.outputs), columns + columns % 2 * self.halves

    @property
    def scratch_bytes(self) -> int:
        """Bytes of the copy, in whole words."""
        lines, columns = self.plane
        return -(-lines * columns * (1 + self.halves) // _WORD_BYTES) * _WORD_BYTES

    @property
    def strips(self) -> int:
        """Strips of a channel."""
        return self.lines.outputs * self.columns.strips


def planes_of(node: Conv, source: Storage, target: Storage, *, halves: bool) -> Planes:
    """Lines along rows or columns of the map, whichever makes fewer strips."""
    (height, width, _), (rows, columns, _) = source.tensor.hwc, target.tensor.hwc
    (reads, writes), (top, _, left, _) = (source.strides_bytes, target.strides_bytes), node.padding
    down = Axis(height, top, node.kernel[0], node.stride[0], rows, reads[0], writes[0], node.kernel[1])
    right = Axis(width, left, node.kernel[1], node.stride[1], columns, reads[1], writes[1], 1)
    return min(Planes(down, right, halves), Planes(right, down, halves), key=lambda planes: planes.strips)
