/**
 * @file boot_loader_rp2350_rom.c
 * @brief The USB boot loader in the ROM of the RP2350.
 *
 * RP2350 Datasheet, 5.4 (Bootrom APIs): on Arm cores a 16-bit pointer at 0x16 leads to what finds a function, by its
 * code and by who asks; reboot(), 'R' 'B', has flags, a delay in milliseconds, and two parameters by which interfaces
 * are left out and a pin blinks. The cores are in the secure state, as they come out of reset.
 */
#include <stdint.h>

#include "chip.h"

#define FIND_FUNCTION 0x16u
#define SECURE_ARM_FUNCTION 0x0004u
#define REBOOT ((uint32_t)'B' << 8 | (uint32_t)'R')
#define TO_BOOT_LOADER 0x0002u
#define DO_NOT_RETURN 0x0100u
#define DELAY_MS 10u

typedef int (*reboot_function)(uint32_t flags, uint32_t delay_ms, uint32_t interfaces_left_out, uint32_t blinking_pin);
typedef reboot_function (*find_function)(uint32_t code, uint32_t who);

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
    const reboot_function reboot = find(REBOOT, SECURE_ARM_FUNCTION);
    (void)reboot(TO_BOOT_LOADER | DO_NOT_RETURN, DELAY_MS, 0, 0);
}
