"""Straight-line code: a layer's weights as instructions, for the cores' two instruction sets."""

from tinybayes.plan.straight.listing import Listing
from tinybayes.plan.straight.thumb1 import generate as generate_thumb1
from tinybayes.plan.straight.thumb2 import generate as generate_thumb2

__all__ = ["Listing", "generate_thumb1", "generate_thumb2"]
