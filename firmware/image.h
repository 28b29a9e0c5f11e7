/**
 * @file image.h
 * @brief Symbols that the linker script defines. Only their addresses mean anything.
 */
#ifndef IMAGE_H
#define IMAGE_H

#include <stdint.h>

extern uint32_t image_stack_bottom[];
extern uint32_t image_stack_top[];
extern uint32_t image_data_start[];
extern uint32_t image_data_end[];
extern const uint32_t image_data_load[];
extern uint32_t image_bss_start[];
extern uint32_t image_bss_end[];

/** @brief Where the processor starts. */
void reset_handler(void);

/**
 * @brief Called by the reset handler before anything else, in images whose boot loader is entered so (boot_loader_*.c).
 *
 * Variables have no values yet and there is no floating-point unit. Returns unless the boot loader was asked for.
 */
void boot_loader_start_if_asked(void);

/** @brief Called by SysTick, where the image counts cycles by it. */
void cycles_systick_handler(void) __attribute__((weak));

/** @brief What the reset handler calls once memory is ready. */
int main(void);

#endif
