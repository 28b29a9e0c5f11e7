"""Which files a project gets beside its network, and what the board and the network put into them."""

import dataclasses
import re

import pytest

from tinybayes.boards import load_board
from tinybayes.emit.firmware import PROTOCOLS, firmware_files
from tinybayes.errors import InternalError, UnsupportedError, UserError

BOARD = load_board("mps2-an386")


def files(protocol: str = "frames", name: str = "network", digest: bytes = bytes(range(16))) -> dict[str, str]:
    return firmware_files(BOARD, network_name=name, network_digest=digest, protocol=protocol)


@pytest.mark.parametrize("name", ["mps2-an386", "nucleo-g071rb", "pico", "pico2"])
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_every_file_that_is_included_or_compiled_is_there(protocol, name):
    made = firmware_files(load_board(name), network_name="network", network_digest=bytes(16), protocol=protocol)
    assert list(made) == sorted(made)
    for path, text in made.items():
        if path.endswith((".c", ".h")):
            for header in re.findall(r'#include "([^"]+)"', text):
                assert header == "network.h" or f"firmware/{header}" in made, (path, header)
    for source in re.findall(r"firmware/\w+\.(?:cmake|ld|c)\b", made["CMakeLists.txt"]):
        assert source in made


def test_the_bare_image_needs_no_link():
    assert not [path for path in files("none") if re.search("uart|frame|protocol|stack", path)]


def test_board_numbers_are_in_their_places():
    made = files()
    assert "FLASH (rx) : ORIGIN = 0x00000000, LENGTH = 0x00400000" in made["firmware/memory.ld"]
    assert "RAM (rwx) : ORIGIN = 0x20000000, LENGTH = 0x00400000" in made["firmware/memory.ld"]
    assert "STACK_BYTES = 4096;" in made["firmware/memory.ld"]
    assert "#define BOARD_UART_BASE 0x40004000u\n" in made["firmware/board.h"]
    assert "#define BOARD_CLOCK_HZ 25000000u\n" in made["firmware/board.h"]
    assert "-mcpu=cortex-m4 -mfloat-abi=hard -mfpu=fpv4-sp-d16 -mthumb -O2" in made["CMakeLists.txt"]


def test_a_board_without_setup_has_none_of_its_code():
    made = files()
    assert "#define BOARD_SETUP_STEPS 0u\n" in made["firmware/board.h"]
    assert not {"firmware/setup.c", "firmware/board_setup.c", "firmware/image_header.c"} & set(made)
    assert "setup" not in made["CMakeLists.txt"]


def test_setup_steps_are_a_table_that_says_where_each_comes_from():
    board = load_board("nucleo-g071rb")
    made = firmware_files(board, network_name="network", network_digest=bytes(16), protocol="none")
    assert f"#define BOARD_SETUP_STEPS {len(board.chip.setup) + len(board.setup)}u\n" in made["firmware/board.h"]
    assert f"#define BOARD_SETUP_CHIP_STEPS {len(board.chip.setup)}u\n" in made["firmware/board.h"]
    table = made["firmware/board_setup.c"]
    assert [table.index(f"/* {step.name}: {step.source} */") for step in board.setup_steps] == sorted(
        table.index(f"/* {step.name}: {step.source} */") for step in board.setup_steps
    )
    assert (
        "    /* RCC_CR: PLLRDY: RM0444 Rev 5, Clock control register (RCC_CR) */\n"
        "    {\n"
        "        .address = 0x40021000u,\n"
        "        .mask = 0x02000000u,\n"
        "        .value = 0x02000000u,\n"
        "        .operation = SETUP_WAIT,\n"
        "        .width_bits = 32,\n"
        "    },\n"
    ) in table


def test_the_image_of_a_board_with_a_boot_loader_begins_behind_it():
    made = firmware_files(load_board("nano33ble"), network_name="network", network_digest=bytes(16), protocol="none")
    assert "FLASH (rx) : ORIGIN = 0x00010000, LENGTH = 0x000F0000" in made["firmware/memory.ld"]


def test_the_network_is_bound_by_its_name_and_digest():
    binding = files(name="wake_word")["firmware/network_binding.h"]
    assert '#include "wake_word.h"' in binding
    assert "#define NET_INPUT_LEN WAKE_WORD_INPUT_LEN\n" in binding
    assert "#define net_step wake_word_step\n" in binding
    assert "{ 0x00, 0x01, 0x02, 0x03," in binding


def test_a_board_that_is_not_emulated_never_breaks_into_a_debugger():
    board = dataclasses.replace(BOARD, qemu=None)
    made = firmware_files(board, network_name="network", network_digest=bytes(16), protocol="none")
    assert "#define BOARD_EMULATED 0\n" in made["firmware/board.h"]


@pytest.mark.parametrize("name", ["", "Network", "1st", "a-b", "a b", 'x"\n', "é", "n" * 49])
def test_a_name_that_is_none_in_c(name):
    with pytest.raises(UserError, match=r"--name: got .*, wanted a lower-case C name"):
        files(name=name)


@pytest.mark.parametrize("name", ["stdint", "string", "stack", "board", "network_binding", "tb_conv", "net", "host"])
def test_a_name_that_would_hide_a_header(name):
    with pytest.raises(UserError, match=rf"--name: '{name}' is taken .*, as my_{name}"):
        files(name=name)


def test_an_unknown_protocol_names_those_there_are():
    with pytest.raises(
        UnsupportedError, match=r"got 'frame', wanted one of frames, mlperf, none\. Did you mean 'frames'"
    ):
        files("frame")


def test_a_digest_of_another_length_is_our_bug():
    with pytest.raises(InternalError, match="a network digest of 4 bytes, wanted 16"):
        files(digest=b"1234")
