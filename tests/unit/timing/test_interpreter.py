"""Single instructions of the interpreter against Unicorn, an independent implementation of the architecture."""

import random
import re
import shutil
import subprocess

import pytest

from tests.unit.timing.single import Assembled, State, assemble, disassemble, run_here, run_in_unicorn
from tinybayes.timing.thumb.decode import decode
from tinybayes.timing.thumb.row import UNKNOWN

pytestmark = pytest.mark.skipif(shutil.which("arm-none-eabi-as") is None, reason="arm-none-eabi-as is not installed")

STATES = 6
V6M = """
movs {a}, #{u8} | movs {a}, {b} | mov {d}, {n} | adds {a}, {b}, {c} | adds {a}, {b}, #{u3} | adds {a}, #{u8}
subs {a}, {b}, {c} | subs {a}, {b}, #{u3} | subs {a}, #{u8} | add {d}, {n} | adcs {a}, {b} | sbcs {a}, {b}
rsbs {a}, {b}, #0 | ands {a}, {b} | orrs {a}, {b} | eors {a}, {b} | bics {a}, {b} | mvns {a}, {b} | cmp {a}, {b}
cmp {a}, #{u8} | cmn {a}, {b} | tst {a}, {b} | lsls {a}, {b}, #{u5} | lsrs {a}, {b}, #{s32} | asrs {a}, {b}, #{s32}
lsls {a}, {b} | lsrs {a}, {b} | asrs {a}, {b} | rors {a}, {b} | muls {a}, {b}, {a} | sxtb {a}, {b} | sxth {a}, {b}
uxtb {a}, {b} | uxth {a}, {b} | rev {a}, {b} | rev16 {a}, {b} | revsh {a}, {b} | add sp, #{w7} | sub sp, #{w7}
add {a}, sp, #{w7} | adr {a}, . + 4 + 4 * {u3} | ldr {a}, [{p}, #{w5}] | ldrb {a}, [{p}, #{u5}]
ldrh {a}, [{p}, #{h5}] | str {a}, [{p}, #{w5}] | strb {a}, [{p}, #{u5}] | strh {a}, [{p}, #{h5}]
ldrsb {a}, [{p}, {i}] | ldrsh {a}, [{p}, {i}] | ldrb {a}, [{p}, {i}] | ldr {a}, [{p}, {i}] | str {a}, [{p}, {i}]
strb {a}, [{p}, {i}] | ldm {p}!, {{r0, r1, r3}} | stm {p}!, {{r0, r2}} | push {{r0, r4, lr}} | pop {{r1, r5}} | nop
ldr {a}, [sp, #{w5}] | str {a}, [sp, #{w5}]
"""
V7M = """
add.w {d}, {n}, {m}, lsl #{u5} | adds.w {d}, {n}, {m}, lsr #{s32} | sub.w {d}, {n}, {m}, asr #{s32}
subs.w {d}, {n}, {m}, ror #{r5} | rsb {d}, {n}, {m}, lsl #{u5} | rsbs {d}, {n}, #{k} | adc.w {d}, {n}, {m}
sbcs.w {d}, {n}, {m} | and.w {d}, {n}, {m}, asr #31 | ands.w {d}, {n}, {m}, lsl #{u5} | bic {d}, {n}, #{k}
orr {d}, {n}, {m}, lsr #{s32} | orn {d}, {n}, {m} | eors.w {d}, {n}, {m}, rrx | mvn {d}, {m}, lsl #{u5}
mov.w {d}, #{k} | movs.w {d}, #{k} | mvn {d}, #{k} | ands {d}, {n}, #{k} | orrs {d}, {n}, #{k} | tst {n}, #{k}
teq {n}, {m} | teq {n}, #{k} | cmp.w {n}, {m}, lsl #{u5} | cmn.w {n}, #{k} | movw {d}, #{u16} | movt {d}, #{u16}
addw {d}, {n}, #{u12} | subw {d}, {n}, #{u12} | lsl.w {d}, {n}, {m} | lsrs.w {d}, {n}, {m} | asr.w {d}, {n}, {m}
ror.w {d}, {n}, {m} | rrxs {d}, {m} | rors.w {d}, {n}, #{r5} | mul {d}, {n}, {m} | mla {d}, {n}, {m}, {e}
mls {d}, {n}, {m}, {e} | umull {d}, {e}, {n}, {m} | smull {d}, {e}, {n}, {m} | umlal {d}, {e}, {n}, {m}
smlal {d}, {e}, {n}, {m} | udiv {d}, {n}, {m} | sdiv {d}, {n}, {m} | ubfx {d}, {n}, #{f} | sbfx {d}, {n}, #{f}
bfi {d}, {n}, #{f} | bfc {d}, #{f} | clz {d}, {m} | rbit {d}, {m} | rev.w {d}, {m} | rev16.w {d}, {m}
sxtb.w {d}, {m}, ror #8 | uxth.w {d}, {m}, ror #16 | ssat {d}, #{s32}, {n}, lsl #{u5} | usat {d}, #{u5}, {n}, asr #{r5}
ldr.w {d}, [{p}, #{u8}] | ldr.w {d}, [{p}, #-{u8}] | ldr {d}, [{p}], #{u8} | ldr {d}, [{p}, #-{u8}]!
ldrsb {d}, [{p}], #1 | ldrb {d}, [{p}, #1]! | ldrsh.w {d}, [{p}, {i}, lsl #1] | ldr.w {d}, [{p}, {i}, lsl #2]
ldrh {d}, [{p}], #-2 | str {d}, [{p}], #{u8} | strb {d}, [{p}, #-{u8}]! | strh.w {d}, [{p}, {i}, lsl #1]
ldrd {d}, {e}, [{p}, #{w5}] | ldrd {d}, {e}, [{p}], #{w5} | strd {d}, {e}, [{p}, #-{w5}]!
ldmdb {p}!, {{r0, r3, r9}} | stmdb {p}!, {{r1, r8}} | ldm.w {p}, {{r0, r8}} | stmia.w {p}!, {{r0, r8, r9}}
itte {cc}; add{cc} {a}, {b}, {c}; mov{cc} {d}, {n}; sub{nc} {a}, {b}, {c} | it {cc}; addw{cc} {d}, {n}, #{u12}
it {cc}; cmp{cc} {a}, {b} | ite {cc}; ldrb{cc} {a}, [{p}]; str{nc} {a}, [{p}] | it {cc}; mla{cc} {d}, {n}, {m}, {e}
b{cc} . + 4; adds {a}, #1; adds {b}, #2 | cbz {a}, . + 4; adds {a}, #1; adds {b}, #2
cbnz {a}, . + 4; adds {a}, #1; adds {b}, #2 | b.w . + 6; adds {a}, #1; adds {b}, #2 | bl . + 6; adds {a}, #1; nop
movs {a}, #1; tbb [pc, {a}]; .byte 1, 2; adds {b}, #1; adds {c}, #2
"""
DSP = """
smulbb {d}, {n}, {m} | smultb {d}, {n}, {m} | smulbt {d}, {n}, {m} | smultt {d}, {n}, {m} | smlabb {d}, {n}, {m}, {e}
smlabt {d}, {n}, {m}, {e} | smlatb {d}, {n}, {m}, {e} | smlatt {d}, {n}, {m}, {e} | smulwb {d}, {n}, {m}
smulwt {d}, {n}, {m} | smlawb {d}, {n}, {m}, {e} | smlawt {d}, {n}, {m}, {e} | smlalbt {d}, {e}, {n}, {m}
smuad {d}, {n}, {m} | smuadx {d}, {n}, {m} | smusd {d}, {n}, {m} | smlad {d}, {n}, {m}, {e}
smladx {d}, {n}, {m}, {e} | smlsd {d}, {n}, {m}, {e} | smlsdx {d}, {n}, {m}, {e} | smlald {d}, {e}, {n}, {m}
smlsldx {d}, {e}, {n}, {m} | smmul {d}, {n}, {m} | smmulr {d}, {n}, {m} | smmla {d}, {n}, {m}, {e}
smmlsr {d}, {n}, {m}, {e} | umaal {d}, {e}, {n}, {m} | sxtab {d}, {n}, {m}, ror #8 | uxtab {d}, {n}, {m}
sxtah {d}, {n}, {m}, ror #16 | sxtb16 {d}, {m}, ror #8 | uxtb16 {d}, {m} | sxtab16 {d}, {n}, {m}
uxtab16 {d}, {n}, {m}, ror #24 | pkhbt {d}, {n}, {m}, lsl #{u5} | pkhtb {d}, {n}, {m}, asr #{s32}
ssat16 {d}, #{s16}, {n} | usat16 {d}, #{u4}, {n} | qadd {d}, {n}, {m} | qsub {d}, {n}, {m} | qdadd {d}, {n}, {m}
qdsub {d}, {n}, {m} | sadd16 {d}, {n}, {m} | ssub16 {d}, {n}, {m} | sadd8 {d}, {n}, {m} | ssub8 {d}, {n}, {m}
uadd8 {d}, {n}, {m} | usub8 {d}, {n}, {m} | uadd16 {d}, {n}, {m} | usub16 {d}, {n}, {m} | qadd8 {d}, {n}, {m}
qsub16 {d}, {n}, {m} | uqadd16 {d}, {n}, {m} | uqsub8 {d}, {n}, {m} | shadd16 {d}, {n}, {m} | uhsub8 {d}, {n}, {m}
sasx {d}, {n}, {m} | ssax {d}, {n}, {m} | uasx {d}, {n}, {m} | usax {d}, {n}, {m} | shasx {d}, {n}, {m}
qsax {d}, {n}, {m} | uhadd16 {d}, {n}, {m} | sel {d}, {n}, {m} | usub8 {a}, {b}, {c}; sel {d}, {n}, {m}
usad8 {d}, {n}, {m} | usada8 {d}, {n}, {m}, {e}
"""
CONDITIONS = ("eq", "ne", "cs", "cc", "mi", "pl", "vs", "vc", "hi", "ls", "ge", "lt", "gt", "le")


def _instances(templates: str, generator: random.Random, each: int) -> list[str]:
    """Assembly with registers and constants filled in; ``{p}`` is r6 or r7, which point to memory, ``{i}`` is r5."""
    made = []
    for template in (t.strip() for line in templates.splitlines() for t in line.split("|") if t.strip()):
        for _ in range(each):
            low = generator.sample(range(5), 3)
            wide = generator.sample([0, 1, 2, 3, 4, 8, 9, 10, 11, 12], 4)
            lowest = generator.randrange(32)
            condition = generator.randrange(14)
            byte = generator.randrange(1, 256)
            constants = [byte, byte * 0x00010001, byte * 0x01000100, byte * 0x01010101, (byte | 0x80) << 17]
            numbers = {f"u{bits}": generator.randrange(1 << bits) for bits in (3, 4, 5, 8, 12, 16)}
            made.append(
                template.format(
                    a=f"r{low[0]}", b=f"r{low[1]}", c=f"r{low[2]}", p=f"r{generator.choice((6, 7))}", i="r5",
                    d=f"r{wide[0]}", n=f"r{wide[1]}", m=f"r{wide[2]}", e=f"r{wide[3]}",
                    w5=4 * generator.randrange(32), h5=2 * generator.randrange(32), w7=4 * generator.randrange(128),
                    s32=generator.randrange(1, 32), s16=generator.randrange(1, 17), r5=generator.randrange(1, 32),
                    f=f"{lowest}, #{generator.randrange(1, 33 - lowest)}", k=generator.choice(constants),
                    cc=CONDITIONS[condition], nc=CONDITIONS[condition ^ 1], **numbers,
                )
            )  # fmt: skip
    return made


@pytest.fixture(scope="module", params=[("cortex-m0", V6M, "armv6-m"), ("cortex-m3", V7M, "armv7-m"),
                                        ("cortex-m4", V6M + V7M + DSP, "armv7e-m")])  # fmt: skip
def assembled(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Assembled:
    core, templates, architecture = request.param
    return assemble(_instances(templates, random.Random(1), 3), core, architecture, tmp_path_factory.mktemp("single"))


def test_every_instruction_does_what_unicorn_does(assembled: Assembled) -> None:
    pytest.importorskip("unicorn")
    generator = random.Random(2)
    for source, code in assembled.codes.items():
        for _ in range(STATES):
            before = State.random(generator)
            there, here = run_in_unicorn(code, before, assembled.core), run_here(code, before, assembled.core)
            assert here == there, f"{source} from {before}:\n" + here.differences(there)


def test_both_disassemblers_are_understood_alike(assembled: Assembled) -> None:
    """LLVM's text gives the same rows as Capstone's."""
    objdump = next((tool for v in range(30, 15, -1) if (tool := shutil.which(f"llvm-objdump-{v}"))), None)
    if objdump is None:
        pytest.skip("a current llvm-objdump is not installed")
    done = subprocess.run(
        [objdump, "-d", "--no-show-raw-insn", f"--mcpu={assembled.core}", assembled.elf],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    lines = re.finditer(r"^\s*([0-9a-f]+):\s+(\S+)[ \t]*([^@\n]*)", done.stdout, re.MULTILINE)
    texts = {int(line[1], 16): (line[2], line[3].strip()) for line in lines}
    for instruction in disassemble(assembled):
        mnemonic, operands = texts[instruction.address]
        if not mnemonic.isalpha() and "." not in mnemonic:
            continue  # the table of TBB
        ours = decode(instruction.mnemonic, ", ".join(instruction.operands), instruction.address, assembled.core)
        theirs = decode(mnemonic, operands, instruction.address, assembled.core)
        assert ours == theirs != UNKNOWN, (instruction, mnemonic, operands)
