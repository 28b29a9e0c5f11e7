/**
 * @file cycles.h
 * @brief Counts the core's cycles, with whatever there is that can.
 */
#ifndef CYCLES_H
#define CYCLES_H

#include <stdint.h>

/** @brief What counts. The numbers are those of the link. */
enum cycles_source {
    CYCLES_NONE = 0,
    CYCLES_DWT = 1,       /**< the core's cycle counter, from Armv7-M on where the chip has it */
    CYCLES_SYSTICK = 2,   /**< the core's timer, which its maker may have left out of an Armv6-M core */
    CYCLES_NRF_TIMER = 3, /**< a timer of Nordic's chips, at BOARD_CYCLE_TIMER_BASE */
};

/** @brief Tries what the board's record names, in its order, and keeps the first that counts. Called once. */
void cycles_start(void);

/** @brief What was found. */
enum cycles_source cycles_source(void);

/** @brief The counter; it wraps at 32 bits. */
uint32_t cycles_now(void);

/** @brief Cycles since cycles_now() gave @p begin, less what the two calls take themselves. */
uint32_t cycles_since(uint32_t begin);

#endif
