import subprocess

import pytest

from tinybayes.boards.cores import CORES
from tinybayes.build.stack import stack_bound_bytes
from tinybayes.errors import InternalError, ToolError

SOURCE = """
#include <stdint.h>
#define KEEP __attribute__((noinline, used))
KEEP int leaf(int a, int b) { return a + b; }
KEEP int large(int a) { volatile int room[100]; room[a] = a; return room[a + 1]; }
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
KEEP int handed_on(int (*f)(int), int a) { return f(a); }
KEEP void variable(unsigned n) { volatile char room[n]; room[0] = 1; room[n - 1] = 2;
    __asm__ volatile("" :: "r"(room) : "memory"); }
KEEP int switches(unsigned n, int a) {
    switch (n) {
    case 0: return leaf(a, 1); case 1: return a * 3; case 2: return a ^ 9; case 3: return a - 77;
    case 4: return a << 3; case 5: return large(a) + 1; case 6: return a + 12; default: return 0;
    }
}
"""


@pytest.fixture(scope="module", params=sorted(CORES))
def image(request, tmp_path_factory):
    """The source above linked for a core, and what gcc says of each function's own stack."""
    directory = tmp_path_factory.mktemp(request.param)
    (directory / "stack.c").write_text(SOURCE)
    command = ["arm-none-eabi-gcc", "-std=c11", "-O2", *CORES[request.param].gcc_flags, "-fstack-usage"]
    command += ["-nostartfiles", "--specs=nano.specs", "-Wl,-e,leaf", "stack.c", "-o", "stack.elf"]
    subprocess.run(command, check=True, cwd=directory)
    lines = next(directory.glob("*.su")).read_text().splitlines()
    own_bytes = {line.split("\t")[0].rsplit(":", 1)[1]: int(line.split("\t")[1]) for line in lines}
    return directory / "stack.elf", own_bytes


@pytest.mark.parametrize("function", ["leaf", "large", "saves"])
def test_function_that_calls_none_takes_what_gcc_says(image, function):
    elf, own_bytes = image
    assert stack_bound_bytes(elf, function) == own_bytes[function]


def test_calls_add_up_and_tail_calls_do_not(image):
    elf, own_bytes = image
    assert stack_bound_bytes(elf, "calls") == own_bytes["calls"] + own_bytes["large"]
    # Armv6-M has no jump that reaches far, so gcc calls there.
    either = (max(own_bytes["jumps"], own_bytes["large"]), own_bytes["jumps"] + own_bytes["large"])
    assert stack_bound_bytes(elf, "jumps") == either["cortex-m0" in str(elf)]


def test_switch_is_bounded_where_it_does_not_jump_by_a_variable(image):
    elf, own_bytes = image
    expected = own_bytes["switches"] + own_bytes["large"]
    # On Armv6-M a switch moves an address from a table to pc, as a call through a pointer may.
    assert stack_bound_bytes(elf, "switches") == (None if "cortex-m0" in str(elf) else expected)


@pytest.mark.parametrize("function", ["itself", "pointed", "handed_on", "variable"])
def test_recursion_pointers_and_variable_arrays_have_no_bound(image, function):
    elf, _ = image
    assert stack_bound_bytes(elf, function) is None


def test_missing_function_is_our_bug(image):
    elf, _ = image
    with pytest.raises(InternalError, match="has no function absent"):
        stack_bound_bytes(elf, "absent")


def test_file_that_cannot_be_disassembled_is_said_so(tmp_path):
    (tmp_path / "text.elf").write_text("no ELF")
    with pytest.raises(ToolError, match=r"could not disassemble .*text\.elf"):
        stack_bound_bytes(tmp_path / "text.elf", "run")
