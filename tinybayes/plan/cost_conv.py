"""Estimated cycles of convolutions: a sum of terms for each weight format, the same on every core.

What each term costs is in ``plan/coefficients_conv.py``, by class of core, as ``scripts/fit_conv_cost.py`` fits it.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from tinybayes.ir import Conv
from tinybayes.plan.bounds import accumulator_bound, must_clamp
from tinybayes.plan.coefficients_conv import CONV_COEFFICIENTS
from tinybayes.plan.core_class import CoreClass
from tinybayes.plan.formats import Encoding
from tinybayes.plan.formats.blocks import BLOCK
from tinybayes.plan.formats.dense import ROW_ALIGNMENT_BYTES
from tinybayes.plan.formats.index import TILE
from tinybayes.plan.formats.sixteens import LANES, sixteen_starts
from tinybayes.plan.steps import FIELDS, WORD_BYTES, Step
from tinybayes.plan.structure import outputs_of_each_channel, taps_of
from tinybayes.plan.walk import Walk, walk_of

Terms = tuple[int, ...]


@dataclass(frozen=True)
class ConvShape:
    """What the cost of a convolution depends on; each of its ``rows`` has ``segments`` of ``columns``.

    ``blocks`` counts fours of neighbouring columns that are not all zero, an odd one of a row twice; ``sixteens`` the
    sixteens that hold all nonzeros. ``clamps`` says that accumulators are clamped to 16 bits, ``aligned`` that fields
    are copied in words, ``clipped`` that some reach past the map's border; ``copied`` of them are copied.
    ``taps`` counts the kernel positions that matter, and ``single`` says that each channel is read
    by one output.
    """

    rows: int
    columns: int
    segments: int
    nonzero: int
    blocks: int
    sixteens: int
    positions: int
    walk: Walk
    clamps: bool
    aligned: bool
    clipped: bool
    copied: int
    taps: int
    single: bool

    def sparse(self, entries: int) -> Terms:
        """``entries`` of all rows and the rows, at four positions together and at single ones; what becomes of sums.

        Rows at four positions cost more where the same code takes single ones too: it finds fewer registers free.
        """
        walk, rows = self.walk, self.rows
        products = (entries * walk.fours, rows * walk.fours, entries * walk.singles, rows * walk.singles)
        return (*products, rows * walk.fours * (walk.singles > 0), *self.codes)

    @property
    def codes(self) -> Terms:
        """Codes that are written, codes of which means are formed, and clamps to 16 bits on the way to either."""
        walk = self.walk
        clamps = (walk.windows + walk.averaged) * self.clamps
        return self.rows * walk.windows, self.rows * walk.averaged, self.rows * clamps

    @property
    def dense(self) -> Terms:
        """Products at four positions, rows, codes, bytes copied in words and alone, segments copied, what is left over.

        Kernels take two or four rows together and sixteen columns, and others where some are left. Where fields reach
        past the border, each of their segments is copied in parts.
        """
        columns = -(-self.columns * self.segments // ROW_ALIGNMENT_BYTES) * ROW_ALIGNMENT_BYTES
        copies = self.walk.copies
        segments = self.segments * self.copied
        copied = self.columns * segments
        return (
            self.rows * columns * copies, self.rows * copies, *self.codes,
            copied * self.aligned, copied * (not self.aligned), segments,
            segments * self.clipped, self.copied * self.clipped, self.rows % 4 * copies,
            self.rows % 2 * columns * copies, self.rows % 4 * columns * copies, self.rows * copies * (-columns % LANES),
        )  # fmt: skip

    @property
    def depthwise(self) -> Terms:
        """Products and codes: of outputs with a channel each in whole words, of others such, and of the rest.

        Then clamps to 16 bits, and positions. What cores take together differs in the first three.
        """
        codes = self.rows * self.positions
        kinds = (self.single and self.aligned, self.single and not self.aligned, not self.single)
        return (*(n * kind for kind in kinds for n in (codes * self.taps, codes)), codes * self.clamps, self.positions)


CONV_TERMS: dict[tuple[str, str], Callable[[ConvShape], Terms]] = {
    ("conv", "dense"): lambda s: s.dense,
    ("conv", "index"): lambda s: (*s.sparse(s.nonzero), s.nonzero, s.rows * s.segments * -(-s.columns // TILE)),
    ("conv", "huffman"): lambda s: (*s.sparse(s.nonzero), s.nonzero, s.rows * s.segments),
    ("conv", "pairs"): lambda s: s.sparse(s.nonzero),
    ("conv", "blocks"): lambda s: s.sparse(s.blocks),
    ("conv", "sixteens"): lambda s: s.sparse(s.sixteens),
    ("conv", "depthwise"): lambda s: s.depthwise,
}
"""What the cost of each kernel is a sum of."""


@lru_cache(maxsize=4)
def conv_shape(step: Step) -> ConvShape:
    """The shape of a step that is a convolution."""
    node = step.node
    assert isinstance(node, Conv)
    assert node.requant is not None
    outputs, segments, width, channels = node.weight.shape
    columns = width * channels
    padded = np.pad(node.weight.reshape(outputs, segments, columns), ((0, 0), (0, 0), (0, -columns % BLOCK)))
    blocks = padded.reshape(outputs, -1, BLOCK).any(axis=2).sum(axis=1)
    taps = taps_of(node)
    bound = accumulator_bound(node, step.source.tensor.code_range)
    return ConvShape(
        rows=outputs,
        columns=columns,
        segments=segments,
        nonzero=node.nonzero,
        blocks=int((blocks + blocks % 2).sum()),
        sixteens=sum(len(sixteen_starts(row, columns)) for row in node.matrix),
        positions=step.positions,
        walk=walk_of(step),
        clamps=must_clamp(node.requant, bound, int(node.requant.multiplier.max())),
        clipped=any(node.padding),
        copied=_copied(step),
        aligned=channels % WORD_BYTES == 0 and step.source.tensor.name != step.network_input,
        taps=taps.height * taps.width,
        single=outputs_of_each_channel(node) == 1,
    )


def _copied(step: Step) -> int:
    return step.positions % FIELDS if step.reads_columns else step.positions


def estimate_conv_cycles(step: Step, encoding: Encoding, core: CoreClass) -> int:
    """Estimated cycles of a convolution stored as ``encoding``, without flash stalls and margins."""
    key = ("conv", encoding.format)
    terms = CONV_TERMS[key](replace(conv_shape(step), copied=_copied(replace(step, encoding=encoding))))
    return round(sum(c * term for c, term in zip(CONV_COEFFICIENTS[core][key], terms, strict=True)))
