"""Proves an arena by simulation: shares nothing with the planner that made it."""

from collections.abc import Iterable

import numpy as np

from tinybayes.errors import InternalError
from tinybayes.plan.arena import Buffer


def prove(buffers: Iterable[Buffer], size_bytes: int, steps: int) -> None:
    """Walks through the steps and paints each live buffer's bytes; raises InternalError on any byte painted twice."""
    rows = [(b.name, b.offset, b.size_bytes, b.first_step, b.last_step) for b in buffers]
    for step in range(steps):
        owner = np.full(size_bytes, -1)
        for number, (name, offset, length, first, last) in enumerate(rows):
            if not first <= step <= last:
                continue
            if offset < 0 or offset + length > size_bytes or offset % 4:
                raise InternalError(f"arena: {name} at {offset}..{offset + length} of {size_bytes} bytes")
            span = owner[offset : offset + length]
            if (span >= 0).any():
                other = rows[int(span[span >= 0][0])][0]
                raise InternalError(f"arena: {name} and {other} overlap in step {step}")
            span[:] = number
