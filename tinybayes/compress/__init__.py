"""Making a trained network small: pruning, BatchNorm folding, weight sharing, and the estimate of its size."""

from tinybayes.compress.bits import entropy_bits, estimated_bytes, gap_bits
from tinybayes.compress.blocks import SHAPES, BlockShape
from tinybayes.compress.compensate import compensate
from tinybayes.compress.deep_compression import HanSize, han_sizes, prune_by_deviation, prune_iteratively
from tinybayes.compress.entropy import coded_bits
from tinybayes.compress.equalize import equalize
from tinybayes.compress.fold import fold_batch_norm
from tinybayes.compress.magnitude import layer_adaptive_scores, prune_by_magnitude, share_weights
from tinybayes.compress.prune import MaskedNetwork, posterior_masks, prune, weight_counts
from tinybayes.compress.share import GRID, MAX_LEVELS, SharedNetwork, cluster, snap_to_grid
from tinybayes.compress.weighted import weight_names

__all__ = [
    "GRID",
    "MAX_LEVELS",
    "SHAPES",
    "BlockShape",
    "HanSize",
    "MaskedNetwork",
    "SharedNetwork",
    "cluster",
    "coded_bits",
    "compensate",
    "entropy_bits",
    "equalize",
    "estimated_bytes",
    "fold_batch_norm",
    "gap_bits",
    "han_sizes",
    "layer_adaptive_scores",
    "posterior_masks",
    "prune",
    "prune_by_deviation",
    "prune_by_magnitude",
    "prune_iteratively",
    "share_weights",
    "snap_to_grid",
    "weight_counts",
    "weight_names",
]
