import shutil
import subprocess

import pytest

from tests.unit.timing.assembly import assemble
from tinybayes.errors import FileFormatError, InternalError, ToolError
from tinybayes.timing.instruction import Kind
from tinybayes.timing.program import Program
from tinybayes.timing.trace import StepTrace, Trace


def only(text, core, directory):
    program = assemble(text, core, directory)
    assert not program.unknown
    return program.instructions[0]


@pytest.mark.parametrize(
    ("text", "kind", "reads", "writes"),
    [
        ("adds r0, #1", Kind.ALU, "r0", "r0 flags"),
        ("adds r0, r1, r2", Kind.ALU, "r1 r2", "r0 flags"),
        ("add.w r0, r1, r2, lsl #3", Kind.ALU, "r1 r2", "r0"),
        ("adcs r0, r1", Kind.ALU, "r0 r1 flags", "r0 flags"),
        ("lsls r0, r1", Kind.ALU, "r0 r1", "r0 flags"),
        ("bics r0, r1", Kind.ALU, "r0 r1", "r0 flags"),
        ("movt r0, #1", Kind.ALU, "r0", "r0"),
        ("teq r0, r1", Kind.ALU, "r0 r1", "flags"),
        ("muls r0, r1, r0", Kind.MULTIPLY, "r0 r1", "r0 flags"),
        ("mls r0, r1, r2, r3", Kind.MULTIPLY_ADD, "r1 r2 r3", "r0"),
        ("smull r0, r1, r2, r3", Kind.MULTIPLY_LONG, "r2 r3", "r0 r1"),
        ("smlal r0, r1, r2, r3", Kind.MULTIPLY_ADD_LONG, "r0 r1 r2 r3", "r0 r1"),
        ("smlatb r0, r1, r2, r3", Kind.MULTIPLY_DSP, "r1 r2 r3", "r0"),
        ("udiv r0, r1, r2", Kind.DIVIDE, "r1 r2", "r0"),
        ("bfi r0, r1, #2, #3", Kind.DSP, "r0 r1", "r0"),
        ("ssat r0, #8, r1, asr #2", Kind.DSP, "r1", "r0"),
        ("ldrsb r0, [r1, r2]", Kind.LOAD, "r1 r2", "r0"),
        ("ldr r0, [r1], #4", Kind.LOAD, "r1", "r0 r1"),
        ("ldrh r0, [r1, #2]!", Kind.LOAD, "r1", "r0 r1"),
        ("str r0, [r1, r2, lsl #2]", Kind.STORE, "r0 r1 r2", ""),
        ("strb r0, [r1], #1", Kind.STORE, "r0 r1", "r1"),
        ("ldrd r0, r1, [r2]", Kind.LOAD_DOUBLE, "r2", "r0 r1"),
        ("strd r0, r1, [r2]", Kind.STORE_DOUBLE, "r0 r1 r2", ""),
        ("ldmia r8!, {r0-r2, r9}", Kind.LOAD_MULTIPLE, "r8", "r0 r1 r2 r8 r9"),
        ("push {r4, lr}", Kind.STORE_MULTIPLE, "r4 lr sp", "sp"),
        ("pop {r4, pc}", Kind.LOAD_MULTIPLE, "sp", "r4 pc sp"),
        ("bl .", Kind.CALL, "", "lr"),
        ("bls .", Kind.BRANCH, "flags", ""),
        ("ble .", Kind.BRANCH, "flags", ""),
        ("blx r3", Kind.CALL_REGISTER, "r3", "lr"),
        ("bx lr", Kind.BRANCH_REGISTER, "lr", ""),
        ("tbh [pc, r1, lsl #1]", Kind.BRANCH_TABLE, "pc r1", ""),
        ("cbnz r2, .+8", Kind.COMPARE_BRANCH, "r2", ""),
        ("mrs r0, primask", Kind.SPECIAL, "flags", "r0"),
        ("vmla.f32 s0, s1, s2", Kind.FLOAT_MULTIPLY_ADD, "s0 s1 s2", "s0"),
        ("vldr d1, [r0]", Kind.FLOAT_LOAD, "r0", "s2 s3"),
        ("vmov r0, r1, s0, s1", Kind.FLOAT_MOVE, "s0 s1", "r0 r1"),
        ("vmrs apsr_nzcv, fpscr", Kind.FLOAT_MOVE, "flags", "flags"),
        ("vpush {d8-d9}", Kind.FLOAT_STORE_MULTIPLE, "s16 s17 s18 s19 sp", "sp"),
    ],
)
def test_kind_and_registers_on_armv7(text, kind, reads, writes, tmp_path):
    found = only(text, "cortex-m4", tmp_path)
    assert found.kind is kind
    assert found.reads == set(reads.split())
    assert found.writes == set(writes.split())


@pytest.mark.parametrize(
    ("text", "kind", "reads", "writes"),
    [
        ("vldrb.u8 q0, [r0], #16", Kind.VECTOR_LOAD, "r0", "r0 s0 s1 s2 s3"),
        ("vldrb.s16 q1, [r1, q0]", Kind.VECTOR_GATHER, "r1 s0 s1 s2 s3", "s4 s5 s6 s7"),
        ("vmladava.s8 r4, q0, q1", Kind.VECTOR_MULTIPLY, "r4 s0 s1 s2 s3 s4 s5 s6 s7", "r4"),
        ("vmlav.s8 r4, q0, q1", Kind.VECTOR_MULTIPLY, "s0 s1 s2 s3 s4 s5 s6 s7", "r4"),
        ("vmlaldava.s16 r4, r5, q0, q0", Kind.VECTOR_MULTIPLY, "r4 r5 s0 s1 s2 s3", "r4 r5"),
        ("vadd.i8 q0, q1, r2", Kind.VECTOR, "r2 s4 s5 s6 s7", "s0 s1 s2 s3"),
        ("vstrb.8 q0, [r1, #16]!", Kind.VECTOR_STORE, "r1 s0 s1 s2 s3", "r1"),
        ("vctp.8 r3", Kind.VECTOR_PREDICATE, "r3", "vpr"),
        ("vmov.s8 r0, q0[3]", Kind.VECTOR, "s0 s1 s2 s3", "r0"),
        ("wlstp.8 lr, r3, .+8", Kind.LOOP_START, "r3", "lr"),
        ("csel r0, r1, r2, eq", Kind.ALU, "r1 r2 flags", "r0"),
        ("asrl r0, r1, #3", Kind.DSP, "r0 r1", "r0 r1"),
        ("smlad r0, r1, r2, r3", Kind.MULTIPLY_DSP, "r1 r2 r3", "r0"),
    ],
)
def test_kind_and_registers_on_armv81(text, kind, reads, writes, tmp_path):
    found = only(text, "cortex-m55", tmp_path)
    assert found.kind is kind
    assert found.reads == set(reads.split())
    assert found.writes == set(writes.split())


def test_transfers_are_counted_in_registers_and_bytes(tmp_path):
    text = "ldrb r0, [r1]; ldrd r0, r1, [r2]; push {r4-r7}; vpop {d8}; ldrsh r0, [r1, r2]; nop"
    program = assemble(text, "cortex-m4", tmp_path)
    found = [(i.transferred, i.access_bytes) for i in program.instructions.values()]
    assert found == [(1, 1), (2, 8), (4, 16), (2, 8), (1, 2), (0, 0)]


def test_widening_vector_loads_read_fewer_bytes(tmp_path):
    program = assemble("vldrb.u8 q0, [r0]\nvldrb.s16 q0, [r0]\nvldrb.s32 q0, [r0]", "cortex-m55", tmp_path)
    assert [i.access_bytes for i in program.instructions.values()] == [16, 8, 4]


def test_both_disassemblers_describe_the_same_code(tmp_path):
    text = """
        push {r4, r5, lr}
        ldr.w r3, [r2, r10, lsl #2]
        ldrb r3, [r2], #1
        it eq
        addeq r0, r0, r1
        ubfx r0, r3, #3, #5
        smlabb r4, r0, r3, r4
        cbz r0, 1f
        bne start
        vldr s0, [r0, #8]
        vmul.f32 s1, s0, s0
    1:  pop {r4, r5, pc}
    """
    assemble(text, "cortex-m4", tmp_path)
    by_capstone = Program.load(tmp_path / "snippet.o", "cortex-m4").instructions
    by_llvm = Program.load(tmp_path / "snippet.o", "cortex-m55").instructions
    assert list(by_capstone) == list(by_llvm)
    for address, one in by_capstone.items():
        other = by_llvm[address]
        for what in ("size_bytes", "name", "kind", "condition", "reads", "writes", "address_registers", "target"):
            assert getattr(one, what) == getattr(other, what), f"{what} of {one}"


def test_literal_pools_are_no_code(tmp_path):
    program = assemble("ldr r0, =0x12345678\nbx lr\n.pool\nafter: nop\nnop", "cortex-m3", tmp_path)
    found = [str(i) for i in program.instructions.values()]
    assert found == ["0x0: ldr r0, [pc, #0]", "0x2: bx lr", "0x8: nop", "0xa: nop"]


def test_instruction_without_known_timing_is_an_error_only_where_it_is_asked_for(tmp_path):
    program = assemble("nop\ncdp p1, #1, c1, c2, c3\nbx lr", "cortex-m3", tmp_path)
    assert program.at(6).kind is Kind.BRANCH_REGISTER
    with pytest.raises(InternalError, match=r"'cdp.*' at 0x2 in start has no known timing"):
        program.at(2)
    with pytest.raises(InternalError, match="no instruction that could be decoded at 0x100 in no function"):
        program.at(0x100)


def test_code_of_the_kernels_is_decoded_wholly(toy_elf):
    program = Program.load(toy_elf, "cortex-m4")
    first, size_bytes = program.functions["toy_run"]
    at = first
    while at < first + size_bytes:
        at = program.at(at).end
    assert at == first + size_bytes
    assert program.function_at(first + 2) == "toy_run"


def test_missing_llvm_is_said_so(tmp_path, monkeypatch):
    assemble("nop", "cortex-m4", tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ToolError, match=r"llvm-objdump was not found .* apt-get install -y llvm-22"):
        Program.load(tmp_path / "snippet.o", "cortex-m55")


@pytest.mark.parametrize("core", ["cortex-m4", "cortex-m55"])
def test_other_files_are_refused(core, tmp_path):
    other = tmp_path / "image.elf"
    other.write_text("no ELF file")
    with pytest.raises(FileFormatError, match="is not an ELF file"):
        Program.load(other, core)


def test_stripped_image_is_refused(tmp_path):
    assemble("nop", "cortex-m4", tmp_path)
    strip = shutil.which("arm-none-eabi-strip")
    subprocess.run([strip, "-o", tmp_path / "bare.o", tmp_path / "snippet.o"], check=True)
    with pytest.raises(FileFormatError, match="has no symbols"):
        Program.load(tmp_path / "bare.o", "cortex-m4")


def test_trace_sums_its_parts():
    entry = StepTrace(executed={0: 1, 4: 1}, edges={(4, 8): 1})
    trace = Trace(steps={0: StepTrace(executed={8: 3}, edges={(8, 8): 2})}, entry=entry)
    assert trace.instructions == 5
    assert [number for number, _ in trace.parts()] == [None, 0]
    assert trace.steps[0].taken(8) == 2
    assert trace.steps[0].taken(4) == 0
