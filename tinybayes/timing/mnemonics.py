"""The names of Thumb instructions: what each does and which of its operands it writes.

From the Arm Architecture Reference Manuals DDI 0403 (Armv7-M, chapter A7) and DDI 0553 (Armv8-M, part C2). Conditions
and the S suffix are told from names by ``split``.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from tinybayes.timing.instruction import Kind

CONDITIONS = ("eq", "ne", "cs", "hs", "cc", "lo", "mi", "pl", "vs", "vc", "hi", "ls", "ge", "lt", "gt", "le")


class Writes(StrEnum):
    """Which operands an instruction writes; it reads the others."""

    FIRST = "first"
    FIRST_OR_BOTH = "first_or_both"  # with two operands only, the first is read as well: ADDS r0, #1
    FIRST_KEPT = "first_kept"  # the first is read as well
    TWO = "two"
    TWO_KEPT = "two_kept"  # the first two are read as well
    FLAGS = "flags"
    NOTHING = "nothing"


@dataclass(frozen=True)
class Entry:
    """One name. ``sets_flags`` says whether it can take the S suffix, ``uses_flags`` whether it reads them anyway."""

    kind: Kind
    writes: Writes
    sets_flags: bool = False
    uses_flags: bool = False


def _lanes() -> str:
    prefixes = ("s", "q", "sh", "u", "uq", "uh")
    return " ".join(f"{p}{name}" for p in prefixes for name in ("add16", "asx", "sax", "sub16", "add8", "sub8"))


def _halves(name: str) -> str:
    return " ".join(f"{name}{x}{y}" for x in "bt" for y in "bt")


# Names, kind, operands written, "s" where the S suffix exists, "f" where flags are read.
_TABLE: tuple[tuple[str, Kind, Writes, str], ...] = (
    ("add sub and orr eor bic orn lsl lsr asr ror rsb neg", Kind.ALU, Writes.FIRST_OR_BOTH, "s"),
    ("adc sbc", Kind.ALU, Writes.FIRST_OR_BOTH, "sf"),
    ("mov mvn cpy", Kind.ALU, Writes.FIRST, "s"),
    ("rrx", Kind.ALU, Writes.FIRST, "sf"),
    ("movw adr", Kind.ALU, Writes.FIRST, ""),
    ("addw subw", Kind.ALU, Writes.FIRST_OR_BOTH, ""),
    ("movt", Kind.ALU, Writes.FIRST_KEPT, ""),
    ("cmp cmn tst teq", Kind.ALU, Writes.FLAGS, ""),
    ("csel csinc csinv csneg cset csetm cinc cinv cneg", Kind.ALU, Writes.FIRST, "f"),
    ("sxtb sxth uxtb uxth sxtb16 uxtb16 rev rev16 revsh rbit clz", Kind.DSP, Writes.FIRST, ""),
    ("ubfx sbfx ssat usat ssat16 usat16 usad8 usada8", Kind.DSP, Writes.FIRST, ""),
    ("sxtab sxtah uxtab uxtah sxtab16 uxtab16 pkhbt pkhtb", Kind.DSP, Writes.FIRST, ""),
    (f"qadd qsub qdadd qdsub {_lanes()}", Kind.DSP, Writes.FIRST_OR_BOTH, ""),
    ("sel", Kind.DSP, Writes.FIRST, "f"),
    ("bfi bfc", Kind.DSP, Writes.FIRST_KEPT, ""),
    ("lsll lsrl asrl uqshll sqshll urshrl srshrl uqrshll sqrshrl", Kind.DSP, Writes.TWO_KEPT, ""),
    ("mul", Kind.MULTIPLY, Writes.FIRST_OR_BOTH, "s"),
    ("mla mls", Kind.MULTIPLY_ADD, Writes.FIRST, ""),
    ("umull smull", Kind.MULTIPLY_LONG, Writes.TWO, ""),
    ("umlal smlal umaal", Kind.MULTIPLY_ADD_LONG, Writes.TWO_KEPT, ""),
    (f"{_halves('smul')} smulwb smulwt smuad smuadx smusd smusdx smmul smmulr", Kind.MULTIPLY_DSP, Writes.FIRST, ""),
    (f"{_halves('smla')} smlawb smlawt smlad smladx smlsd smlsdx", Kind.MULTIPLY_DSP, Writes.FIRST, ""),
    ("smmla smmlar smmls smmlsr", Kind.MULTIPLY_DSP, Writes.FIRST, ""),
    (f"{_halves('smlal')} smlald smlaldx smlsld smlsldx", Kind.MULTIPLY_DSP, Writes.TWO_KEPT, ""),
    ("sdiv udiv", Kind.DIVIDE, Writes.FIRST_OR_BOTH, ""),
    ("ldr ldrb ldrh ldrsb ldrsh ldrt ldrbt ldrht ldrsbt ldrsht", Kind.LOAD, Writes.FIRST, ""),
    ("ldrex ldrexb ldrexh lda ldab ldah ldaex ldaexb ldaexh", Kind.LOAD, Writes.FIRST, ""),
    ("ldrd", Kind.LOAD_DOUBLE, Writes.TWO, ""),
    ("ldm ldmia ldmdb ldmea ldmfd pop", Kind.LOAD_MULTIPLE, Writes.NOTHING, ""),
    ("str strb strh strt strbt strht stl stlb stlh", Kind.STORE, Writes.NOTHING, ""),
    ("strex strexb strexh stlex stlexb stlexh", Kind.STORE, Writes.FIRST, ""),
    ("strd", Kind.STORE_DOUBLE, Writes.NOTHING, ""),
    ("stm stmia stmdb stmea stmfd push", Kind.STORE_MULTIPLE, Writes.NOTHING, ""),
    ("b", Kind.BRANCH, Writes.NOTHING, ""),
    ("cbz cbnz", Kind.COMPARE_BRANCH, Writes.NOTHING, ""),
    ("bl", Kind.CALL, Writes.NOTHING, ""),
    ("blx blxns", Kind.CALL_REGISTER, Writes.NOTHING, ""),
    ("bx bxns", Kind.BRANCH_REGISTER, Writes.NOTHING, ""),
    ("tbb tbh", Kind.BRANCH_TABLE, Writes.NOTHING, ""),
    ("dls dlstp wls wlstp", Kind.LOOP_START, Writes.FIRST, ""),
    ("le letp", Kind.LOOP_END, Writes.FIRST_KEPT, ""),
    ("it ite itt itee itet itte ittt", Kind.IF_THEN, Writes.NOTHING, "f"),
    ("iteee iteet itete itett ittee ittet ittte itttt", Kind.IF_THEN, Writes.NOTHING, "f"),
    ("nop yield sev csdb lctp clrm", Kind.NOP, Writes.NOTHING, ""),
    ("dmb dsb isb wfe wfi", Kind.BARRIER, Writes.NOTHING, ""),
    ("mrs", Kind.SPECIAL, Writes.FIRST, "f"),
    ("msr cpsid cpsie bkpt svc", Kind.SPECIAL, Writes.NOTHING, ""),
    ("vadd vsub vmaxnm vminnm", Kind.FLOAT, Writes.FIRST, ""),
    ("vsel vseleq vselge vselgt vselvs", Kind.FLOAT, Writes.FIRST, "f"),
    ("vneg vabs vcvt vcvtr vcvtb vcvtt vcvta vcvtm vcvtn vcvtp", Kind.FLOAT, Writes.FIRST, ""),
    ("vrinta vrintm vrintn vrintp vrintr vrintx vrintz", Kind.FLOAT, Writes.FIRST, ""),
    ("vcmp vcmpe", Kind.FLOAT, Writes.FLAGS, ""),
    ("vmul vnmul", Kind.FLOAT_MULTIPLY, Writes.FIRST, ""),
    ("vmla vmls vnmla vnmls vfma vfms vfnma vfnms", Kind.FLOAT_MULTIPLY_ADD, Writes.FIRST_KEPT, ""),
    ("vdiv vsqrt", Kind.FLOAT_DIVIDE, Writes.FIRST, ""),
    ("vmov vmrs vmsr vins vmovx", Kind.FLOAT_MOVE, Writes.FIRST, ""),
    ("vldr", Kind.FLOAT_LOAD, Writes.FIRST, ""),
    ("vldm vldmia vldmdb vpop vlldm", Kind.FLOAT_LOAD_MULTIPLE, Writes.NOTHING, ""),
    ("vstr", Kind.FLOAT_STORE, Writes.NOTHING, ""),
    ("vstm vstmia vstmdb vpush vlstm", Kind.FLOAT_STORE_MULTIPLE, Writes.NOTHING, ""),
)  # fmt: skip

MNEMONICS: Mapping[str, Entry] = MappingProxyType(
    {
        name: Entry(kind, writes, "s" in suffixes, "f" in suffixes)
        for names, kind, writes, suffixes in _TABLE
        for name in names.split()
    }
)
"""Every name that is not a vector instruction's."""

_VECTOR_KINDS = (
    (re.compile(r"vld[24]\d$|vldr[bhwd]$"), Kind.VECTOR_LOAD),
    (re.compile(r"vst[24]\d$|vstr[bhwd]$"), Kind.VECTOR_STORE),
    (re.compile(r"vpst|vpt|vctp|vpnot"), Kind.VECTOR_PREDICATE),
    (re.compile(r"v(q?r?d?ml|q?r?d?mul|r?mul|rml|fm[as]|cm(ul|la))"), Kind.VECTOR_MULTIPLY),
)
_VECTOR_NAME = re.compile(r"(?P<name>v(?:pst|pt)[te]*|v[a-z]+\d*[bhwd]?)(?:\..*)?")
# They add to what their first operand holds, or leave some of its lanes.
_KEEPS_FIRST = re.compile(
    r"v(q?r?d?ml\w*a[xh]?s?|q?dmlas?h|mlas?|fm[as]s?|adda|addva|addlva|abava|cmla|sli|sri|sbcv?|bic|orr|q?r?shrun?[bt]|q?movu?n[bt])$"
)


def split(mnemonic: str) -> tuple[str, str, bool]:
    """Name, condition (``""`` for none) and whether flags are set, of a mnemonic without width and type suffixes.

    An unknown name comes back whole.
    """
    for length in range(len(mnemonic), 0, -1):
        entry = MNEMONICS.get(mnemonic[:length])
        if entry is None:
            continue
        rest = mnemonic[length:]
        sets = rest.startswith("s") and entry.sets_flags and rest not in CONDITIONS
        condition = rest[1:] if sets else rest
        if condition == "" or condition in CONDITIONS:
            return mnemonic[:length], condition, sets
    return mnemonic, "", False


def vector_entry(mnemonic: str) -> tuple[str, Entry, bool]:
    """Name, entry and whether it is predicated, of a vector instruction's mnemonic without type suffixes."""
    found = _VECTOR_NAME.fullmatch(mnemonic)
    name = found["name"] if found is not None else mnemonic
    predicated = False
    if not name.startswith(("vpst", "vpt")) and name[-1] in "te" and not _is_whole(name):
        name, predicated = name[:-1], True
    kind = next((kind for pattern, kind in _VECTOR_KINDS if pattern.match(name)), Kind.VECTOR)
    if kind in (Kind.VECTOR_STORE, Kind.VECTOR_PREDICATE):
        return name, Entry(kind, Writes.NOTHING), predicated
    keeps = predicated or _KEEPS_FIRST.match(name) is not None
    return name, Entry(kind, Writes.FIRST_KEPT if keeps else Writes.FIRST), predicated


def _is_whole(name: str) -> bool:
    """Whether a final t belongs to the name (the upper halves of VMOVNT, VMULLT, VSHLLT) and is no predication."""
    return re.fullmatch(r"v(q?movu?nt|mullt|q?dmullt|cvtt|q?r?shru?nt|shllt|movlt)", name) is not None
