"""What the set-up of each real board makes of its registers: the clocks that its record states, and its wait states.

The registers start as they are after a reset, every wait is granted, and the clock is computed by the formulas of the
reference manuals, which the set-up itself does not know.
"""

from collections.abc import Callable
from itertools import pairwise

import pytest

from tinybayes.boards import Board, list_boards, load_board

MHZ = 1_000_000
Registers = dict[int, int]
RESET_VALUES: Registers = {
    0x40023804: 0x24003010,  # RCC_PLLCFGR of the STM32F4 and F7
    0x4002100C: 0x00001000,  # RCC_PLLCFGR of the STM32L4 and G0
    0x46020C34: 0x01010280,  # RCC_PLL1DIVR of the STM32U5
    0x58024428: 0x02020200,  # RCC_PLLCKSELR, PLLCFGR and PLL1DIVR of the STM32H7
    0x5802442C: 0x01FF0000,
    0x58024430: 0x01010280,
}


def bits(value: int, high: int, low: int) -> int:
    return value >> low & ((1 << (high - low + 1)) - 1)


def prescaler(code: int, width: int) -> int:
    """AHB prescalers have 4 bits (RM0368, HPRE: no 32), APB prescalers 3 (PPRE)."""
    if not code >> (width - 1):
        return 1
    return ((2, 4, 8, 16, 64, 128, 256, 512) if width == 4 else (2, 4, 8, 16))[code & ((1 << (width - 1)) - 1)]


def after_setup(board: Board) -> Registers:
    registers = dict(RESET_VALUES)
    for step in board.setup_steps:
        old = registers.get(step.address, 0)
        if step.operation in ("change", "write"):
            registers[step.address] = (old & ~step.mask) | step.value
        if step.operation == "wait":
            assert step.mask
    return registers


def stm32f4(r: Registers) -> tuple[float, float, float]:
    """RM0368, RM0390, RM0385: core, APB1, APB2."""
    pll, cfgr = r[0x40023804], r[0x40023808]
    assert bits(pll, 22, 22) == 0, "the PLL runs on HSI"
    assert bits(cfgr, 1, 0) == 2, "the core runs on the PLL"
    reference = 16 * MHZ / bits(pll, 5, 0)
    vco = reference * bits(pll, 14, 6)
    assert 1 * MHZ <= reference <= 2 * MHZ and 100 * MHZ <= vco <= 432 * MHZ
    core = vco / (2 * (bits(pll, 17, 16) + 1)) / prescaler(bits(cfgr, 7, 4), 4)
    return core, core / prescaler(bits(cfgr, 12, 10), 3), core / prescaler(bits(cfgr, 15, 13), 3)


def stm32l4(r: Registers) -> tuple[float, float, float]:
    """RM0351, RM0432."""
    pll, cfgr = r[0x4002100C], r[0x40021008]
    assert bits(pll, 1, 0) == 2 and bits(pll, 24, 24) == 1 and bits(cfgr, 1, 0) == 3
    reference = 16 * MHZ / (bits(pll, 7, 4) + 1)
    vco = reference * bits(pll, 14, 8)
    assert 2.66 * MHZ <= reference <= 16 * MHZ and 64 * MHZ <= vco <= 344 * MHZ
    core = vco / (2 * (bits(pll, 26, 25) + 1)) / prescaler(bits(cfgr, 7, 4), 4)
    return core, core / prescaler(bits(cfgr, 10, 8), 3), core / prescaler(bits(cfgr, 13, 11), 3)


def stm32g0(r: Registers) -> tuple[float, float, float]:
    """RM0444; there is one APB."""
    pll, cfgr = r[0x4002100C], r[0x40021008]
    assert bits(pll, 1, 0) == 2 and bits(pll, 28, 28) == 1 and bits(cfgr, 2, 0) == 2
    reference = 16 * MHZ / (bits(pll, 6, 4) + 1)
    vco = reference * bits(pll, 14, 8)
    assert 2.66 * MHZ <= reference <= 16 * MHZ and 64 * MHZ <= vco <= 344 * MHZ
    core = vco / (bits(pll, 31, 29) + 1) / prescaler(bits(cfgr, 11, 8), 4)
    apb = core / prescaler(bits(cfgr, 14, 12), 3)
    return core, apb, apb


def stm32u5(r: Registers) -> tuple[float, float, float]:
    """RM0456."""
    pll, dividers = r[0x46020C28], r[0x46020C34]
    assert bits(pll, 1, 0) == 2 and bits(pll, 18, 18) == 1 and bits(r[0x46020C1C], 1, 0) == 3
    reference = 16 * MHZ / (bits(pll, 11, 8) + 1)
    vco = reference * (bits(dividers, 8, 0) + 1)
    assert 8 * MHZ <= reference <= 16 * MHZ and bits(pll, 3, 2) == 3
    assert 128 * MHZ <= vco <= 544 * MHZ
    assert bits(r[0x4602080C], 17, 16) == 3 and bits(r[0x4602080C], 18, 18) == 1, "range 1, with the booster"
    core = vco / (bits(dividers, 30, 24) + 1)
    return core, core, core


def stm32h7(r: Registers) -> tuple[float, float, float]:
    """RM0433."""
    source, pll, dividers = r[0x58024428], r[0x5802442C], r[0x58024430]
    assert bits(source, 1, 0) == 0 and bits(pll, 16, 16) == 1 and bits(r[0x58024410], 2, 0) == 3
    reference = 64 * MHZ / bits(source, 9, 4)
    vco = reference * (bits(dividers, 8, 0) + 1)
    assert 8 * MHZ <= reference <= 16 * MHZ and bits(pll, 3, 2) == 3
    assert bits(pll, 1, 1) == 0 and 192 * MHZ <= vco <= 836 * MHZ
    core = vco / (bits(dividers, 15, 9) + 1) / prescaler(bits(r[0x58024418], 11, 8), 4)
    bus = core / prescaler(bits(r[0x58024418], 3, 0), 4)
    assert bus <= 200 * MHZ, "the AXI's limit in VOS1"
    apb1, apb2 = (bus / prescaler(bits(r[0x5802441C], high, high - 2), 3) for high in (6, 10))
    assert max(apb1, apb2) <= 100 * MHZ
    return core, apb1, apb2


def rp2(clocks: int, pll: int) -> Callable[[Registers], tuple[float, float, float]]:
    """RP2040 Datasheet, 2.18; RP2350 Datasheet, 8.6: the same."""

    def computed(r: Registers) -> tuple[float, float, float]:
        assert bits(r[clocks + 0x30], 1, 0) == 2, "CLK_REF is the crystal"
        assert bits(r[clocks + 0x3C], 0, 0) == 1 and bits(r[clocks + 0x3C], 7, 5) == 0, "CLK_SYS is the PLL"
        assert bits(r[clocks + 0x48], 11, 11) == 1 and bits(r[clocks + 0x48], 7, 5) == 0, "CLK_PERI is CLK_SYS"
        reference = 12 * MHZ / bits(r[pll], 5, 0)
        vco = reference * r[pll + 8]
        assert reference >= 5 * MHZ and 750 * MHZ <= vco <= 1600 * MHZ
        core = vco / bits(r[pll + 0xC], 18, 16) / bits(r[pll + 0xC], 14, 12)
        return core, core, core

    return computed


CLOCKS: dict[str, Callable[[Registers], tuple[float, float, float]]] = {
    "stm32f401re": stm32f4, "stm32f446re": stm32f4, "stm32f746ng": stm32f4, "stm32l476rg": stm32l4,
    "stm32l4r5zi": stm32l4, "stm32g071rb": stm32g0, "stm32u575zi": stm32u5, "stm32h743zi": stm32h7,
    "rp2040": rp2(0x40008000, 0x40028000), "rp2350": rp2(0x40010000, 0x40050000),
}  # fmt: skip
APB2_UARTS = {0x40011000, 0x40013800}
"""USART1 of the STM32F7 and of the U5."""
LATENCY_REGISTER = {"stm32f4": 0x40023C00, "stm32f7": 0x40023C00, "stm32h7": 0x52002000}

REAL = [name for name in list_boards() if not load_board(name).emulated]
CLOCKED = [name for name in REAL if load_board(name).chip.name in CLOCKS]


@pytest.mark.parametrize("name", CLOCKED)
def test_the_setup_makes_the_clocks_that_the_record_states(name: str) -> None:
    board = load_board(name)
    core, apb1, apb2 = CLOCKS[board.chip.name](after_setup(board))
    assert core == board.clock_hz
    assert (apb2 if board.uart.base in APB2_UARTS else apb1) == board.uart.clock_hz


@pytest.mark.parametrize("name", [name for name in CLOCKED if load_board(name).chip.name.startswith("stm32")])
def test_the_wait_states_are_set_before_the_clock_rises_and_are_those_of_the_record(name: str) -> None:
    board = load_board(name)
    register = LATENCY_REGISTER.get(board.chip.name[:7], 0x40022000)
    latency = after_setup(board)[register] & 0xF
    # The H7's flash counts clocks of the AXI, which runs at half of the core's.
    ratio = 2 if board.chip.name == "stm32h743zi" else 1
    assert board.chip.flash_timing.wait_states == (latency + 1) * ratio - 1
    order = [step.name for step in board.chip.setup]
    set_at = next(i for i, step in enumerate(board.chip.setup) if step.address == register)
    switched_at = next(i for i, text in enumerate(order) if ": SW = PLL" in text)
    assert set_at < switched_at
    waited = {step.address for step in board.chip.setup[set_at:switched_at] if step.operation == "wait"}
    assert register in waited, "the latency is read back before the clock rises"


@pytest.mark.parametrize("name", REAL)
def test_what_is_switched_on_is_waited_for(name: str) -> None:
    """Each clock switch is the last step before a wait; a table that ends in one would run on before it happened."""
    steps = load_board(name).setup_steps
    for step, following in pairwise(steps):
        if ": SW = " in step.name or ": SRC = " in step.name:
            assert following.operation == "wait", step.name


@pytest.mark.parametrize("name", CLOCKED)  # the others, the nRFs, take their rates from a list
def test_the_baud_rate_is_met_within_two_percent(name: str) -> None:
    uart = load_board(name).uart
    for clock_hz in (uart.clock_hz, uart.reset_clock_hz):
        steps = clock_hz * (uart.divisor_steps if uart.driver != "pl011" else 4)
        assert abs(steps / round(steps / uart.baud) / uart.baud - 1) < 0.02


@pytest.mark.parametrize("name", REAL)
def test_a_real_board_is_tier_3_and_every_step_has_a_source(name: str) -> None:
    board = load_board(name)
    assert board.tier == 3 and not board.emulated
    for step in board.setup_steps:
        assert step.source.strip() and step.name.strip()
        assert not step.value & ~step.mask or step.operation in ("write", "read")
