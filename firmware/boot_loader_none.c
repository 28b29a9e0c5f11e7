/**
 * @file boot_loader_none.c
 * @brief For boards without a boot loader that an image can enter.
 */
#include "chip.h"

bool chip_has_boot_loader(void)
{
    return false;
}

void chip_enter_boot_loader(void)
{
}
