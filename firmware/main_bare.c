/**
 * @file main_bare.c
 * @brief The bare image: boot, run on an input in RAM, stop.
 */
#include <assert.h>
#include <stdint.h>

#include "bench.h"
#include "board.h"
#include "fault.h"
#include "image.h"
#include "network_binding.h"

#ifndef BENCH_INFERENCES
#define BENCH_INFERENCES 1
#endif

static_assert(BENCH_INFERENCES >= 1, "at least one inference");

static _Alignas(16) uint8_t arena[NET_ARENA_BYTES];
static int8_t input[NET_INPUT_LEN];
static int8_t output[NET_OUTPUT_LEN];

/** @brief Ends the emulation with exit status 0 or 1; on a board without a debugger, sleeps. */
static _Noreturn void stop(uint32_t failed)
{
#if BOARD_EMULATED
    /* Semihosting, SYS_EXIT: ADP_Stopped_ApplicationExit or ADP_Stopped_RunTimeErrorUnknown. */
    register uint32_t operation __asm__("r0") = 0x18u;
    register uint32_t reason __asm__("r1") = failed != 0u ? 0x20023u : 0x20026u;
    __asm__ volatile("bkpt 0xAB" : "+r"(operation) : "r"(reason) : "memory");
#else
    (void)failed;
#endif
    for (;;) {
        __asm__ volatile("wfi");
    }
}

void fault_notify(const struct fault_record *record)
{
    (void)record;
    stop(1);
}

int main(void)
{
    uint32_t state = 1;
    for (uint32_t i = 0; i < NET_INPUT_LEN; ++i) {
        state = state * 1664525u + 1013904223u; /* Numerical Recipes' generator: its high bits are good enough */
        input[i] = (int8_t)(uint8_t)(state >> 24);
    }
    for (uint32_t n = 0; n < BENCH_INFERENCES; ++n) {
        bench_begin();
        net_run(input, output, arena);
        bench_end();
    }
    stop(0);
}
