/* A board whose cycle counter is a table: the firmware's own protocol code and the calibration network, on the host. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "chip.h"
#include "cycles.h"
#include "network_binding.h"
#include "protocol.h"
#include "stack.h"

static uint32_t table[64 * NET_STEPS];
static uint32_t table_length, asked;

void port_write(const uint8_t *bytes, uint32_t length)
{
    while (length != 0u) {
        const ssize_t written = write(STDOUT_FILENO, bytes, length);
        if (written <= 0) {
            _exit(0);
        }
        bytes += written;
        length -= (uint32_t)written;
    }
}

uint32_t stack_size_bytes(void)
{
    return 4096;
}

uint32_t stack_used_bytes(void)
{
    return 321;
}

bool stack_intact(void)
{
    return true;
}

enum cycles_source cycles_source(void)
{
    return table_length == 0u ? CYCLES_NONE : CYCLES_DWT;
}

uint32_t cycles_now(void)
{
    return 0;
}

uint32_t cycles_since(uint32_t begin)
{
    return begin + table[asked++ % table_length];
}

_Noreturn void chip_reset(void)
{
    _exit(0);
}

bool chip_has_boot_loader(void)
{
    return false;
}

void chip_enter_boot_loader(void)
{
}

void chip_keep_fault(const struct fault_record *record, uint32_t status)
{
    (void)record;
    (void)status;
}

uint32_t chip_last_fault(struct fault_record *record)
{
    memset(record, 0, sizeof *record);
    return 0;
}

/* The argument is the counts, one after another, separated by commas. */
int main(int argc, char **argv)
{
    char *rest = argc > 1 ? argv[1] : NULL;
    while (rest != NULL && *rest != '\0' && table_length < sizeof table / sizeof *table) {
        table[table_length++] = (uint32_t)strtoul(rest, &rest, 10);
        rest += *rest == ',' ? 1 : 0;
    }
    protocol_start();
    uint8_t bytes[4096];
    ssize_t count;
    while ((count = read(STDIN_FILENO, bytes, sizeof bytes)) > 0) {
        for (ssize_t i = 0; i < count; ++i) {
            protocol_receive(bytes[i]);
        }
    }
    return 0;
}
