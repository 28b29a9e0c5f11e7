"""Graph -> Graph, one pure function a file; ``pipeline`` lists them in order."""

from tinybayes.passes.fold_batchnorm import fold_batchnorm
from tinybayes.passes.pipeline import to_integer
from tinybayes.passes.quantize import quantize
from tinybayes.passes.quantize_recurrent import check_recurrent_bits
from tinybayes.passes.remove_dead import remove_dead

__all__ = ["check_recurrent_bits", "fold_batchnorm", "quantize", "remove_dead", "to_integer"]
