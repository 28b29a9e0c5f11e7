"""Images of real boards, set-up and all, on emulated chips that are the same or at least related."""

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.emulated.conftest import DIGEST
from tests.emulated.toy_network.toy_reference import toy_tensors
from tinybayes.boards import Board, load_board
from tinybayes.errors import DeviceError
from tinybayes.run.qemu import QemuRunner

pytestmark = pytest.mark.emulated


def on_machine(name: str, machine: str) -> Board:
    return dataclasses.replace(load_board(name), qemu=load_board(machine).qemu)


def test_the_image_of_a_real_microbit_sets_itself_up_and_computes(toy_image: Callable[..., Path]) -> None:
    """QEMU's nRF51 has the clock's event, so that the whole table is carried out."""
    inputs = np.random.default_rng(3).integers(-128, 128, (5, 300)).astype(np.int8)
    board = on_machine("microbit-v1", "microbit")
    with QemuRunner(toy_image("frames", board="microbit-v1"), board, network_digest=DIGEST) as runner:
        outputs = runner.run(inputs).outputs
        assert runner.session.identity.board == "microbit-v1"
    assert [output.tobytes() for output in outputs] == [toy_tensors(values)[-1].tobytes() for values in inputs]


def test_a_setup_that_waits_in_vain_is_reported(toy_image: Callable[..., Path]) -> None:
    """QEMU's STM32F405 has the USART of an F446, the second, but neither its flash registers nor its clocks."""
    board = on_machine("nucleo-f446re", "netduinoplus2")
    step = next(i for i, step in enumerate(board.setup_steps) if step.operation == "wait")
    expected = rf"set-up not complete: step {step} .* waits in vain for the register at 0x40023c00; is the board"
    elf = toy_image("frames", board="nucleo-f446re")
    with pytest.raises(DeviceError, match=expected):
        QemuRunner(elf, board, network_digest=DIGEST, extra_arguments=("-serial", "null"))
