"""Everything that building needs: the files of the network and of the firmware, or of the library, around it."""

from collections.abc import Sequence

from tinybayes.boards import Board, Target
from tinybayes.emit.firmware import firmware_files
from tinybayes.emit.library import library_files
from tinybayes.emit.mlperf import mlperf_input
from tinybayes.emit.network import network_files
from tinybayes.plan import Plan


def project_files(
    plan: Plan,
    target: Target,
    name: str,
    *,
    network_digest: bytes,
    protocol: str,
    golden_vectors: Sequence[Sequence[int]],
) -> dict[str, str]:
    """Relative path to text of a CMake project; the arguments are those of :func:`firmware_files`."""
    if not isinstance(target, Board):
        return {**network_files(plan, name), **library_files(target, name)}
    firmware = firmware_files(
        target,
        network_name=name,
        network_digest=network_digest,
        protocol=protocol,
        golden_vectors=golden_vectors,
        mlperf=mlperf_input(plan.graph, name) if protocol == "mlperf" else None,
    )
    return {**network_files(plan, name), **firmware}
