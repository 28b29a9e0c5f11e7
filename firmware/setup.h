/**
 * @file setup.h
 * @brief Brings clock and pins up, as the board's table of register operations says.
 *
 * The table, setup_steps[], is generated from the chip's file and the board's. Where the chip has waited in vain, the
 * rest of its steps is left out, so that nothing runs on a clock that is not there; the pins are connected all the
 * same, and what follows finds out from setup_completed().
 */
#ifndef SETUP_H
#define SETUP_H

#include <stdbool.h>
#include <stdint.h>

#include "board.h"

enum setup_operation {
    SETUP_CHANGE, /**< the bits of mask become those of value, the others stay */
    SETUP_WRITE,  /**< the register becomes value, and is not read before */
    SETUP_WAIT,   /**< until the bits of mask are those of value */
    SETUP_READ,   /**< read value times, so that time passes */
};

/** @brief One operation on one register; width_bits is 8, 16 or 32. */
struct setup_step {
    uint32_t address;
    uint32_t mask;
    uint32_t value;
    uint8_t operation; /**< enum setup_operation */
    uint8_t width_bits;
};

/** @brief Reads of a register before a wait is given up: a tenth of a second or more at 100 MHz. */
#define SETUP_POLLS 1000000u

/** @brief Carries out one operation; false where it has waited in vain. Needs no variables, so it may run at any time.
 */
bool setup_carry_out(const struct setup_step *step);

#if BOARD_BOOT_LOADER_STEPS > 0
/** @brief What the boot loader wants before it is entered. */
extern const struct setup_step boot_loader_steps[BOARD_BOOT_LOADER_STEPS];
#endif

#if BOARD_SETUP_STEPS > 0

/** @brief The chip's steps, then the board's. */
extern const struct setup_step setup_steps[BOARD_SETUP_STEPS];

/** @brief Carries out the table. Called once, before main(), after variables have their first values. */
void setup_run(void);

/** @brief Number of the first step that waited in vain, counted from 0; BOARD_SETUP_STEPS where there is none. */
uint32_t setup_failed_step(void);

/** @brief Whether every step was carried out. */
static inline bool setup_completed(void)
{
    return setup_failed_step() == BOARD_SETUP_STEPS;
}

#else

static inline bool setup_completed(void)
{
    return true;
}

#endif

#endif
