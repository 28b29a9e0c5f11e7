"""From the text of one disassembled instruction to what its timing depends on."""

import re

from tinybayes.timing.instruction import LOADS, STORES, Instruction, Kind
from tinybayes.timing.mnemonics import MNEMONICS, Entry, Writes, split, vector_entry

_ALIASES = {"sb": "r9", "sl": "r10", "fp": "r11", "ip": "r12", "r13": "sp", "r14": "lr", "r15": "pc"}
_REGISTER = re.compile(r"\b(?:r\d+|sp|lr|pc|sb|sl|fp|ip|[sdq]\d+|vpr|p0|apsr\w*|fpscr\w*)\b")
_RANGE = re.compile(r"\b([rsdq])(\d+)-[rsdq](\d+)")
_SHIFT = re.compile(r"(?:lsl|lsr|asr|ror|rrx)\b")
_SINGLES = {"s": 1, "d": 2, "q": 4}
_MEMORY_BYTES = {"b": 1, "h": 2, "w": 4, "d": 8}
_Q_BYTES = 16
_LANE_BITS = re.compile(r"\.[a-z]*(\d+)")
_TARGETS = frozenset({Kind.BRANCH, Kind.COMPARE_BRANCH, Kind.CALL, Kind.LOOP_END, Kind.LOOP_START})
_STACK = {"push": "sp", "pop": "sp", "vpush": "sp", "vpop": "sp"}


def classify(address: int, size_bytes: int, mnemonic: str, operands: str) -> Instruction | None:
    """The instruction that Capstone or LLVM's disassembler writes so; None where its name is not known."""
    written = mnemonic.lower()
    for suffix in (".w", ".n"):
        written = written.removesuffix(suffix)
    base = written.split(".")[0]
    parts = _split_operands(operands.partition("@")[0].strip().lower())
    is_vector = base.startswith("v") and (any(re.search(r"\bq\d", part) for part in parts) or base[:3] in _PREDICATES)
    predicated = False
    if is_vector:
        name, entry, predicated = vector_entry(base)
        condition, sets_flags = "", False
    else:
        name, condition, sets_flags = split(base)
        known = MNEMONICS.get(name)
        if known is None:
            return None
        entry = known
    return _assemble(address, size_bytes, written, parts, name, entry, condition, sets_flags, is_vector, predicated)


_PREDICATES = ("vps", "vpt", "vct", "vpn")


def _assemble(
    address: int,
    size_bytes: int,
    mnemonic: str,
    parts: tuple[str, ...],
    name: str,
    entry: Entry,
    condition: str,
    sets_flags: bool,
    is_vector: bool,
    predicated: bool,
) -> Instruction:
    kind = entry.kind
    memory = next((i for i, part in enumerate(parts) if part.startswith("[")), None)
    moves = kind in LOADS or kind in STORES or kind is Kind.BRANCH_TABLE
    address_registers: set[str] = set()
    reads: set[str] = set()
    writes: set[str] = set()
    writes_back = False
    data = parts
    if moves and memory is not None:
        address_registers = _registers(parts[memory])
        writes_back = parts[memory].endswith("!") or (memory + 1 < len(parts) and kind is not Kind.BRANCH_TABLE)
        data = parts[:memory]
        for late in parts[memory + 1 :]:
            reads |= _registers(late)
        if "[" in parts[memory] and re.search(r"\bq\d", parts[memory]):
            kind = Kind.VECTOR_GATHER if kind is Kind.VECTOR_LOAD else Kind.VECTOR_SCATTER
    elif kind in (Kind.LOAD_MULTIPLE, Kind.STORE_MULTIPLE, Kind.FLOAT_LOAD_MULTIPLE, Kind.FLOAT_STORE_MULTIPLE):
        base = _STACK.get(name, parts[0].rstrip("!")) if parts else "sp"
        address_registers = _registers(base)
        writes_back = name in _STACK or parts[0].endswith("!")
        data = parts[-1:]
    plain = [part for part in data if not _SHIFT.match(part)]
    shifts_operand = len(plain) != len(data)
    for shift in data:
        if _SHIFT.match(shift):
            reads |= _registers(shift)
    _take_operands(entry, kind, plain, name, mnemonic, reads, writes, is_vector)
    reads |= address_registers
    if writes_back:
        writes |= {register for register in address_registers if not register.startswith("s") or register == "sp"}
    if condition or entry.uses_flags:
        reads.add("flags")
    if sets_flags or entry.writes is Writes.FLAGS:
        writes.add("flags")
    if predicated or name == "vpsel":
        reads.add("vpr")
    if kind is Kind.VECTOR_PREDICATE or (is_vector and name.startswith("vcmp")):
        writes.add("vpr")
    if kind in (Kind.CALL, Kind.CALL_REGISTER):
        writes.add("lr")
    transferred, access_bytes = _transfer(kind, name, mnemonic, plain, moves)
    return Instruction(
        address=address,
        size_bytes=size_bytes,
        mnemonic=mnemonic,
        operands=parts,
        name=name,
        kind=kind,
        condition=condition,
        reads=frozenset(reads),
        writes=frozenset(writes),
        address_registers=frozenset(address_registers),
        has_register_offset=memory is not None and _has_index(parts[memory], parts[memory + 1 :]),
        writes_back=writes_back,
        shifts_operand=shifts_operand,
        transferred=transferred,
        access_bytes=access_bytes,
        target=_target(parts) if kind in _TARGETS else None,
    )


def _take_operands(
    entry: Entry,
    kind: Kind,
    plain: list[str],
    name: str,
    mnemonic: str,
    reads: set[str],
    writes: set[str],
    is_vector: bool,
) -> None:
    if kind in (Kind.LOAD_MULTIPLE, Kind.FLOAT_LOAD_MULTIPLE):
        writes |= _registers(plain[-1])
        return
    written = {Writes.TWO: 2, Writes.TWO_KEPT: 2, Writes.FLAGS: 0, Writes.NOTHING: 0}.get(entry.writes, 1)
    if is_vector and written:
        # VMLALDAV and its like write a pair of core registers, VMOV from lanes too; VIDUP steps its core operand.
        leading = next((i for i, part in enumerate(plain) if re.search(r"\bq\d", part)), len(plain))
        written = max(written, leading)
        if re.match(r"v[id]w?dup", name):
            written = 2
    elif name == "vmov" and len(plain) >= 3:
        written = 2 if not plain[0].startswith("d") else 1
    if kind is Kind.VECTOR_LOAD and name.startswith("vld") and not name.startswith("vldr"):
        written = 1
    kept = entry.writes in (Writes.FIRST_KEPT, Writes.TWO_KEPT) or "[" in "".join(plain[:written])
    kept = kept or (entry.writes is Writes.FIRST_OR_BOTH and len(plain) == 2)
    # VIDUP steps its start value; VSHL and its like shift in place where the amount is in a core register.
    kept = kept or bool(is_vector and re.match(r"v[id]w?dup", name))
    kept = kept or bool(is_vector and len(plain) == 2 and re.fullmatch(r"vq?r?shl", name))
    for index, part in enumerate(plain):
        if index < written:
            writes |= _registers(part)
        if index >= written or kept:
            reads |= _registers(part)
    if name == "vmrs" and "apsr" in plain[0]:
        writes.add("flags")


def _split_operands(text: str) -> tuple[str, ...]:
    parts: list[str] = []
    depth, start = 0, 0
    for position, character in enumerate(text):
        depth += character in "[{"
        depth -= character in "]}"
        if character == "," and depth == 0:
            parts.append(text[start:position].strip())
            start = position + 1
    last = text[start:].strip()
    return (*parts, last) if last else tuple(parts)


def _registers(text: str) -> set[str]:
    """All registers named in ``text``; of d and q registers, the s registers that they are made of."""
    text = _RANGE.sub(lambda m: ",".join(f"{m[1]}{n}" for n in range(int(m[2]), int(m[3]) + 1)), text)
    found: set[str] = set()
    for written in _REGISTER.findall(text):
        name = _ALIASES.get(written, written)
        if name[0] in "dq" and name[1:].isdigit():
            width = _SINGLES[name[0]]
            found |= {f"s{int(name[1:]) * width + i}" for i in range(width)}
        elif name in ("vpr", "p0"):
            found.add("vpr")
        elif name.startswith(("apsr", "fpscr")):
            found.add("flags")
        else:
            found.add(name)
    return found


def _has_index(memory: str, behind: tuple[str, ...]) -> bool:
    inside = memory.strip("[]!").split(",")
    return (len(inside) > 1 and bool(_REGISTER.match(inside[1].strip()))) or any(map(_REGISTER.match, behind))


def _transfer(kind: Kind, name: str, mnemonic: str, plain: list[str], moves: bool) -> tuple[int, int]:
    """Registers moved (words for floating-point ones) and bytes."""
    if kind is Kind.FLOAT_MOVE:
        return 2 if len(plain) >= 3 else 1, 0
    if not moves or kind is Kind.BRANCH_TABLE:
        return 0, 0
    registers = _registers(plain[-1] if "multiple" in kind else ",".join(plain))
    if kind in (Kind.LOAD, Kind.STORE):
        suffix = re.sub(r"^(?:ldr|str|lda|stl)(?:ex)?s?|t$", "", name)
        return 1, _MEMORY_BYTES.get(suffix, 4)
    if kind.startswith("vector"):
        lane = _LANE_BITS.search(mnemonic)
        in_memory = _MEMORY_BYTES.get(name[4:5], _Q_BYTES) if name[3] == "r" else None
        if lane is None or in_memory is None:
            return 4, _Q_BYTES
        return 4, _Q_BYTES * 8 // int(lane[1]) * in_memory
    return len(registers), 4 * len(registers)


def _target(parts: tuple[str, ...]) -> int | None:
    if not parts:
        return None
    found = re.match(r"#?(0x[0-9a-f]+|\d+)\b", parts[-1])
    return int(found[1], 0) if found is not None else None
