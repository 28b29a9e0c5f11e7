"""A CPU of its own for a process whose threads work by turns."""

import contextlib
import os
import random
from collections import Counter
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def on_one_cpu() -> Iterator[None]:
    """What is started within stays on one CPU, which is the one that the fewest processes are kept on already.

    Threads that hand each byte to one another wait for a sleeping CPU every time where each has one; on the same they
    only change places. Does nothing where the system cannot, or leaves no choice.
    """
    if not hasattr(os, "sched_setaffinity"):  # Linux has it, macOS and Windows do not
        yield
        return
    allowed = os.sched_getaffinity(0)
    taken = _taken()
    os.sched_setaffinity(0, {min(allowed, key=lambda cpu: (taken[cpu], random.random()))})
    try:
        yield
    finally:
        os.sched_setaffinity(0, allowed)


def _taken() -> Counter[int]:
    """How many processes may run on a CPU and on no other, by CPU. The kernel's own are as many on each."""
    taken: Counter[int] = Counter()
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):  # it may have ended
                allowed = os.sched_getaffinity(int(entry.name))
                taken.update(allowed if len(allowed) == 1 else ())
    return taken
