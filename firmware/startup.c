/**
 * @file startup.c
 * @brief Vectors and reset for every Cortex-M core.
 */
#include <stdint.h>

#include "fault.h"
#include "image.h"
#include "receive.h"
#include "setup.h"

/** @brief One entry of the vector table: the first is an address in RAM, the others are functions. */
union vector {
    const uint32_t *stack;
    void (*handler)(void);
};

#define CORE_VECTORS 16u

#ifdef IMAGE_RECEIVES
#define CHIP_VECTORS (BOARD_UART_RECEIVE_IRQ + 1u)
#else
#define CHIP_VECTORS 0u
#endif

/* The core's own exceptions are faults but the last, SysTick, whose vector is 0 in an image that does not use it. Of
   the chip's interrupts an image that listens takes one, and the table ends with it. */
__attribute__((section(".vectors"), used)) static const union vector vectors[CORE_VECTORS + CHIP_VECTORS] = {
    {.stack = image_stack_top},
    {.handler = reset_handler},
    {.handler = fault_handler},
    {.handler = fault_handler},
    {.handler = fault_handler},
    {.handler = fault_handler},
    {.handler = fault_handler},
    {.handler = fault_handler},
    {.handler = fault_handler},
    {.handler = fault_handler},
    {.handler = fault_handler},
    {.handler = fault_handler},
    {.handler = fault_handler},
    {.handler = fault_handler},
    {.handler = fault_handler},
    {.handler = cycles_systick_handler},
#ifdef IMAGE_RECEIVES
    [CORE_VECTORS + BOARD_UART_RECEIVE_IRQ] = {.handler = receive_interrupt_handler},
#endif
};

void reset_handler(void)
{
#ifdef IMAGE_ENTERS_BOOT_LOADER
    boot_loader_start_if_asked();
#endif
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
#if defined(IMAGE_RECEIVES) && __ARM_ARCH >= 7
    /* VTOR: a boot loader that was there first may have left its own table. */
    volatile uint32_t *const vector_table = (volatile uint32_t *)0xE000ED08u;
    *vector_table = (uint32_t)(uintptr_t)vectors;
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
