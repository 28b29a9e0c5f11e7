"""Pictures of weight matrices: one pixel a weight, blue above zero, orange below, stronger where larger."""

import base64
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tinybayes.ir import Graph, MacNode
from tinybayes.report.numerals import grouped, percent, times
from tinybayes.report.theme import NEGATIVE_RGB, POSITIVE_RGB

WIDEST_PIXELS, HIGHEST_PIXELS = 1000, 420
_LARGEST_MAGNIFICATION = 8
_FAINTEST_ALPHA = 110


@dataclass(frozen=True)
class MatrixPicture:
    """A picture as a data URI, its size on the page in CSS pixels, and what it shows."""

    layer: str
    source: str
    width: int
    height: int
    fine: bool
    size: str
    caption: str
    removed: str


def pictures(graph: Graph) -> tuple[MatrixPicture, ...]:
    """A picture of each layer that has weights, in order."""
    return tuple(_picture(node) for node in graph.mac_nodes)


def shrink(matrix: npt.NDArray[np.int8], rows: int, columns: int) -> npt.NDArray[np.int8]:
    """The matrix with blocks of (rows, columns) replaced by their weight of largest magnitude."""
    height, width = matrix.shape
    padded = np.pad(matrix, ((0, -height % rows), (0, -width % columns)))
    blocks = padded.reshape(padded.shape[0] // rows, rows, -1, columns).swapaxes(1, 2)
    flat = blocks.reshape(*blocks.shape[:2], rows * columns)
    largest = np.abs(flat.astype(np.int16)).argmax(axis=2)
    return np.take_along_axis(flat, largest[..., None], axis=2)[..., 0]


def png(matrix: npt.NDArray[np.int8]) -> bytes:
    """A PNG with one pixel for each weight, int8 (rows, columns); zeros are transparent, so that it fits any page.

    A pixel is the weight's code plus 128; the palette turns codes into colours (PNG, third edition, 11.2.2, 11.3.1).
    """
    height, width = matrix.shape
    peak = max(1, int(np.abs(matrix.astype(np.int16)).max(initial=0)))
    palette, alphas = bytearray(), bytearray()
    for code in range(-128, 128):
        palette += bytes(POSITIVE_RGB if code > 0 else NEGATIVE_RGB)
        strength = min(1.0, abs(code) / peak)
        alphas.append(0 if code == 0 else round(_FAINTEST_ALPHA + (255 - _FAINTEST_ALPHA) * strength))
    pixels = (matrix.astype(np.int16) + 128).astype(np.uint8)
    lines = np.pad(pixels, ((0, 0), (1, 0)))  # each line begins with its filter, 0: none
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        _chunk(kind, data)
        for kind, data in (
            (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)),
            (b"PLTE", bytes(palette)),
            (b"tRNS", bytes(alphas)),
            (b"IDAT", zlib.compress(lines.tobytes(), 9)),
            (b"IEND", b""),
        )
    )


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _picture(node: MacNode) -> MatrixPicture:
    matrix = np.ascontiguousarray(node.matrix, dtype=np.int8)
    height, width = matrix.shape
    block = (-(-height // HIGHEST_PIXELS), -(-width // WIDEST_PIXELS))
    shown = shrink(matrix, *block) if block != (1, 1) else matrix
    rows, columns = shown.shape
    magnification = max(1, min(_LARGEST_MAGNIFICATION, WIDEST_PIXELS // columns, HIGHEST_PIXELS // rows))
    return MatrixPicture(
        layer=node.name,
        source="data:image/png;base64," + base64.b64encode(png(shown)).decode("ascii"),
        width=columns * magnification,
        height=rows * magnification,
        fine=columns > 300,
        size=_size(node),
        caption=", ".join(_caption(node, block)),
        removed=_removed(node),
    )


def _size(node: MacNode) -> str:
    rows, kernel_height, kernel_width, channels = node.weight.shape
    kernel = [n for n in (kernel_height, kernel_width) if n > 1]
    parts = f" ({times(*kernel, channels)})" if kernel else ""
    return f"{grouped(rows)} outputs × {grouped(node.matrix.shape[1])} inputs{parts}"


def _caption(node: MacNode, block: tuple[int, int]) -> Iterator[str]:
    total = node.matrix.size
    levels = np.unique(node.weight[node.weight != 0]).size
    yield f"{grouped(node.nonzero)} of {grouped(total)} weights are not zero ({percent(node.nonzero / total)})"
    yield f"{grouped(levels)} distinct {'value' if levels == 1 else 'values'}"
    if block != (1, 1):
        yield f"each pixel shows the largest of a block of {times(*block)}"


def _removed(node: MacNode) -> str:
    dense_rows, *dense_kernel = node.dense_shape
    dense_columns = int(np.prod(dense_kernel))
    rows, columns = dense_rows - node.outputs, dense_columns - node.matrix.shape[1]
    if rows <= 0 and columns <= 0:
        return ""
    gone = [f"{grouped(n)} dead {what}" for n, what in ((rows, "outputs"), (columns, "inputs")) if n > 0]
    return f"Trained as {times(dense_rows, dense_columns)}: {' and '.join(gone)} removed."
