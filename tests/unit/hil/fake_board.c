/* The device side of the protocol as a process: requests on standard input, replies on standard output. */
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "chip.h"
#include "cycles.h"
#include "protocol.h"
#include "stack.h"

static int stack_is_intact = 1;

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
    return stack_is_intact != 0;
}

static enum cycles_source counter = CYCLES_DWT;
static uint32_t measured;

enum cycles_source cycles_source(void)
{
    return counter;
}

uint32_t cycles_now(void)
{
    return 0xFFFFFF00u;
}

uint32_t cycles_since(uint32_t begin)
{
    ++measured;
    return begin == 0xFFFFFF00u ? 100000u * measured : 0u;
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

uint32_t chip_last_fault(struct fault_record *record)
{
    *record = (struct fault_record){0};
    return 0;
}

int main(int argc, char **argv)
{
    const char *const mode = argc > 1 ? argv[1] : "";
    stack_is_intact = strcmp(mode, "overflow") != 0;
    counter = strcmp(mode, "no counter") == 0 ? CYCLES_NONE : CYCLES_DWT;
    protocol_start();
    if (strcmp(mode, "start") == 0) {
        protocol_report_loss();
    }
    struct fault_record record = {0x1234, 0x5678, 0x01000000, 0x20000100, 3, 0x8200, 0x40000000, 0xB0000000};
    uint32_t fault = strcmp(mode, "fault") == 0 ? STATUS_FAULT : 0u;
    if (strcmp(mode, "limit") == 0) {
        record = (struct fault_record){0x1234, 0x5678, 0x01000000, 0x20000100, 3, 0x100000, 0x40000000, 0};
        fault = STATUS_STACK_OVERFLOW;
    }
    if (fault != 0u) {
        protocol_report_fault(&record, fault);
    }
    uint8_t bytes[4096];
    ssize_t count;
    while ((count = read(STDIN_FILENO, bytes, sizeof bytes)) > 0) {
        for (ssize_t i = 0; i < count; ++i) {
            if (fault != 0u) {
                protocol_receive_after_fault(bytes[i], &record, fault);
            } else {
                protocol_receive(bytes[i]);
            }
        }
    }
    return 0;
}
