/**
 * @file boot_loader_nrf_gpregret.c
 * @brief A boot loader in the flash of a chip of the nRF52 series, which starts first and looks into GPREGRET.
 */
#include <stdint.h>

#include "board.h"
#include "chip.h"

/* nRF52840 Product Specification v1.1, POWER, GPREGRET: 8 bits that a reset by software leaves alone. */
#define GPREGRET (*(volatile uint32_t *)0x4000051Cu)

bool chip_has_boot_loader(void)
{
    return true;
}

void chip_enter_boot_loader(void)
{
    GPREGRET = BOARD_BOOT_LOADER_MAGIC;
    chip_reset();
}
