"""Numpy integer kernels: the definition of the right bits."""

from tinybayes.reference.execute import channels_last, dequantize_output, execute, quantize_input, scaled_input

__all__ = ["channels_last", "dequantize_output", "execute", "quantize_input", "scaled_input"]
