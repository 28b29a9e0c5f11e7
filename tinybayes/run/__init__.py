"""Running a compiled network somewhere, behind one protocol: on the host, in QEMU, on a device."""

from tinybayes.run.runner import Runner, RunResult

__all__ = ["RunResult", "Runner"]
