"""The set-up as it runs at boot, built for this machine, on memory instead of registers."""

import dataclasses
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.unit.hil.conftest import WARNINGS
from tinybayes.boards import Board, SetupStep, load_board
from tinybayes.emit.firmware import firmware_files

A, B, C = 0x40021000, 0x40021004, 0x50000000
"""Two registers of a chip, one of a port."""

Run = Callable[..., tuple[int, bool, list[int]]]


def step(operation: str, address: int, mask: int = 0, value: int = 0, width_bits: int = 32) -> SetupStep:
    return SetupStep("STEP", "a document", operation, address, width_bits, mask, value)


def board_with(chip: list[SetupStep], board: list[SetupStep]) -> Board:
    base = load_board("mps2-an386")
    return dataclasses.replace(base, chip=dataclasses.replace(base.chip, setup=tuple(chip)), setup=tuple(board))


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """``run(board, {address: first value}, address...)``: the failed step, whether all went well, the registers."""

    def program(board: Board, first: dict[int, int], *shown: int) -> tuple[int, bool, list[int]]:
        for path, text in firmware_files(
            board, network_name="toy", network_digest=bytes(16), protocol="none"
        ).items():  # fmt: skip
            (tmp_path / path).parent.mkdir(exist_ok=True)
            (tmp_path / path).write_text(text)
        firmware = tmp_path / "firmware"
        subprocess.run(
            ["gcc", "-std=gnu11", "-O2", "-fsanitize=undefined", "-fno-sanitize-recover=all", *WARNINGS,
             "-I", firmware, Path(__file__).with_name("setup_on_host.c"), firmware / "setup.c",
             firmware / "board_setup.c", "-o", tmp_path / "setup"],
            check=True,
        )  # fmt: skip
        arguments = [f"{address:#x}={value:#x}" for address, value in first.items()] + [f"{a:#x}" for a in shown]
        lines = subprocess.run(
            [tmp_path / "setup", *arguments], capture_output=True, text=True, check=True, timeout=60
        ).stdout.split("\n")
        failed, completed = lines[0].split()
        return int(failed), completed == "1", [int(line, 16) for line in lines[1:-1]]

    return program


def test_the_chips_steps_come_before_the_boards(run: Run) -> None:
    board = board_with([step("write", A, 0xFFFFFFFF, 0x1234)], [step("change", A, 0xFF, 0x56)])
    assert run(board, {}, A) == (2, True, [0x1256])


def test_bits_are_changed_and_the_others_stay(run: Run) -> None:
    board = board_with([step("change", A, 0x00F0, 0x0020)], [])
    assert run(board, {A: 0xABCD12F5, B: 7}, A, B) == (1, True, [0xABCD1225, 7])


@pytest.mark.parametrize(
    ("width_bits", "address", "value"),
    [(8, A, 0xFFFFFF5A), (8, A + 3, 0x5AFFFFFF), (16, A, 0xFFFF005A), (16, A + 2, 0x005AFFFF), (32, A, 0x5A)],
)
def test_a_narrow_register_leaves_its_neighbours_alone(run: Run, width_bits: int, address: int, value: int) -> None:
    board = board_with([step("write", address, (1 << width_bits) - 1, 0x5A, width_bits)], [])
    assert run(board, {A: 0xFFFFFFFF}, A) == (1, True, [value])


def test_a_wait_ends_where_the_bits_are_as_wanted(run: Run) -> None:
    board = board_with([step("wait", A, 0x3, 0x2), step("write", B, 0xFFFFFFFF, 1)], [])
    assert run(board, {A: 0xF0E}, B) == (2, True, [1])


def test_a_wait_in_vain_ends_skips_the_rest_of_the_chip_and_still_connects_the_pins(run: Run) -> None:
    board = board_with(
        [step("write", A, 0xFFFFFFFF, 1), step("wait", A, 1 << 25, 1 << 25), step("write", B, 0xFFFFFFFF, 2)],
        [step("write", C, 0xFFFFFFFF, 3)],
    )
    assert run(board, {}, A, B, C) == (1, False, [1, 0, 3])


def test_the_first_of_two_waits_in_vain_is_told(run: Run) -> None:
    board = board_with([step("wait", A, 1, 1)], [step("wait", A, 2, 2)])
    assert run(board, {}, A) == (0, False, [0])


def test_reads_for_time_change_nothing(run: Run) -> None:
    board = board_with([], [step("read", A, 0, 1000)])
    assert run(board, {A: 5}, A) == (1, True, [5])
