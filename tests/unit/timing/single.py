"""Runs single instructions in Unicorn and in the interpreter, from the same registers, flags and memory."""

import random
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from elftools.elf.elffile import ELFFile

from tinybayes.timing.instruction import Instruction, Kind
from tinybayes.timing.thumb.decode import decode
from tinybayes.timing.thumb.library import interpreter

CODE, RAM, RAM_BYTES = 0x0000_8000, 0x2000_0000, 0x1000
POINTERS = {6: RAM + 0x400, 7: RAM + 0x800, 13: RAM + 0xC00}
SLOT_BYTES = 32


@dataclass(frozen=True)
class State:
    """Registers r0 to r14, flags N Z C V as bits 3 to 0, GE, and all of RAM."""

    registers: tuple[int, ...]
    flags: int
    ge: int
    ram: bytes

    @classmethod
    def random(cls, generator: random.Random) -> "State":
        special = (0, 1, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 0x8000, 0x7FFF8000)
        registers = [generator.choice((generator.getrandbits(32), generator.getrandbits(6), generator.choice(special)))
                     for _ in range(15)]  # fmt: skip
        registers[5] = generator.randrange(64)  # an index
        for register, value in POINTERS.items():
            registers[register] = value
        return cls(tuple(registers), generator.randrange(16), 0, generator.randbytes(RAM_BYTES))

    def differences(self, other: "State") -> str:
        names = [
            f"r{n} {a:#x} {b:#x}"
            for n, (a, b) in enumerate(zip(self.registers, other.registers, strict=True))
            if a != b
        ]
        names += [f"flags {self.flags:04b} {other.flags:04b}"] if self.flags != other.flags else []
        names += [f"ge {self.ge:04b} {other.ge:04b}"] if self.ge != other.ge else []
        return ", ".join(names + (["ram"] if self.ram != other.ram else []))

    def __repr__(self) -> str:
        return f"{[hex(r) for r in self.registers]} NZCV {self.flags:04b} GE {self.ge:04b}"


@dataclass(frozen=True)
class Assembled:
    """Machine code by its source, each in a slot of its own, and the object that they came from."""

    core: str
    elf: Path
    codes: dict[str, tuple[int, bytes]]


def assemble(sources: list[str], core: str, architecture: str, work: Path) -> Assembled:
    text, elf, image = work / "single.s", work / "single.o", work / "single.elf"
    lines = [f".syntax unified\n.arch {architecture}\n.thumb\n.text"]
    unique = list(dict.fromkeys(sources))
    for number, source in enumerate(unique):
        lines.append(f".balign {SLOT_BYTES}\nstart_{number}: {source.replace(';', chr(10))}\nend_{number}:")
    text.write_text("\n".join(lines) + "\n")
    subprocess.run(["arm-none-eabi-as", "-mthumb", text, "-o", elf], check=True)
    subprocess.run(["arm-none-eabi-ld", f"-Ttext={CODE:#x}", "-e", "0", elf, "-o", image], check=True)
    with image.open("rb") as file:
        opened = ELFFile(file)
        symbols = {s.name: s["st_value"] & ~1 for s in opened.get_section_by_name(".symtab").iter_symbols()}
        data = opened.get_section_by_name(".text").data()
    codes = {}
    for number, source in enumerate(unique):
        first, end = symbols[f"start_{number}"], symbols[f"end_{number}"]
        codes[source] = (first, data[first - CODE : end - CODE])
    return Assembled(core, image, codes)


def disassemble(assembled: Assembled) -> Iterator[Instruction]:
    for first, code in assembled.codes.values():
        yield from _instructions(first, code)


def _instructions(first: int, code: bytes) -> list[Instruction]:
    import capstone

    mode = capstone.CS_MODE_THUMB | capstone.CS_MODE_MCLASS | capstone.CS_MODE_V8
    reader = capstone.Cs(capstone.CS_ARCH_ARM, mode)
    made, at = [], first
    while at < first + len(code):
        found = next(reader.disasm(code[at - first :], at, 1), None)
        if found is None:
            at += 2  # the table of TBB
            continue
        for one in reader.disasm(code[at - first :], at):
            made.append(Instruction(one.address, one.size, one.mnemonic, (one.op_str,), one.mnemonic, Kind.ALU))
            at = one.address + one.size
    return made


def run_in_unicorn(code: tuple[int, bytes], before: State, core: str) -> State:
    import unicorn
    from unicorn import arm_const as names

    models = {"cortex-m0": names.UC_CPU_ARM_CORTEX_M0, "cortex-m3": names.UC_CPU_ARM_CORTEX_M3,
              "cortex-m4": names.UC_CPU_ARM_CORTEX_M4}  # fmt: skip
    machine = unicorn.Uc(unicorn.UC_ARCH_ARM, unicorn.UC_MODE_THUMB | unicorn.UC_MODE_MCLASS)
    machine.ctl_set_cpu_model(models[core])
    machine.mem_map(0, 0x40000)
    machine.mem_map(RAM, RAM_BYTES)
    first, data = code
    machine.mem_write(first, data)
    machine.mem_write(RAM, before.ram)
    registers = [names.UC_ARM_REG_R0 + n for n in range(13)] + [names.UC_ARM_REG_SP, names.UC_ARM_REG_LR]
    for register, value in zip(registers, before.registers, strict=True):
        machine.reg_write(register, value)
    machine.reg_write(names.UC_ARM_REG_XPSR, before.flags << 28 | 1 << 24)  # GE cannot be set
    machine.emu_start(first | 1, first + len(data), 0, 100)
    status = machine.reg_read(names.UC_ARM_REG_XPSR)
    after = tuple(machine.reg_read(register) for register in registers)
    return State(after, status >> 28, status >> 16 & 15, bytes(machine.mem_read(RAM, RAM_BYTES)))


def run_here(code: tuple[int, bytes], before: State, core: str) -> State:
    """Runs until control leaves the code."""
    ffi, library, operations = interpreter()
    first, data = code
    instructions = _instructions(first, data)
    rows = ffi.new("struct instruction[]", len(instructions))
    index = ffi.new("int32_t[]", [-1] * (len(data) // 2))
    for number, (row, instruction) in enumerate(zip(rows, instructions, strict=True)):
        made = decode(instruction.mnemonic, ", ".join(instruction.operands), instruction.address, core)
        for name, value in vars(made).items():
            setattr(row, name, operations[value] if name == "operation" else value)
        row.address, row.size_bytes, row.owner = instruction.address, instruction.size_bytes, library.OWNER_SAME
        index[(instruction.address - first) // 2] = number
    memories = ffi.new("struct memory[]", 2)
    ram, unknown = ffi.new("uint8_t[]", before.ram), ffi.new("uint8_t[]", RAM_BYTES)
    flash = ffi.new("uint8_t[]", data)
    memories[0].base, memories[0].size_bytes, memories[0].bytes, memories[0].unknown = RAM, RAM_BYTES, ram, unknown
    memories[1].base, memories[1].size_bytes, memories[1].bytes = first, len(data), flash
    machine = ffi.new("struct machine *")
    machine.code, machine.code_count, machine.index_of_halfword = rows, len(instructions), index
    machine.code_base, machine.code_halfwords = first, len(data) // 2
    machine.memories, machine.memory_count = memories, 2
    machine.limit = 100
    machine.entry_address = 1
    machine.n, machine.z, machine.c, machine.v = (bool(before.flags >> bit & 1) for bit in (3, 2, 1, 0))
    machine.ge = before.ge
    for number, value in enumerate(before.registers):
        machine.r[number] = value
    machine.r[15] = first
    stop = library.machine_run(machine)
    assert stop == library.STOP_NO_CODE, (stop, [str(i) for i in instructions], hex(machine.detail))
    assert machine.detail == first + len(data)
    flags = machine.n << 3 | machine.z << 2 | machine.c << 1 | machine.v
    registers = tuple(machine.r[number] for number in range(15))
    return State(registers, flags, machine.ge, bytes(ffi.buffer(ram, RAM_BYTES)))
