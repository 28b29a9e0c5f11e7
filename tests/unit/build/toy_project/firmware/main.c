#include <stdint.h>
#include <string.h>

#include "toy.h"

extern uint32_t stack_top[], data_start[], data_end[];
extern const uint32_t data_load[];
void reset_handler(void);
void bench_begin(void);
void bench_end(void);

__attribute__((section(".vectors"), used)) static const uintptr_t vectors[2] = {(uintptr_t)stack_top,
                                                                                (uintptr_t)reset_handler};
__attribute__((section(".unwanted"), used)) static const char unwanted[] = "thrown away by the linker";
static volatile uint32_t initialised[3] = {1, 2, 3};
static _Alignas(16) uint8_t arena[TOY_ARENA_BYTES];
static int8_t input[TOY_INPUT_LEN];
static int8_t output[TOY_OUTPUT_LEN];

__attribute__((noinline)) void bench_begin(void)
{
    __asm__ volatile("nop" ::: "memory");
}

__attribute__((noinline)) void bench_end(void)
{
    __asm__ volatile("nop\n\tnop" ::: "memory");
}

void reset_handler(void)
{
    memcpy(data_start, data_load, (uintptr_t)data_end - (uintptr_t)data_start);
    for (uint32_t i = 0; i < TOY_INPUT_LEN; ++i) {
        input[i] = (int8_t)(i * 37u + initialised[i % 3u]);
    }
    bench_begin();
    for (uint32_t n = 0; n < INFERENCES; ++n) {
        toy_run(input, output, arena);
    }
    bench_end();
    register uint32_t operation __asm__("r0") = 0x18u;
    register uint32_t reason __asm__("r1") = STOP_REASON;
    __asm__ volatile("bkpt 0xAB" : "+r"(operation) : "r"(reason) : "memory");
    for (;;) {
    }
}
