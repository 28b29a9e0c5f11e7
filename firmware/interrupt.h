/**
 * @file interrupt.h
 * @brief Sleeping until an interrupt is due, without ever taking it.
 */
#ifndef INTERRUPT_H
#define INTERRUPT_H

#include <stdint.h>

/**
 * @brief Sleeps until interrupt @p irq is pending, and takes that back; returns at once where it is pending already.
 *
 * Masked while it is enabled, the interrupt ends WFI and is not taken, so it needs no vector. Another one may end the
 * sleep too early: whoever sleeps looks whether what was waited for has come.
 */
static inline void interrupt_sleep(uint32_t irq)
{
    volatile uint32_t *const enable = (volatile uint32_t *)0xE000E100u;
    volatile uint32_t *const disable = (volatile uint32_t *)0xE000E180u;
    volatile uint32_t *const clear_pending = (volatile uint32_t *)0xE000E280u;
    const uint32_t bit = 1u << (irq % 32u);
    __asm__ volatile("cpsid i" ::: "memory");
    enable[irq / 32u] = bit;
    __asm__ volatile("dsb\n\twfi" ::: "memory");
    disable[irq / 32u] = bit;
    __asm__ volatile("dsb\n\tisb" ::: "memory");
    /* Before the caller looks: what comes from here on is pending again, and not slept over. */
    clear_pending[irq / 32u] = bit;
    __asm__ volatile("cpsie i" ::: "memory");
}

#endif
