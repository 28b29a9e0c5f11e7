"""One decoded Thumb instruction, as far as its timing depends on it."""

import re
from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What an instruction does, as the timing tables of the cores tell instructions apart."""

    ALU = "alu"  # moves, arithmetic, logic, compares, shifts
    DSP = "dsp"  # bit fields, extensions, reversals, saturation, SIMD lanes, count of leading zeros
    MULTIPLY = "multiply"  # 32-bit product
    MULTIPLY_ADD = "multiply_add"  # 32-bit product, accumulated
    MULTIPLY_LONG = "multiply_long"  # 64-bit product
    MULTIPLY_ADD_LONG = "multiply_add_long"  # 64-bit product, accumulated
    MULTIPLY_DSP = "multiply_dsp"  # products of halves: SMULxy, SMLAD, SMMUL and their like
    DIVIDE = "divide"
    LOAD = "load"
    LOAD_DOUBLE = "load_double"
    LOAD_MULTIPLE = "load_multiple"  # LDM, POP
    STORE = "store"
    STORE_DOUBLE = "store_double"
    STORE_MULTIPLE = "store_multiple"  # STM, PUSH
    BRANCH = "branch"  # B, B<cond>
    COMPARE_BRANCH = "compare_branch"  # CBZ, CBNZ
    CALL = "call"  # BL
    CALL_REGISTER = "call_register"  # BLX
    BRANCH_REGISTER = "branch_register"  # BX
    BRANCH_TABLE = "branch_table"  # TBB, TBH
    LOOP_START = "loop_start"  # WLS, WLSTP, DLS, DLSTP
    LOOP_END = "loop_end"  # LE, LETP
    IF_THEN = "if_then"  # IT
    NOP = "nop"
    BARRIER = "barrier"  # DMB, DSB, ISB
    SPECIAL = "special"  # MRS, MSR, CPS
    FLOAT = "float"  # single-precision add, subtract, compare, convert, negate, absolute value
    FLOAT_MOVE = "float_move"
    FLOAT_MULTIPLY = "float_multiply"
    FLOAT_MULTIPLY_ADD = "float_multiply_add"
    FLOAT_DIVIDE = "float_divide"  # VDIV, VSQRT
    FLOAT_LOAD = "float_load"
    FLOAT_LOAD_MULTIPLE = "float_load_multiple"  # VLDM, VPOP
    FLOAT_STORE = "float_store"
    FLOAT_STORE_MULTIPLE = "float_store_multiple"  # VSTM, VPUSH
    VECTOR = "vector"  # MVE arithmetic and logic on lanes
    VECTOR_MULTIPLY = "vector_multiply"  # MVE products, with or without accumulation
    VECTOR_LOAD = "vector_load"  # contiguous
    VECTOR_GATHER = "vector_gather"
    VECTOR_STORE = "vector_store"  # contiguous
    VECTOR_SCATTER = "vector_scatter"
    VECTOR_PREDICATE = "vector_predicate"  # VPST, VPT, VCTP, VPNOT


LOADS = frozenset({
    Kind.LOAD, Kind.LOAD_DOUBLE, Kind.LOAD_MULTIPLE, Kind.FLOAT_LOAD, Kind.FLOAT_LOAD_MULTIPLE, Kind.VECTOR_LOAD,
    Kind.VECTOR_GATHER,
})  # fmt: skip
STORES = frozenset({
    Kind.STORE, Kind.STORE_DOUBLE, Kind.STORE_MULTIPLE, Kind.FLOAT_STORE, Kind.FLOAT_STORE_MULTIPLE, Kind.VECTOR_STORE,
    Kind.VECTOR_SCATTER,
})  # fmt: skip
VECTORS = frozenset(kind for kind in Kind if kind.startswith("vector"))


@dataclass(frozen=True)
class Instruction:
    """One instruction.

    ``mnemonic`` is as disassembled, in lower case, without a width suffix (``"addseq"``, ``"vldrb.u8"``); ``name`` is
    its base (``"add"``, ``"vldrb"``), ``condition`` what it depends on (``"eq"``, or ``""``), ``operands`` its
    operands. Registers are ``r0`` to ``r12``, ``sp``, ``lr``, ``pc``, ``s0`` to ``s31`` (of which d and q registers
    are made), ``flags`` and ``vpr``. ``address_registers`` are those that a memory address is computed from, and
    ``has_register_offset`` says whether there are two; ``transferred`` is how many registers a load or store moves,
    ``access_bytes`` how many bytes it moves in all. ``target`` is where a direct branch goes.
    """

    address: int
    size_bytes: int
    mnemonic: str
    operands: tuple[str, ...]
    name: str
    kind: Kind
    condition: str = ""
    reads: frozenset[str] = frozenset()
    writes: frozenset[str] = frozenset()
    address_registers: frozenset[str] = frozenset()
    has_register_offset: bool = False
    writes_back: bool = False
    shifts_operand: bool = False
    transferred: int = 0
    access_bytes: int = 0
    target: int | None = None

    @property
    def end(self) -> int:
        """The address of the next instruction in memory."""
        return self.address + self.size_bytes

    @property
    def writes_pc(self) -> bool:
        """Whether it is a load or arithmetic whose result is where execution goes on."""
        return "pc" in self.writes

    @property
    def lanes(self) -> int:
        """How many lanes a vector instruction works on, by the type in its mnemonic; 1 for others."""
        found = re.search(r"\.[a-z]*(\d+)", self.mnemonic)
        return 128 // int(found[1]) if self.kind in VECTORS and found is not None else 1

    def __str__(self) -> str:
        return f"{self.address:#x}: {self.mnemonic} {', '.join(self.operands)}".rstrip()
