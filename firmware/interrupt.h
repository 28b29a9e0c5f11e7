/**
 * @file interrupt.h
 * @brief The core's interrupts: the one that the firmware takes from the chip, and sleeping until it comes.
 *
 * Registers: Armv6-M Architecture Reference Manual (DDI 0419E), B3.4; the same in Armv7-M and Armv8-M.
 */
#ifndef INTERRUPT_H
#define INTERRUPT_H

#include <stdint.h>

/** @brief Lets interrupt @p irq come. */
static inline void interrupt_enable(uint32_t irq)
{
    volatile uint32_t *const enable = (volatile uint32_t *)0xE000E100u;
    enable[irq / 32u] = 1u << (irq % 32u);
}

/** @brief Holds interrupt @p irq back. */
static inline void interrupt_disable(uint32_t irq)
{
    volatile uint32_t *const disable = (volatile uint32_t *)0xE000E180u;
    disable[irq / 32u] = 1u << (irq % 32u);
    __asm__ volatile("dsb\n\tisb" ::: "memory");
}

/** @brief Makes interrupt @p irq pending, as if the chip had. */
static inline void interrupt_raise(uint32_t irq)
{
    volatile uint32_t *const pend = (volatile uint32_t *)0xE000E200u;
    pend[irq / 32u] = 1u << (irq % 32u);
}

/** @brief Holds all interrupts back. */
static inline void interrupts_mask(void)
{
    __asm__ volatile("cpsid i" ::: "memory");
}

/** @brief Lets them come; one that is pending is taken before the next instruction. */
static inline void interrupts_unmask(void)
{
    __asm__ volatile("cpsie i\n\tisb" ::: "memory");
}

/** @brief Sleeps until an interrupt is pending, masked or not. */
static inline void interrupt_wait(void)
{
    __asm__ volatile("dsb\n\twfi" ::: "memory");
}

#endif
