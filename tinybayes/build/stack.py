"""Worst-case stack of a function, from the machine code of the image that it ends up in.

Every function on the way takes what its instructions ever subtract from the stack pointer, all of them taken
together, so the bound holds whichever path runs; calls add up, and a jump to another function (a tail call, before
which a frame is given back) does not. Library functions are bounded as the project's own are.
"""

import re
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from tinybayes.build.toolchain import require
from tinybayes.errors import InternalError, ToolError

_DISASSEMBLY_SECONDS = 120.0
_FUNCTION = re.compile(r"^([0-9a-f]+) <([^>]+)>:$")
_INSTRUCTION = re.compile(r"^\s*[0-9a-f]+:\t(?P<name>\S+)(?:\t(?P<operands>[^@;]*))?")
_TARGET = re.compile(r"^(?:\w+, )?(?P<address>[0-9a-f]+) <(?P<symbol>[^>]+)>")
_STORE_BELOW = re.compile(r"\[sp, #-(\d+)\]!")
_WRITES_SP = re.compile(r"^sp(?:!|,|$)")
_SUBTRACT = re.compile(r"^sp, (?:sp, )?#(\d+)")
_BRANCH = re.compile(r"^b(?:eq|ne|cs|cc|mi|pl|vs|vc|hi|ls|ge|lt|gt|le)?$")
_LEAVES_OR_GIVES_BACK = re.compile(r"^(?:v?ldmia|v?stmia|cmp) |^addw? sp, (?:sp, )?#\d{1,9}$")
_JUMP_BY_VARIABLE = re.compile(r"^(?:mov|add) pc, |^ldr pc, (?!\[sp)")
_REGISTER_BYTES = {"d": 8, "q": 16}


@dataclass
class _Function:
    """What one function takes from the stack, and whom it calls; ``bounded`` is False where that cannot be told."""

    own_bytes: int = 0
    calls: set[int] = field(default_factory=set)
    jumps: set[int] = field(default_factory=set)
    bounded: bool = True


def stack_bound_bytes(elf: Path, function: str) -> int | None:
    """Bytes of stack that ``function`` and all that it calls take at most, or None where there is no such bound.

    There is none where the code calls through a pointer, calls itself, or moves the stack pointer by a variable.

    Raises ToolError where the disassembler is missing or fails, InternalError where ``elf`` lacks the function.
    """
    functions, address_of = _read_disassembly(_disassemble(elf))
    if function not in address_of:
        raise InternalError(f"{elf} has no function {function}, so its stack cannot be bounded")
    return _depth_bytes(address_of[function], functions, frozenset())


def _disassemble(elf: Path) -> str:
    objdump = require("arm-none-eabi-gcc").with_name("arm-none-eabi-objdump")
    try:
        done = subprocess.run(
            [objdump, "-d", "--no-show-raw-insn", elf],
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_DISASSEMBLY_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ToolError(f"{objdump} could not disassemble {elf}: {error}") from error
    if done.returncode != 0:
        raise ToolError(f"{objdump} could not disassemble {elf}: {done.stderr.strip()}")
    return done.stdout


def _read_disassembly(text: str) -> tuple[dict[int, _Function], dict[str, int]]:
    functions: dict[int, _Function] = {}
    address_of: dict[str, int] = {}
    current = _Function()
    name = ""
    for line in text.splitlines():
        header = _FUNCTION.match(line)
        if header is not None:
            address, name = int(header[1], 16), header[2]
            current = functions[address] = _Function()
            address_of[name] = address
            continue
        instruction = _INSTRUCTION.match(line)
        if instruction is not None:
            _take(current, name, instruction["name"], (instruction["operands"] or "").strip())
    return functions, address_of


def _take(function: _Function, symbol: str, instruction: str, operands: str) -> None:
    """Adds what one instruction does."""
    mnemonic = instruction.removesuffix(".w").removesuffix(".n")
    written = f"{mnemonic} {operands}"
    target = _TARGET.match(operands)
    if mnemonic == "bl" and target is not None:
        function.calls.add(int(target["address"], 16))
    elif mnemonic in ("bl", "blx") or (mnemonic == "bx" and operands != "lr"):
        function.bounded = False
    elif _BRANCH.match(mnemonic) and target is not None:
        if target["symbol"].split("+")[0] != symbol:
            function.jumps.add(int(target["address"], 16))
    elif mnemonic in ("push", "vpush"):
        function.own_bytes += _registers_bytes(operands)
    elif mnemonic in ("stmdb", "vstmdb") and operands.startswith("sp!, "):
        function.own_bytes += _registers_bytes(operands.removeprefix("sp!, "))
    elif (below := _STORE_BELOW.search(operands)) is not None:
        function.own_bytes += int(below[1])
    elif mnemonic in ("sub", "subw") and (subtracted := _SUBTRACT.match(operands)) is not None:
        function.own_bytes += int(subtracted[1])
    elif (_WRITES_SP.match(operands) and not _LEAVES_OR_GIVES_BACK.match(written)) or _JUMP_BY_VARIABLE.match(written):
        function.bounded = False


def _registers_bytes(operands: str) -> int:
    """Bytes of a register list, ``{r4, r5, lr}`` or ``{d8-d15}``."""
    total = 0
    for item in operands.strip("{} ").split(", "):
        first, _, last = item.partition("-")
        count = int(last[1:]) - int(first[1:]) + 1 if last else 1
        total += count * _REGISTER_BYTES.get(first[0], 4)
    return total


def _depth_bytes(address: int, functions: dict[int, _Function], above: frozenset[int]) -> int | None:
    function = functions.get(address)
    if function is None or not function.bounded or address in above:
        return None
    here = above | {address}
    deepest = function.own_bytes
    for callee in function.calls:
        depth = _depth_bytes(callee, functions, here)
        if depth is None:
            return None
        deepest = max(deepest, function.own_bytes + depth)
    for follower in function.jumps:
        depth = _depth_bytes(follower, functions, here)
        if depth is None:
            return None
        deepest = max(deepest, depth)
    return deepest
