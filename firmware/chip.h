/**
 * @file chip.h
 * @brief Starting anew, and what is remembered across it.
 */
#ifndef CHIP_H
#define CHIP_H

#include <stdbool.h>
#include <stdint.h>

#include "fault.h"

/** @brief Resets the chip, as its reset pin would. */
_Noreturn void chip_reset(void);

/** @brief Whether chip_enter_boot_loader() is of use: boot_loader_none.c says no, every other boot_loader_*.c yes. */
bool chip_has_boot_loader(void);

/** @brief Hands over to the boot loader that the chip or the board has, and does not return; else does nothing. */
void chip_enter_boot_loader(void);

/** @brief Remembers a fault, with the status that it is reported by, in RAM that a reset leaves alone. */
void chip_keep_fault(const struct fault_record *record, uint32_t status);

/**
 * @brief The fault that was kept before the last reset.
 *
 * @return its status, or 0 where none was kept: then @p record is all zero
 */
uint32_t chip_last_fault(struct fault_record *record);

#endif
