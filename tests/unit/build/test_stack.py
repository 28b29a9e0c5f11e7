import subprocess

import pytest

from tinybayes.boards.cores import CORES
from tinybayes.build.disassembly import disassemble
from tinybayes.build.stack import StackAnalysis, chain_text
from tinybayes.errors import FileFormatError, InternalError, ToolError

SOURCE = """
#include <stdint.h>
#define KEEP __attribute__((noinline, used))
KEEP int leaf(int a, int b) { return a + b; }
KEEP int large(int a) { volatile int room[100]; room[a] = a; return room[a + 1]; }
KEEP int huge(int a) { volatile int room[1000]; room[a] = a; return room[a + 1]; }
KEEP int saves(const int *p) {
    int s[9];
    for (int i = 0; i < 9; ++i) { s[i] = p[i] * p[i + 9]; }
    __asm__ volatile("" ::: "r4", "r5", "r6", "r7", "memory");
    return s[0] ^ s[1] ^ s[2] ^ s[3] ^ s[4] ^ s[5] ^ s[6] ^ s[7] ^ s[8];
}
KEEP int calls(int a) { int r = large(a) + 1; return leaf(r, large(a + 1)) + 1; }
KEEP int jumps(int a) { volatile int x = a; return large(x); }
KEEP int itself(int a) { return a < 2 ? 1 : itself(a - 1) * itself(a - 2); }
KEEP int pointed(int (*f)(int), int a) { return f(a) + 1; }
KEEP int either_way(int a) { if (a < 9) { return a; } return large(a) + huge(a); }
KEEP void variable(unsigned n) { volatile char room[n]; room[0] = 1; room[n - 1] = 2;
    __asm__ volatile("" :: "r"(room) : "memory"); }
KEEP int switches(unsigned n, int a) {
    switch (n) {
    case 0: return leaf(a, 1); case 1: return a * 3; case 2: return a ^ 9; case 3: return a - 77;
    case 4: return a << 3; case 5: return large(a) + 1; case 6: return a + 12; default: return 0;
    }
}
KEEP unsigned divides(unsigned a, unsigned b) { return a / b + 1; }
"""
TABLE = """
static int (*const table[])(int) = {large, huge};
KEEP int by_table(unsigned n, int a) { return table[n](a) + 1; }
"""
STORED = """
static int (*stored)(int);
KEEP void store(void) { stored = large; }
KEEP int by_variable(int a) { return stored(a) + 1; }
"""


def link(source, core, directory):
    """(analysis, what gcc says of each function's own stack) of ``source`` linked for ``core``."""
    (directory / "stack.c").write_text(source)
    command = ["arm-none-eabi-gcc", "-std=c11", "-O2", *CORES[core].gcc_flags, "-fstack-usage"]
    command += ["-nostartfiles", "--specs=nano.specs", "-Wl,-e,leaf", "stack.c", "-o", "stack.elf"]
    subprocess.run(command, check=True, cwd=directory)
    lines = next(directory.glob("*.su")).read_text().splitlines()
    own_bytes = {line.split("\t")[0].rsplit(":", 1)[1]: int(line.split("\t")[1]) for line in lines}
    return StackAnalysis(disassemble(directory / "stack.elf")), own_bytes


@pytest.fixture(scope="module", params=sorted(CORES))
def core(request):
    return request.param


@pytest.fixture(scope="module")
def image(core, tmp_path_factory):
    return link(SOURCE, core, tmp_path_factory.mktemp("image"))


@pytest.mark.parametrize("function", ["leaf", "large", "huge", "saves"])
def test_function_that_calls_none_takes_what_gcc_says(image, function):
    stacks, own_bytes = image
    assert stacks.of_function(function).size_bytes == own_bytes[function]


def test_calls_add_up_and_tail_calls_do_not(image, core):
    stacks, own_bytes = image
    bound = stacks.of_function("calls")
    assert bound.size_bytes == own_bytes["calls"] + own_bytes["large"]
    assert bound.chain == (("calls", own_bytes["calls"]), ("large", own_bytes["large"]))
    # Armv6-M has no jump that reaches far, so gcc calls there.
    either = (max(own_bytes["jumps"], own_bytes["large"]), own_bytes["jumps"] + own_bytes["large"])
    assert stacks.of_function("jumps").size_bytes == either[core in ("cortex-m0", "cortex-m0plus")]


def test_deepest_of_several_calls_counts(image):
    stacks, own_bytes = image
    assert stacks.of_function("either_way").size_bytes == own_bytes["either_way"] + own_bytes["huge"]


def test_all_cases_of_a_switch_are_followed(image):
    stacks, own_bytes = image
    assert stacks.of_function("switches").size_bytes == own_bytes["switches"] + own_bytes["large"]


def test_library_functions_are_followed(image, core):
    stacks, own_bytes = image
    bound = stacks.of_function("divides")
    assert bound.size_bytes >= own_bytes["divides"]
    divides_in_software = core in ("cortex-m0", "cortex-m0plus")
    assert ("udiv" in chain_text(bound.chain)) == (divides_in_software and bound.size_bytes > own_bytes["divides"])


@pytest.mark.parametrize(
    ("function", "reason"),
    [
        ("itself", "it calls itself: itself -> itself"),
        ("pointed", "pointed calls through a pointer to a function that is not known"),
        ("variable", "variable moves the stack pointer by a variable"),
    ],
)
def test_recursion_unknown_pointers_and_variable_arrays_have_no_bound(image, function, reason):
    stacks, _ = image
    bound = stacks.of_function(function)
    assert bound.size_bytes is None
    assert reason in bound.reason


def test_call_through_a_table_may_reach_all_that_it_lists(core, tmp_path):
    stacks, own_bytes = link(SOURCE + TABLE, core, tmp_path)
    assert stacks.of_function("by_table").size_bytes == own_bytes["by_table"] + own_bytes["huge"]


def test_call_through_a_variable_may_reach_all_that_is_stored(core, tmp_path):
    stacks, own_bytes = link(SOURCE + STORED, core, tmp_path)
    assert stacks.of_function("by_variable").size_bytes == own_bytes["by_variable"] + own_bytes["large"]


IMAGE = """
#include <stdint.h>
extern uint32_t top[];
volatile float measured;
int deep(int a); void reset(void); void fault(void); void tick(void); void received(void);
__attribute__((noipa)) int deep(int a) { volatile int room[30]; room[a] = a; return room[a + 1]; }
void fault(void) { volatile int room[200]; room[0] = 1; for (;;) { } }
void tick(void) { volatile int room[10]; room[0] = 1; }
void received(void) { volatile int room[20]; room[0] = 1; }
void reset(void) { WORK; for (;;) { deep(3); } }
union entry { const uint32_t *stack; void (*handler)(void); };
__attribute__((used)) const union entry vectors[20] = { {.stack = top}, {.handler = reset}, {.handler = fault},
    {.handler = fault}, {.handler = fault}, {.handler = fault}, {.handler = fault}, {0}, {0}, {0}, {0},
    {.handler = fault}, {.handler = fault}, {0}, {.handler = fault}, TICK, {.handler = fault}, RECEIVED };
"""


@pytest.mark.parametrize(
    ("interrupts", "deepest"),
    [({}, None), ({"TICK": "tick"}, "tick"), ({"TICK": "tick", "RECEIVED": "received"}, "received")],
)
@pytest.mark.parametrize(("work", "frame_bytes"), [("", 32 + 4), ("measured += 1.0f", 104 + 4)])
def test_interrupts_come_on_top_with_the_frame_that_the_core_pushes(tmp_path, interrupts, deepest, work, frame_bytes):
    source = IMAGE.replace("WORK", work)
    for name in ("TICK", "RECEIVED"):
        source = source.replace(name, f"{{.handler = {interrupts.get(name, 'fault')}}}")
    (tmp_path / "stack.c").write_text(source)
    command = ["arm-none-eabi-gcc", "-O2", *CORES["cortex-m4"].gcc_flags, "-fstack-usage", "-nostdlib"]
    command += ["-Wl,-e,reset,--defsym=top=0x20001000", "stack.c", "-o", "stack.elf"]
    subprocess.run(command, check=True, cwd=tmp_path)
    own = {}
    for line in next(tmp_path.glob("*.su")).read_text().splitlines():
        own[line.split("\t")[0].rsplit(":", 1)[1]] = int(line.split("\t")[1])
    bound = StackAnalysis(disassemble(tmp_path / "stack.elf")).of_image("reset", "vectors")
    normal = own["reset"] + own["deep"]
    assert bound.size_bytes == normal + (frame_bytes + own[deepest] if deepest else 0)
    assert (("exception frame", frame_bytes) in bound.chain) == bool(deepest)


def test_missing_function_is_our_bug(image):
    with pytest.raises(InternalError, match="has no function absent"):
        image[0].of_function("absent")


def test_missing_exception_table_is_our_bug(image):
    with pytest.raises(InternalError, match="has no exception table vectors"):
        image[0].of_image("leaf", "vectors")


def test_file_that_cannot_be_disassembled_is_said_so(tmp_path):
    (tmp_path / "text.elf").write_text("no ELF")
    with pytest.raises(ToolError, match=r"could not disassemble .*text\.elf"):
        disassemble(tmp_path / "text.elf")


def test_image_without_symbols_is_refused(tmp_path):
    (tmp_path / "stack.c").write_text("int leaf(int a) { return a; }\n")
    command = ["arm-none-eabi-gcc", "-O2", "-mcpu=cortex-m4", "-mthumb", "-nostdlib", "-s", "-Wl,-e,leaf"]
    subprocess.run([*command, "stack.c", "-o", "stack.elf"], check=True, cwd=tmp_path)
    with pytest.raises(FileFormatError, match="has no symbols"):
        disassemble(tmp_path / "stack.elf")


def test_loop_that_takes_more_with_every_round_has_no_bound(tmp_path):
    source = SOURCE + 'KEEP void grows(void) { __asm__ volatile("1: push {r0}\\n\\tb 1b" ::: "memory"); }\n'
    stacks, _ = link(source, "cortex-m4", tmp_path)
    assert "grows takes more stack with every round of a loop" in stacks.of_function("grows").reason


def test_literals_lead_straight_to_the_function(tmp_path):
    # The shape of a long call: the address comes from the literal pool, and no other stored pointer counts.
    source = SOURCE + STORED + (
        'KEEP int far_call(int a) { int r; __asm__ volatile("ldr r3, =leaf\\n\\tblx r3\\n\\tb 1f\\n\\t.ltorg\\n1:" '
        ': "=r"(r) : "r"(a) : "r0", "r1", "r2", "r3", "ip", "lr", "memory"); return r; }\n'
    )  # fmt: skip
    stacks, own_bytes = link(source, "cortex-m4", tmp_path)
    assert stacks.of_function("far_call").size_bytes == own_bytes["far_call"] + own_bytes["leaf"]
