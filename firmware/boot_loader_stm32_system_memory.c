/**
 * @file boot_loader_stm32_system_memory.c
 * @brief The boot loader in the system memory of an STM32.
 *
 * AN2606, Bootloader activation: user code may jump to it once peripheral clocks, PLL and interrupts are off and
 * nothing is pending, which is how a reset leaves the chip. So two words in RAM that a reset leaves alone say what is
 * wanted, the chip is reset, and the reset handler jumps before it does anything else. The words are used up by that:
 * the next reset starts the image again.
 */
#include <stdint.h>

#include "board.h"
#include "chip.h"
#include "image.h"
#include "setup.h"

#define ASKED 0xB0071CADu

/* VTOR; the Cortex-M0+ of the STM32G0 has it as well (PM0223). */
#define VTOR (*(volatile uint32_t *)0xE000ED08u)

/* What is there when power comes on is anything, but hardly a word and its complement. */
__attribute__((section(".noinit"))) static volatile uint32_t asked[2];

/** @brief Takes the stack and the first instruction from the @p vectors of another program. */
_Noreturn void boot_loader_hand_over(const uint32_t *vectors);

/* Nothing is left to return to, so lr may hold where to go. */
__attribute__((naked)) _Noreturn void boot_loader_hand_over(__attribute__((unused)) const uint32_t *vectors)
{
    __asm__ volatile("ldr  r1, [r0]\n\t"
                     "ldr  r2, [r0, #4]\n\t"
                     "mov  lr, r2\n\t"
                     "msr  msp, r1\n\t"
                     "dsb\n\t"
                     "isb\n\t"
                     "bx   lr");
}

bool chip_has_boot_loader(void)
{
    return true;
}

void chip_enter_boot_loader(void)
{
    asked[0] = ASKED;
    asked[1] = ~ASKED;
    chip_reset();
}

void boot_loader_start_if_asked(void)
{
    if (asked[0] != ASKED || asked[1] != ~ASKED) {
        return;
    }
    asked[0] = 0;
#if BOARD_BOOT_LOADER_STEPS > 0
    for (uint32_t step = 0; step < BOARD_BOOT_LOADER_STEPS; ++step) {
        (void)setup_carry_out(&boot_loader_steps[step]);
    }
#endif
    VTOR = BOARD_BOOT_LOADER_ADDRESS;
    boot_loader_hand_over((const uint32_t *)BOARD_BOOT_LOADER_ADDRESS);
}
