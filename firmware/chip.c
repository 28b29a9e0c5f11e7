/**
 * @file chip.c
 * @brief Starting anew, and what is remembered across it.
 */
#include "chip.h"

#include <stddef.h>

#include "frame.h"

/* Armv6-M Architecture Reference Manual (DDI 0419E), B3.2.6; the same in Armv7-M and Armv8-M. */
#define AIRCR (*(volatile uint32_t *)0xE000ED0Cu)
#define AIRCR_KEY (0x05FAu << 16)
#define AIRCR_SYSRESETREQ (1u << 2)

/** @brief Right where the CRC is; RAM that nobody has written since power came holds anything. */
struct kept_fault {
    struct fault_record record;
    uint32_t status;
    uint32_t crc;
};

__attribute__((section(".noinit"))) static struct kept_fault kept;

static uint32_t crc_of(const struct kept_fault *fault)
{
    return frame_crc32(0, (const uint8_t *)fault, offsetof(struct kept_fault, crc));
}

_Noreturn void chip_reset(void)
{
    __asm__ volatile("dsb" ::: "memory");
    AIRCR = AIRCR_KEY | AIRCR_SYSRESETREQ;
    __asm__ volatile("dsb" ::: "memory");
    for (;;) {
    }
}

void chip_keep_fault(const struct fault_record *record, uint32_t status)
{
    kept.record = *record;
    kept.status = status;
    kept.crc = crc_of(&kept);
}

uint32_t chip_last_fault(struct fault_record *record)
{
    if (kept.status == 0u || kept.crc != crc_of(&kept)) {
        *record = (struct fault_record){0};
        return 0;
    }
    *record = kept.record;
    return kept.status;
}
