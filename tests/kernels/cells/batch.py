"""Many cells in one program: on the host under sanitizers, or on a board in QEMU where unaligned accesses trap."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from tests.kernels.cells.table import Cell
from tinybayes.boards import load_board
from tinybayes.boards.cores import CORES
from tinybayes.build.host_compiler import C_WARNINGS, compile_for_host
from tinybayes.build.program import run_program
from tinybayes.build.toolchain import require
from tinybayes.emit.directory import write_files
from tinybayes.emit.firmware import firmware_files
from tinybayes.emit.network import Layer, c_values, network_files
from tinybayes.hil.messages import golden_input
from tinybayes.plan import Plan, WeightArray
from tinybayes.report.verdict import expect

HERE = Path(__file__).parent
SAMPLES = 5
EXACT = "exact"
BOARDS = {
    "cortex-m0": ("microbit", "mps2-an385"),
    "cortex-m3": ("mps2-an385",),
    "cortex-m4": ("mps2-an386",),
    "cortex-m33": ("mps2-an505",),
    "cortex-m55": ("mps3-an547",),
}
"""Where code for a core runs; the last has room for large cells, and traps accesses that are not aligned.

QEMU's Armv6-M lets such accesses through. Armv7-M has all instructions of Armv6-M, and there they can be made to trap.
"""
_SANITIZERS = (
    "-O1", "-g", "-fno-omit-frame-pointer", "-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-Wno-error",
)  # fmt: skip
_SECONDS = 300.0
_HOST_CELLS = 16
"""Cells of one program: gcc takes more than its share of time and memory for a large one under sanitizers."""
_VERDICT = re.compile(r"^cell (?P<number>\d+) (?P<verdict>.+)$", re.MULTILINE)


@dataclass(frozen=True, eq=False)
class Case:
    """A cell's plan under the name that its network has in the program, and what it must give, int8."""

    name: str
    plan: Plan
    expected: np.ndarray


def cases_of(cells: Sequence[Cell]) -> list[Case]:
    """Plans the cells and runs the reference on their inputs: all codes lowest, all highest, random."""
    cases = []
    for number, cell in enumerate(cells):
        plan = cell.plan()
        elements = plan.graph.input_tensor.elements
        inputs = np.stack([golden_input(sample, elements) for sample in range(SAMPLES)])
        inputs[0], inputs[1] = -128, 127
        cases.append(Case(f"cell{number}", plan, expect(plan, inputs).outputs))
    return cases


def run_on_host(cells: Sequence[Cell], directory: Path, shorten: str = "") -> list[str]:
    """The verdict of each cell under AddressSanitizer and UndefinedBehaviorSanitizer: ``exact``, or what is wrong.

    Each constant array is an object of its own there, so that a read one element outside of it is noticed; arrays
    called ``shorten`` lack their last element, to show that.
    """
    parts = range(0, len(cells), _HOST_CELLS)
    return [
        verdict
        for start in parts
        for verdict in _run_part(cells[start : start + _HOST_CELLS], directory / str(start), shorten)
    ]


def _run_part(cells: Sequence[Cell], directory: Path, shorten: str) -> list[str]:
    cases = cases_of(cells)
    files = {"cells/networks.c": _networks(cases)}
    for case in cases:
        files |= network_files(case.plan, case.name) | _arrays_apart(case, shorten)
    write_files(directory, files)
    program = directory / "cells_on_host"
    sources = [directory / "cells/networks.c", HERE / "cells_judge.c", HERE / "cells_host.c"]
    compile_for_host(sources, program, options=_SANITIZERS, include=[HERE, directory / "network"])
    done = run_program(["env", "ASAN_OPTIONS=detect_leaks=0", program], _SECONDS)
    return _verdicts(done.output, len(cells))


def run_on_board(cells: Sequence[Cell], directory: Path) -> list[str]:
    """The verdict of each cell, all of one core, on its boards in QEMU: ``exact``, or what is wrong on which board."""
    (core,) = {cell.core for cell in cells}
    names = BOARDS[core][-1:] if any(cell.large for cell in cells) else BOARDS[core]
    wrong = {k: "" for k in range(len(cells))}
    for name in names:
        found = _boot_until_all_have_run(build_for_board(cells, directory / name, name), name, len(cells))
        wrong |= {k: f"{name}: {verdict}" for k, verdict in enumerate(found) if verdict != EXACT}
    return [said or EXACT for said in wrong.values()]


def _boot_until_all_have_run(elf: Path, board: str, cells: int) -> list[str]:
    """A cell that stops takes those behind it along; the next boot begins with them."""
    verdicts: list[str] = []
    while len(verdicts) < cells:
        found = _verdicts(boot(elf, board, len(verdicts)), cells)
        last = max((k for k, verdict in enumerate(found) if verdict), default=len(verdicts))
        verdicts += [verdict or "said nothing" for verdict in found[len(verdicts) : last + 1]]
    return verdicts


def boot(elf: Path, board: str, first: int) -> str:
    """What the image says that begins with cell ``first``."""
    qemu = load_board(board).qemu
    assert qemu is not None
    command: list[str | Path] = [require("qemu-system-arm"), "-M", qemu.machine, *qemu.arguments]
    command += ["-display", "none", "-monitor", "none", "-serial", "null", "-no-reboot", "-kernel", elf]
    command += ["-semihosting-config", f"enable=on,target=native,arg=cells,arg={first}"]
    return run_program(command, _SECONDS).output


def build_for_board(cells: Sequence[Cell], directory: Path, name: str) -> Path:
    """An image of all cells for the board ``name``, compiled as a network is for their core."""
    (core,) = {cell.core for cell in cells}
    board = load_board(name)
    cases = cases_of(cells)
    largest = max(case.plan.arena_bytes + _elements(case) for case in cases)
    files = firmware_files(board, network_name="cells", network_digest=bytes(16), protocol="none")
    files["cells/networks.c"] = _networks(cases)
    files["cells/board_facts.h"] = f"#define CELLS_MEMORY_BYTES {largest}u\n"
    for case in cases:
        files |= network_files(case.plan, case.name)
    write_files(directory, files)
    elf = directory / "cells.elf"
    start = ["startup.c", "fault.c", *(["setup.c", "board_setup.c"] if board.setup_steps else [])]
    command: list[str | Path] = [require("arm-none-eabi-gcc"), *CORES[core].gcc_flags, "-std=c11", *C_WARNINGS, "-O2"]
    command += ["-ffunction-sections", "-fdata-sections", f"-I{HERE}", f"-I{directory / 'network'}"]
    command += [f"-I{directory / 'firmware'}", f"-I{directory / 'cells'}", "-nostartfiles", "--specs=nano.specs"]
    command += ["-Wl,--gc-sections", "-Wl,--fatal-warnings", f"-L{directory / 'firmware'}", "-Tmemory.ld"]
    command += [directory / "firmware" / name for name in start]
    command += [directory / "cells/networks.c", HERE / "cells_judge.c", HERE / "cells_board.c"]
    command += [*sorted((directory / "network").glob("*.S")), "-o", elf]
    done = run_program(command, _SECONDS)
    assert done.status == 0, done.output[:3000]
    return elf


def _elements(case: Case) -> int:
    return case.plan.graph.input_tensor.elements + case.plan.graph.output_tensor.elements


def _verdicts(said: str, cells: int) -> list[str]:
    found = [""] * cells
    for match in _VERDICT.finditer(said):
        found[int(match["number"])] = match["verdict"].strip()
    return found


def _networks(cases: Sequence[Case]) -> str:
    """All networks as one file, and the table of them."""
    text, rows = ['#include "cells.h"'], []
    for case in cases:
        name, macro = case.name, case.name.upper()
        text += [f'#include "{name}_weights.c"', f'#include "{name}.c"']
        for number, step in enumerate(case.plan.steps):
            if step.encoding is not None and step.encoding.code is not None:
                twin = f"{name}_layer{number}"
                # Headers first: only the twin's own name is to become another.
                text += [
                    '#include "tb_linear.h"',
                    f"#define weights {twin}_pairs",
                    f'#include "{twin}.c"',
                    "#undef weights",
                ]
        values = ",".join(map(str, case.expected.reshape(-1).tolist()))
        text.append(f"static const int8_t {name}_expected[] = {{{values}}};")
        rows.append(f"    {{{name}_run, {name}_expected, {macro}_INPUT_LEN, {macro}_OUTPUT_LEN, {macro}_ARENA_BYTES}},")
    text += ["const struct cell cells[] = {", *rows, "};"]
    text += [f"const uint32_t cells_count = {len(cases)}u;", f"const uint32_t cells_samples = {SAMPLES}u;"]
    return "\n".join(text) + "\n"


def _arrays_apart(case: Case, shorten: str) -> dict[str, str]:
    """The constants of a network, each array an object of its own, which the layer's struct points to."""
    header, source = ["#pragma once", "#include <stdint.h>"], [f'#include "{case.name}_weights.h"']
    for number, step in enumerate(case.plan.steps):
        layer = Layer(case.plan, number, step, case.name)
        if layer.straight:
            header.append(f"void {layer.symbol}(const uint8_t *input, uint8_t *output);")
        if not layer.stored or layer.encoding is None:
            continue
        arrays = layer.encoding.ordered_arrays
        members = " ".join(f"const {array.c_type} *{array.name};" for array in arrays)
        header.append(f"struct {layer.symbol} {{ {members} }};\nextern const struct {layer.symbol} {layer.symbol};")
        source += [_array(f"{layer.symbol}_{array.name}", array, array.name == shorten) for array in arrays]
        pointers = ", ".join(f"{layer.symbol}_{array.name}" for array in arrays)
        source.append(f"const struct {layer.symbol} {layer.symbol} = {{{pointers}}};")
    texts = {"h": header, "c": source}
    return {f"network/{case.name}_weights.{end}": "\n".join(text) + "\n" for end, text in texts.items()}


def _array(name: str, array: WeightArray, is_short: bool) -> str:
    kept = replace(array, values=array.values[:-1]) if is_short else array
    return f"static _Alignas(4) const {kept.c_type} {name}[{kept.values.size}] = {{{' '.join(c_values(kept))}}};"
