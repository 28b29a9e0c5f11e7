/**
 * @file host_sanitized.c
 * @brief Runs a generated network library under sanitizers: inputs from standard input, outputs to standard output.
 *
 * Every array is a heap block of its exact size, so that one byte beyond it is noticed; input and output lie at odd
 * addresses, which the library must bear. Each input is run at once and step by step, in arenas that start with
 * different contents: the outputs must agree. Compiled with NET_HEADER (quoted), NET_... and net_... as
 * host_shim.c is.
 */
#define _POSIX_C_SOURCE 200809L
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include NET_HEADER

_Noreturn static void fail(const char *what)
{
    fprintf(stderr, "%s\n", what);
    exit(1);
}

static uint8_t *odd_block(size_t size)
{
    uint8_t *const block = malloc(size + 1);
    if (block == NULL) {
        fail("out of memory");
    }
    return block + 1;
}

static uint8_t *arena_filled_with(int pattern)
{
    void *arena = NULL;
    if (posix_memalign(&arena, 16, NET_ARENA_BYTES) != 0) {
        fail("out of memory");
    }
    memset(arena, pattern, NET_ARENA_BYTES);
    return arena;
}

int main(void)
{
    static int8_t values[NET_INPUT_LEN];
    size_t got;
    while ((got = fread(values, 1, sizeof values, stdin)) == sizeof values) {
        uint8_t *const input = odd_block(NET_INPUT_LEN);
        uint8_t *const output = odd_block(NET_OUTPUT_LEN);
        uint8_t *const stepped = odd_block(NET_OUTPUT_LEN);
        uint8_t *const arena = arena_filled_with(0xA5);
        uint8_t *const stepped_arena = arena_filled_with(0x5A);
        memcpy(input, values, NET_INPUT_LEN);

        net_run((const int8_t *)input, (int8_t *)output, arena);
        if (memcmp(input, values, NET_INPUT_LEN) != 0) {
            fail("the network wrote to its input");
        }
        for (uint32_t step = 0; step < NET_STEPS; ++step) {
            net_step(step, (const int8_t *)input, (int8_t *)stepped, stepped_arena);
        }
        if (memcmp(output, stepped, NET_OUTPUT_LEN) != 0) {
            fail("the outputs of run and of the steps differ, or depend on what the arena held before");
        }
        if (fwrite(output, 1, NET_OUTPUT_LEN, stdout) != NET_OUTPUT_LEN) {
            fail("standard output is closed");
        }
        free(input - 1);
        free(output - 1);
        free(stepped - 1);
        free(arena);
        free(stepped_arena);
    }
    if (got != 0) {
        fail("the last input is cut short");
    }
    return 0;
}
