/**
 * @file setup.c
 * @brief Carries out a table of register operations.
 */
#include "setup.h"

#include <assert.h>

static uint32_t register_read(uint32_t address, uint32_t width_bits)
{
    switch (width_bits) {
    case 8:
        return *(const volatile uint8_t *)(uintptr_t)address;
    case 16:
        return *(const volatile uint16_t *)(uintptr_t)address;
    default:
        return *(const volatile uint32_t *)(uintptr_t)address;
    }
}

static void register_write(uint32_t address, uint32_t width_bits, uint32_t value)
{
    switch (width_bits) {
    case 8:
        *(volatile uint8_t *)(uintptr_t)address = (uint8_t)value;
        break;
    case 16:
        *(volatile uint16_t *)(uintptr_t)address = (uint16_t)value;
        break;
    default:
        *(volatile uint32_t *)(uintptr_t)address = value;
        break;
    }
#ifdef __ARM_ARCH
    /* The next step may rely on this one: a cache that is on, a clock that runs. */
    __asm__ volatile("dsb\n\tisb" ::: "memory");
#endif
}

bool setup_carry_out(const struct setup_step *step)
{
    const uint32_t address = step->address;
    const uint32_t width_bits = step->width_bits;
    switch (step->operation) {
    case SETUP_CHANGE:
        register_write(address, width_bits, (register_read(address, width_bits) & ~step->mask) | step->value);
        return true;
    case SETUP_WRITE:
        register_write(address, width_bits, step->value);
        return true;
    case SETUP_READ:
        for (uint32_t i = 0; i < step->value; ++i) {
            (void)register_read(address, width_bits);
        }
        return true;
    default:
        for (uint32_t i = 0; i < SETUP_POLLS; ++i) {
            if ((register_read(address, width_bits) & step->mask) == step->value) {
                return true;
            }
        }
        return false;
    }
}

#if BOARD_SETUP_STEPS > 0

static_assert(BOARD_SETUP_CHIP_STEPS <= BOARD_SETUP_STEPS, "the chip's steps come first");

/* One more than the step's number, so that 0, the first value of all variables, says that none has failed. */
static uint32_t failed;

static void run(uint32_t first, uint32_t end)
{
    for (uint32_t number = first; number < end; ++number) {
        if (!setup_carry_out(&setup_steps[number])) {
            if (failed == 0u) {
                failed = number + 1u;
            }
            return;
        }
    }
}

void setup_run(void)
{
    run(0, BOARD_SETUP_CHIP_STEPS);
    run(BOARD_SETUP_CHIP_STEPS, BOARD_SETUP_STEPS);
}

uint32_t setup_failed_step(void)
{
    return failed == 0u ? BOARD_SETUP_STEPS : failed - 1u;
}

#endif
