"""Numpy integer kernels: the definition of the right bits."""

from tinybayes.reference.execute import dequantize_output, execute, quantize_input

__all__ = ["dequantize_output", "execute", "quantize_input"]
