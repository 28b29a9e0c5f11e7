/**
 * @file startup.c
 * @brief Vectors and reset for every Cortex-M core.
 */
#include <stdint.h>

#include "fault.h"
#include "image.h"
#include "setup.h"

/** @brief One entry of the vector table: the first is an address in RAM, the others are functions. */
union vector {
    const uint32_t *stack;
    void (*handler)(void);
};

#define CORE_VECTORS 16

/* No interrupt of the chip is ever taken, so the table ends with the core's own exceptions. All of them are faults but
   the last, SysTick, whose vector is 0 in an image that does not use it. */
__attribute__((section(".vectors"), used)) static const union vector vectors[CORE_VECTORS] = {
    {.stack = image_stack_top},          {.handler = reset_handler}, {.handler = fault_handler},
    {.handler = fault_handler},          {.handler = fault_handler}, {.handler = fault_handler},
    {.handler = fault_handler},          {.handler = fault_handler}, {.handler = fault_handler},
    {.handler = fault_handler},          {.handler = fault_handler}, {.handler = fault_handler},
    {.handler = fault_handler},          {.handler = fault_handler}, {.handler = fault_handler},
    {.handler = cycles_systick_handler},
};

void reset_handler(void)
{
#if defined(__ARM_FP) || defined(__ARM_FEATURE_MVE)
    /* CPACR: full access to coprocessors 10 and 11, before the first instruction that uses them. */
    volatile uint32_t *const coprocessor_access = (volatile uint32_t *)0xE000ED88u;
    *coprocessor_access |= 0xFu << 20;
    __asm__ volatile("dsb\n\tisb" ::: "memory");
#endif
#ifdef __ARM_FEATURE_MVE
    /* CCR.LOB, Armv8-M Architecture Reference Manual: loops that end in LE remember where they begin. */
    volatile uint32_t *const configuration = (volatile uint32_t *)0xE000ED14u;
    *configuration |= 1u << 19;
    __asm__ volatile("dsb\n\tisb" ::: "memory");
#endif
    const uint32_t *from = image_data_load;
    for (uint32_t *to = image_data_start; to != image_data_end; ++to) {
        *to = *from++;
    }
    for (uint32_t *to = image_bss_start; to != image_bss_end; ++to) {
        *to = 0;
    }
#if BOARD_SETUP_STEPS > 0
    setup_run();
#endif
    (void)main();
    for (;;) {
        __asm__ volatile("wfi");
    }
}
