/**
 * @file cells_board.c
 * @brief Cells on a board in QEMU, where accesses that are not aligned trap.
 *
 * The verdicts go to the debugger. The last argument of the command line is the cell to begin with: the one behind a
 * cell that has stopped with a fault. One number behind the last cell asks for an access that is not aligned.
 */
#include <string.h>

#include "board_facts.h"
#include "cells.h"
#include "fault.h"
#include "image.h"

#define GAP_BYTES 16u
/* Semihosting for AArch32 and AArch64 (Arm IHI 0100). */
#define SYS_WRITE0 0x04u
#define SYS_GET_CMDLINE 0x15u
#define SYS_EXIT 0x18u
#define STOPPED_RUN_TIME_ERROR 0x20023u
#define STOPPED_APPLICATION_EXIT 0x20026u
/* Armv7-M Architecture Reference Manual (DDI 0403E), B3.2.8: Configuration and Control Register. */
#define CCR (*(volatile uint32_t *)0xE000ED14u)
#define CCR_UNALIGN_TRP (1u << 3)

/* A gap before each array and behind the last, and what their alignment takes. */
static _Alignas(16) uint8_t memory[CELLS_MEMORY_BYTES + 4u * GAP_BYTES + 2u];

static uint32_t semihost(uint32_t operation, uintptr_t argument)
{
    register uint32_t r0 __asm__("r0") = operation;
    register uintptr_t r1 __asm__("r1") = argument;
    __asm__ volatile("bkpt 0xAB" : "+r"(r0) : "r"(r1) : "memory");
    return r0;
}

void place_say(const char *text)
{
    (void)semihost(SYS_WRITE0, (uintptr_t)text);
}

static _Noreturn void stop(uint32_t reason)
{
    place_say("\n");
    (void)semihost(SYS_EXIT, reason);
    for (;;) {
    }
}

static void say_address(uint32_t value)
{
    char text[] = " 00000000";
    for (uint32_t digit = 0; digit < 8u; ++digit) {
        text[1u + digit] = "0123456789abcdef"[value >> (28u - 4u * digit) & 15u];
    }
    place_say(text);
}

void fault_notify(const struct fault_record *record)
{
    place_say(" fault: exception, status, pc");
    say_address(record->exception);
    say_address(record->configurable_status);
    say_address(record->pc);
    stop(STOPPED_RUN_TIME_ERROR);
}

struct arrays place_arrays(const struct cell *cell, uint8_t pattern)
{
    memset(memory, pattern, sizeof memory);
    uint8_t *const arena = memory + GAP_BYTES;
    uint8_t *const input = memory + ((2u * GAP_BYTES + cell->arena_bytes) | 1u);
    uint8_t *const output = memory + (((uint32_t)(input - memory) + cell->input_len + GAP_BYTES) | 1u);
    return (struct arrays){(int8_t *)input, (int8_t *)output, arena};
}

bool place_is_intact(const struct cell *cell, struct arrays arrays, uint8_t pattern)
{
    memset(arrays.input, pattern, cell->input_len);
    memset(arrays.output, pattern, cell->output_len);
    memset(arrays.arena, pattern, cell->arena_bytes);
    bool intact = true;
    for (uint32_t i = 0; i < sizeof memory; ++i) {
        intact = intact && memory[i] == pattern;
    }
    return intact;
}

static uint32_t first_cell(void)
{
    char line[256] = "";
    struct {
        char *text;
        uint32_t size;
    } block = {line, sizeof line};
    uint32_t first = 0;
    if (semihost(SYS_GET_CMDLINE, (uintptr_t)&block) == 0u) {
        const char *last = strrchr(line, ' ');
        for (last = last != NULL ? last + 1 : ""; *last >= '0' && *last <= '9'; ++last) {
            first = first * 10u + (uint32_t)(*last - '0');
        }
    }
    return first;
}

static void read_unaligned(void)
{
    uint32_t word;
    __asm__ volatile("ldr %0, [%1]" : "=l"(word) : "l"(memory + 1) : "memory");
    place_say("\nan access that is not aligned went through");
}

int main(void)
{
    /* Whatever the code is compiled for: that of Armv6-M, whose own register is read-only, may run on Armv7-M. */
    CCR |= CCR_UNALIGN_TRP;
    __asm__ volatile("dsb\n\tisb" ::: "memory");
    uint32_t number = first_cell();
    if (number == cells_count) {
        read_unaligned();
    }
    for (; number < cells_count; ++number) {
        cell_judge(number);
    }
    stop(STOPPED_APPLICATION_EXIT);
}
