"""The part of a firmware project that is not the network: hand-written files, and a few made for the board."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from tinybayes.assets import asset_directory
from tinybayes.boards import Board
from tinybayes.emit.environment import environment
from tinybayes.emit.image_header import IMAGE_HEADERS
from tinybayes.emit.mlperf import MlperfInput
from tinybayes.errors import InternalError, UnsupportedError, UserError, did_you_mean

NETWORK_DIGEST_BYTES = 16
"""Length of the digest by which host and device know that they speak of the same network."""

_GENERATED = MappingProxyType(
    {
        "CMakeLists.txt": "CMakeLists.txt.j2",
        "firmware/board.h": "firmware/board.h.j2",
        "firmware/memory.ld": "firmware/memory.ld.j2",
        "firmware/network_binding.h": "firmware/network_binding.h.j2",
    }
)

_BARE = (
    "bench.c", "bench.h", "fault.c", "fault.h", "image.h", "main_bare.c", "receive.h", "sections.ld", "setup.h",
    "startup.c",
    "toolchain.cmake",
)  # fmt: skip
_FRAMES = (
    "chip.c", "chip.h", "commands.h", "cycles.c", "cycles.h", "frame.c", "frame.h", "golden.h", "inference.c",
    "interrupt.h", "main_frames.c", "protocol.c", "protocol.h", "receive.c", "receive.h", "stack.c", "stack.h",
    "uart.h",
)  # fmt: skip

_MLPERF = (
    "cycles.c", "cycles.h", "interrupt.h", "main_mlperf.c", "mlperf.c", "mlperf.h", "receive.c", "uart.h",
)  # fmt: skip

_HAND_WRITTEN: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {"frames": _BARE + _FRAMES, "mlperf": _BARE + _MLPERF, "none": _BARE}
)
"""By protocol, the files of ``firmware/`` that a project needs, drivers aside."""

PROTOCOLS = tuple(_HAND_WRITTEN)
"""What ``--protocol`` may be."""

_C_NAME = re.compile(r"[a-z][a-z0-9_]{0,47}")
# A network called so would stand in front of a header of C or of the firmware, or define the firmware's own names.
_TAKEN_NAMES = frozenset({
    "assert", "complex", "ctype", "errno", "fenv", "float", "host", "inttypes", "iso646", "limits", "locale", "math",
    "net", "setjmp", "signal", "stdalign", "stdarg", "stdatomic", "stdbool", "stddef", "stdint", "stdio", "stdlib",
    "stdnoreturn", "string", "tgmath", "threads", "time", "uchar", "wchar", "wctype",
})  # fmt: skip


def check_network_name(name: str) -> None:
    """Raises UserError where ``name`` cannot begin the names of C functions and files."""
    if not _C_NAME.fullmatch(name):
        raise UserError(
            f"--name: got {name!r}, wanted a lower-case C name: a letter, then at most 47 letters, digits or _"
        )
    headers = {Path(file).stem for files in _HAND_WRITTEN.values() for file in files if file.endswith(".h")}
    headers |= {Path(file).stem for file in _GENERATED if file.endswith(".h")}
    if name in _TAKEN_NAMES | headers or name.startswith("tb_"):
        raise UserError(f"--name: {name!r} is taken by C or by the firmware; choose another, as my_{name}")


def firmware_files(
    board: Board,
    *,
    network_name: str,
    network_digest: bytes,
    protocol: str,
    golden_vectors: Sequence[Sequence[int]] = (),
    mlperf: MlperfInput | None = None,
) -> dict[str, str]:
    """Everything beside ``network/`` that a project needs: relative path to text, in sorted order.

    ``network_digest`` is 16 bytes that tell this network from any other. ``protocol`` is ``"frames"``, ``"mlperf"`` or
    ``"none"``. ``golden_vectors`` has, for every input of the device's self-test, the CRC-32 of every step's tensor.
    ``mlperf`` says what MLPerf Tiny's runner sends, codes unless it is given.

    Raises UserError for a name that is none in C and UnsupportedError for an unknown protocol.
    """
    check_network_name(network_name)
    if protocol not in _HAND_WRITTEN:
        raise UnsupportedError(
            f"--protocol: got {protocol!r}, wanted one of {', '.join(PROTOCOLS)}.{did_you_mean(protocol, PROTOCOLS)}"
        )
    if len(network_digest) != NETWORK_DIGEST_BYTES:
        raise InternalError(f"a network digest of {len(network_digest)} bytes, wanted {NETWORK_DIGEST_BYTES}")
    templates = environment()
    header = IMAGE_HEADERS.get(board.chip.image_header)
    boot_loader = "none" if board.boot_loader is None else board.boot_loader.method
    carries_out_steps = bool(board.setup_steps or (board.boot_loader is not None and board.boot_loader.setup))
    facts = {
        "board": board,
        "header": header,
        "mlperf": mlperf or MlperfInput(),
        "boot_loader": boot_loader,
        "carries_out_steps": carries_out_steps,
        "cycle_counters": ", ".join(f"CYCLES_{name.upper()}" for name in board.chip.cycle_counters),
        "protocol": protocol,
        "network_name": network_name,
        "network_macro": network_name.upper(),
        "golden_vectors": [[f"0x{crc:08X}u" for crc in crcs] for crcs in golden_vectors],
        "digest_bytes": [f"0x{byte:02X}" for byte in network_digest],
    }
    hand_written = _HAND_WRITTEN[protocol]
    generated = dict(_GENERATED)
    if protocol != "none":
        hand_written += (f"uart_{board.uart.driver}.c",)
    if protocol == "frames":
        hand_written += (f"boot_loader_{boot_loader}.c",)
    if protocol == "mlperf":
        generated["firmware/mlperf_input.h"] = "firmware/mlperf_input.h.j2"
    if golden_vectors:
        generated["firmware/golden.c"] = "firmware/golden.c.j2"
    if carries_out_steps:
        hand_written += ("setup.c",)
        generated["firmware/board_setup.c"] = "firmware/board_setup.c.j2"
    if header is not None:
        generated["firmware/image_header.c"] = "firmware/image_header.c.j2"
    files = {path: templates.get_template(name).render(facts) for path, name in generated.items()}
    source = asset_directory("firmware")
    for name in hand_written:
        files[f"firmware/{name}"] = (source / name).read_text(encoding="utf-8")
    return dict(sorted(files.items()))
