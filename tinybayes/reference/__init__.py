"""Numpy integer kernels: the definition of the right bits."""

from tinybayes.reference.classes import chosen_classes
from tinybayes.reference.execute import channels_last, dequantize_output, execute, quantize_input, scaled_input

__all__ = ["channels_last", "chosen_classes", "dequantize_output", "execute", "quantize_input", "scaled_input"]
