"""From the assembly text of a Thumb instruction to a row that the interpreter executes.

Encodings and meanings are those of the Armv8-M Architecture Reference Manual (DDI 0553), part C2. What is not in the
tables becomes the operation ``unknown``, which stops the interpreter with an error where it is reached.
"""

from dataclasses import replace

from tinybayes.timing.thumb.arithmetic_rows import ARITHMETIC
from tinybayes.timing.thumb.operands import CONDITIONS, read_operands
from tinybayes.timing.thumb.row import ALWAYS, KNOWN_OPERANDS, SETS, UNKNOWN, Row
from tinybayes.timing.thumb.transfer_rows import TRANSFERS
from tinybayes.timing.thumb.vector_rows import vector_row

_SHAPES = {**ARITHMETIC, **TRANSFERS}
_MAY_SET = frozenset({
    "add", "adc", "sub", "sbc", "rsb", "and", "orr", "orn", "eor", "bic", "neg", "mov", "mvn", "lsl", "lsr", "asr",
    "ror", "rrx", "mul",
})  # fmt: skip
_EARLY_OUT = ("udiv", "sdiv")
# Table 3-1 of the Cortex-M3 TRM (DDI 0337): long products take 3 to 5 (4 to 7) cycles, by the size of the operands.
_EARLY_OUT_ON_M3 = (*_EARLY_OUT, "umull", "smull", "umlal", "smlal")


def decode(mnemonic: str, operands: str, address: int, core: str) -> Row:
    """The row of one instruction; ``core`` is the name of the core, on which some times depend."""
    base, condition, sets = _split_mnemonic(mnemonic.lower())
    if base is None:
        return vector_row(mnemonic.lower(), operands, address) or UNKNOWN
    parsed = read_operands(operands)
    row = _SHAPES[base](base, parsed, address) if parsed is not None else None
    if row is None:
        return vector_row(mnemonic.lower(), operands, address) or UNKNOWN
    bits = row.bits | (SETS if sets else 0)
    if row.operation in (_EARLY_OUT_ON_M3 if core == "cortex-m3" else _EARLY_OUT):
        bits |= KNOWN_OPERANDS
    return replace(row, bits=bits, condition=condition)


def _split_mnemonic(mnemonic: str) -> tuple[str | None, int, bool]:
    """Name, condition, and whether it sets flags: ``"addseq.w"`` is ``("add", 0, True)``."""
    name = mnemonic.removesuffix(".w").removesuffix(".n")
    if name.startswith("it") and set(name[2:]) <= {"t", "e"}:
        return "it", ALWAYS, False
    for ending, number in (("", ALWAYS), *CONDITIONS.items()):
        if not name.endswith(ending):
            continue
        stem = name.removesuffix(ending)
        if stem in _SHAPES:
            return stem, number, False
        if stem.endswith("s") and stem[:-1] in _MAY_SET:
            return stem[:-1], number, True
    return None, ALWAYS, False
