"""The static twin on small images: what it counts, and what it refuses because the run time would depend on data."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tinybayes.errors import FileFormatError, InternalError
from tinybayes.timing.emulate import Marks
from tinybayes.timing.static import static_trace

pytestmark = pytest.mark.skipif(shutil.which("arm-none-eabi-gcc") is None, reason="arm-none-eabi-gcc is not installed")

HEAD = """
#include <stdint.h>
static int8_t input[64], output[64];
static uint8_t arena[64];
static const uint8_t table[256] = {1, 2, 3};
static const uint32_t count = 5;
void net_step_0(const int8_t *in, int8_t *out, uint8_t *mem);
void net_step_1(const int8_t *in, int8_t *out, uint8_t *mem);
void net_run(const int8_t *in, int8_t *out, uint8_t *mem);
int main(void) { net_run(input, output, arena); return table[count]; }
__attribute__((noipa)) void net_run(const int8_t *in, int8_t *out, uint8_t *mem)
{ net_step_0(in, out, mem); net_step_1(in, out, mem); }
"""
NOTHING = """__attribute__((noipa)) void net_step_1(const int8_t *in, int8_t *out, uint8_t *mem)
{ (void)in; (void)out; (void)mem; }"""
SCRIPT = """
MEMORY { FLASH (rx) : ORIGIN = 0x8000, LENGTH = 64K  RAM (rw) : ORIGIN = 0x20000000, LENGTH = 16K }
SECTIONS {
  .text : { *(.text .text.*) *(.rodata .rodata.*) } > FLASH
  .stack (NOLOAD) : { . += 1024; image_stack_top = .; } > RAM
  .bss (NOLOAD) : { *(.data .bss .bss.* COMMON) } > RAM
}
"""
STEP = "__attribute__((noipa)) void net_step_0(const int8_t *in, int8_t *out, uint8_t *mem)\n"
STEPS = {0: "net_step_0", 1: "net_step_1"}


@pytest.fixture
def build(tmp_path: Path):
    def make(body: str, core: str = "cortex-m4") -> Path:
        source, script, elf = tmp_path / "kernel.c", tmp_path / "image.ld", tmp_path / "kernel.elf"
        source.write_text(f"{HEAD}{NOTHING}\n#line 100\n{STEP}{{\n{body}\n}}\n")
        script.write_text(SCRIPT)
        command = ["arm-none-eabi-gcc", f"-mcpu={core}", "-mthumb", "-O2", "-g", "-nostdlib", "-e", "main"]
        if core == "cortex-m55":
            command.append("-mfloat-abi=hard")
        subprocess.run([*command, f"-T{script}", source, "-o", elf], check=True, cwd=tmp_path)
        return elf

    return make


def trace(elf: Path, core: str = "cortex-m4"):
    return static_trace(elf, core, Marks("net_run", STEPS))


REFUSED = {
    "branch": ('if (in[3] > 7) { __asm__ volatile("nop"); } out[0] = 0;', "cortex-m4",
               "net_step_0.*kernel.c:10[12].*whether this is executed depends on the input"),
    "address": ("out[0] = (int8_t)mem[(uint8_t)in[1]];", "cortex-m4", "ldr.*the address that this accesses"),
    "address of a store": ("mem[(uint8_t)in[1]] = 1; (void)out;", "cortex-m4", "strb.*the address that this accesses"),
    "value from a table": ("if (table[(uint8_t)in[3]]) { __asm__ volatile(\"nop\"); } out[0] = 0;", "cortex-m4",
                           "whether this is executed depends on the input"),
    "division": ("out[0] = (int8_t)(1000 / in[1]);", "cortex-m4", "sdiv.*how long this takes"),
    "long product on m3": ("*(uint64_t *)mem = (uint64_t)*(const uint32_t *)in * 12345u;", "cortex-m3",
                           "umull.*how long this takes"),
    "conditional load": (
        'int r; __asm__ volatile("cmp %1, #0\\n it ne\\n ldrne %0, [%2]" : "=r"(r) : "r"(in[0]), "r"(mem) : "cc");'
        "out[0] = (int8_t)r;", "cortex-m4", "ldrne.*whether this is executed"),
    "conditional product": (
        'int r; __asm__ volatile("cmp %1, #0\\n it ne\\n mulne %0, %1, %1" : "=r"(r) : "r"(in[0]) : "cc");'
        "out[0] = (int8_t)r;", "cortex-m4", "mulne.*whether this is executed"),
    "target": ('__asm__ volatile("bx %0" : : "r"(in[0]));', "cortex-m4", "bx.*where this goes"),
    "table": ('__asm__ volatile("tbb [pc, %0]" : : "r"(in[0]));', "cortex-m4", "tbb.*where this goes"),
    "old contents of the arena": ("for (int k = mem[0]; k > 0; k--) out[k] = in[k];", "cortex-m4",
                                  "whether this is executed depends"),
    "old contents of the stack": ("volatile uint8_t old; if (old) out[0] = in[0];", "cortex-m4",
                                  "whether this is executed depends"),
    "register of the caller": ('__asm__ volatile("cmp r9, #0\\n beq 1f\\n1:");', "cortex-m4",
                               "beq.*whether this is executed depends"),
    "loop count": ('__asm__ volatile("dls lr, %0\\n1: le lr, 1b" : : "r"(in[0]) : "lr");', "cortex-m55",
                   "dls.*whether this is executed depends"),
    "unknown instruction": ('__asm__ volatile("cpsid i");', "cortex-m4", "cpsid i: this instruction is not known"),
    "outside of memory": ("*(volatile uint32_t *)0x40000000 = 1;", "cortex-m4",
                          "accesses 0x40000000, which is no memory"),
    "store to constants": ("*(volatile uint8_t *)table = 1;", "cortex-m4", "or stores to constants"),
    "outside of code": ('__asm__ volatile("bx %0" : : "r"(0x20000001));', "cortex-m4",
                        "there is no instruction at 0x20000000"),
}  # fmt: skip


@pytest.mark.parametrize("what", REFUSED)
def test_what_could_make_the_run_time_depend_on_data_is_refused(what: str, build) -> None:
    body, core, message = REFUSED[what]
    with pytest.raises(InternalError, match=f"(?s){message}"):
        trace(build(body, core), core)


ALLOWED = {
    "loop over the input": "for (uint32_t k = 0; k < count; k++) out[k] = (int8_t)(in[k] * 3);",
    "what was written to the arena": "for (int k = 0; k < 8; k++) mem[k] = 3; __asm__ volatile(\"\" ::: \"memory\");"
                                     "for (int k = mem[5]; k > 0; k--) out[k] = in[k];",
    "table in flash": "const uint8_t *p = table; __asm__ volatile(\"\" : \"+r\"(p)); out[p[1]] = in[p[2]];",
    "table looked up": "out[0] = (int8_t)table[(uint8_t)in[1]];",
    "conditional move": 'int r = in[0]; __asm__ volatile("cmp %0, #5\\n it gt\\n movgt %0, #5" : "+r"(r) : : "cc");'
                        "out[0] = (int8_t)r;",
    "long product": "*(uint64_t *)mem = (uint64_t)*(const uint32_t *)in * 12345u; (void)out;",
}  # fmt: skip


@pytest.mark.parametrize("what", ALLOWED)
def test_what_cannot_is_not(what: str, build) -> None:
    assert trace(build(ALLOWED[what])).steps[0].instructions > 0


def test_conditional_selection_takes_the_same_time_both_ways(build) -> None:
    body = """int r = in[0];
    __asm__ volatile("cmp %0, #5\\n csel %0, %0, %1, gt" : "+r"(r) : "r"(in[1]) : "cc");
    out[0] = (int8_t)r;"""
    assert trace(build(body, "cortex-m55"), "cortex-m55").steps[0].instructions > 0


def test_what_a_condition_on_data_changed_is_unknown_from_then_on(build) -> None:
    body = """int r = 3;
    __asm__ volatile("cmp %1, #5\\n it gt\\n movgt %0, #5\\n1: subs %0, #1\\n bne 1b" : "+r"(r) : "r"(in[0]) : "cc");
    out[0] = (int8_t)r;"""
    with pytest.raises(InternalError, match=r"bne.*whether this is executed depends"):
        trace(build(body))


def test_counts_edges_and_accesses(build) -> None:
    body = """const uint8_t *constants = table;
    __asm__ volatile(
    "movs r3, #4\\n 1: ldrb r12, [%2], #1\\n ldrsb r6, [%0], #1\\n add r6, r12\\n"
    "strb r6, [%1], #1\\n subs r3, #1\\n bne 1b\\n push {r4, r5}\\n pop {r4, r5}\\n"
    : "+r"(in), "+r"(out), "+r"(constants) : : "r3", "r6", "r12", "memory", "cc");"""
    step = trace(build(body)).steps[0]
    loop = [address for address, executed in step.executed.items() if executed == 4]
    assert len(loop) == 6
    back = {edge: times for edge, times in step.edges.items() if edge[1] == loop[0]}
    assert list(back.values()) == [3]
    assert next(iter(back))[0] == loop[-1]
    assert step.taken(loop[-1]) == 3
    assert step.flash_load_bytes[loop[0]] == 4
    saved = 1  # r6, by the compiler, which loads the table's address from its literal pool
    assert step.loads == 1 + 4 + 4 + 2 + saved
    assert step.stores == 4 + 2 + saved
    assert sum(step.flash_load_bytes.values()) == 4 + 4 * 1


def test_the_entry_and_its_steps_are_told_apart(build) -> None:
    whole = trace(build("out[0] = in[0];"))
    assert whole.steps[1].instructions == 1  # its return
    assert whole.instructions == whole.entry.instructions + whole.steps[0].instructions + 1
    assert whole.entry.edges


def test_missing_function_is_our_bug(build) -> None:
    elf = build("out[0] = in[0];")
    with pytest.raises(InternalError, match="has no function net_step_9"):
        static_trace(elf, "cortex-m4", Marks("net_run", {9: "net_step_9"}))


def test_file_that_is_no_elf_is_said_so(tmp_path: Path) -> None:
    (tmp_path / "a.elf").write_text("hello")
    with pytest.raises(FileFormatError, match="not an ELF file"):
        static_trace(tmp_path / "a.elf", "cortex-m4", Marks("net_run", STEPS))


GATHER = """
    __asm__ volatile("dlstp.8 lr, %2\\n 1: vldrb.u8 q0, [%1], #16\\n vldrb.u8 q1, [%0, q0]\\n vmladava.s8 r4, q1, q1\\n"
    "letp lr, 1b" : : "r"(in), "r"({offsets}), "r"(40) : "lr", "r4", "memory");"""
VECTORS = {
    "gather at constant offsets": (GATHER.format(offsets="table"), None),
    "gather at offsets that are data": (GATHER.format(offsets="in + 32"), r"vldrb.*the address that this accesses"),
    "table looked up": (GATHER.format(offsets="in").replace('"r"(in)', '"r"(table)'), None),
    "offsets counted up": ("""
        __asm__ volatile("movs r4, #2\\n vidup.u8 q0, r4, #2\\n vstrb.8 q0, [%0, q0]" : : "r"(out) : "r4");""", None),
    "tail that is data": ("""
        __asm__ volatile("vctp.8 %1\\n vpst\\n vldrbt.s8 q0, [%0]" : : "r"(in), "r"(in[0]) : "memory");""",
        r"vldrbt.*whether this is executed"),
    "tail that is known": ("""
        __asm__ volatile("vctp.8 %1\\n vpst\\n vldrbt.s8 q0, [%0]" : : "r"(in), "r"(3) : "memory");""", None),
    "sum that is a loop count": ("""
        __asm__ volatile("vldrb.s8 q0, [%0]\\n vaddv.s8 r4, q0\\n dls lr, r4" : : "r"(in) : "r4", "lr", "memory");""",
        r"dls.*whether this is executed"),
}  # fmt: skip


@pytest.mark.skipif(not any(map(shutil.which, ("llvm-objdump-22", "llvm-objdump"))), reason="LLVM is not installed")
@pytest.mark.parametrize("what", VECTORS)
def test_vectors(what: str, build) -> None:
    body, message = VECTORS[what]
    elf = build(body, "cortex-m55")
    if message is None:
        step = trace(elf, "cortex-m55").steps[0]
        assert step.instructions > 0
        if "letp" in body:
            assert max(step.executed.values()) == 3  # 16 + 16 + 8 lanes
            assert step.loads >= 2 * 40
    else:
        with pytest.raises(InternalError, match=message):
            trace(elf, "cortex-m55")
