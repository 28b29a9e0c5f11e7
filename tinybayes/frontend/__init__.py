"""torch.export -> Graph."""

from tinybayes.frontend.export import import_callable, import_module, import_pt2
from tinybayes.frontend.fake_quant import FakeQuantized, fake_quantized, fake_quantized_classes

__all__ = [
    "FakeQuantized",
    "fake_quantized",
    "fake_quantized_classes",
    "import_callable",
    "import_module",
    "import_pt2",
]
