/**
 * @file boot_loader_rp2040_rom.c
 * @brief The USB boot loader in the ROM of the RP2040.
 *
 * RP2040 Datasheet (build 2022-06-17), 2.8.3 (Bootrom Contents): 16-bit pointers to a table of functions and to what
 * finds a function in it; 2.8.3.1 (Bootrom Functions), Miscellaneous Functions: reset_to_usb_boot(), 'U' 'B', with a
 * mask of pins that blink and one of interfaces that are left out. It resets the chip by the watchdog and does not
 * return.
 */
#include <stdint.h>

#include "chip.h"

#define FUNCTION_TABLE 0x14u
#define FIND_FUNCTION 0x18u
#define RESET_TO_USB_BOOT ((uint32_t)'B' << 8 | (uint32_t)'U')

typedef void (*reset_to_usb_boot)(uint32_t blinking_pins, uint32_t interfaces_left_out);
typedef reset_to_usb_boot (*find_function)(uintptr_t table, uint32_t code);

/** @brief What the 16 bits at an address in ROM point to; the compiler is not told that it is close to 0. */
static uintptr_t pointer_at(uintptr_t address)
{
    __asm__("" : "+r"(address));
    return *(const volatile uint16_t *)address;
}

bool chip_has_boot_loader(void)
{
    return true;
}

void chip_enter_boot_loader(void)
{
    const find_function find = (find_function)pointer_at(FIND_FUNCTION);
    const reset_to_usb_boot reset = find(pointer_at(FUNCTION_TABLE), RESET_TO_USB_BOOT);
    reset(0, 0);
}
