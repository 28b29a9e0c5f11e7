/**
 * @file cells_judge.c
 * @brief Runs a cell and compares each output with what it must be.
 */
#include "cells.h"

/** @brief Where the codes of a sample's input stand. */
struct codes {
    uint32_t sample;
    uint32_t state;
    uint32_t count;
};

/** @brief All codes lowest, all highest, then what xorshift32 (Marsaglia 2003) makes of the number of the sample. */
static int8_t next_code(struct codes *codes)
{
    if (codes->count % 4u == 0u) {
        codes->state ^= codes->state << 13;
        codes->state ^= codes->state >> 17;
        codes->state ^= codes->state << 5;
    }
    const int8_t extreme = codes->sample == 0u ? INT8_MIN : INT8_MAX;
    const int8_t random = (int8_t)(uint8_t)(codes->state >> (8u * (codes->count++ % 4u)));
    return codes->sample < 2u ? extreme : random;
}

static void say_number(int32_t value)
{
    char digits[12];
    uint32_t left = value < 0 ? 0u - (uint32_t)value : (uint32_t)value;
    uint32_t at = sizeof digits - 1u;
    digits[at] = '\0';
    do {
        digits[--at] = (char)('0' + left % 10u);
        left /= 10u;
    } while (left != 0u);
    place_say(value < 0 ? " -" : " ");
    place_say(digits + at);
}

static bool is_exact(const struct cell *cell, uint32_t sample)
{
    const uint8_t pattern = sample % 2u == 0u ? 0xA5u : 0x5Au;
    const struct arrays arrays = place_arrays(cell, pattern);
    const int8_t *const expected = cell->expected + sample * cell->output_len;
    struct codes codes = {sample, sample + 1u, 0};
    for (uint32_t i = 0; i < cell->input_len; ++i) {
        arrays.input[i] = next_code(&codes);
    }
    cell->run(arrays.input, arrays.output, arrays.arena);
    for (uint32_t i = 0; i < cell->output_len; ++i) {
        if (arrays.output[i] != expected[i]) {
            place_say(" sample");
            say_number((int32_t)sample);
            place_say(" index");
            say_number((int32_t)i);
            place_say(": expected");
            say_number(expected[i]);
            place_say(", got");
            say_number(arrays.output[i]);
            return false;
        }
    }
    codes = (struct codes){sample, sample + 1u, 0};
    for (uint32_t i = 0; i < cell->input_len; ++i) {
        if (arrays.input[i] != next_code(&codes)) {
            place_say(" wrote to its input");
            return false;
        }
    }
    if (!place_is_intact(cell, arrays, pattern)) {
        place_say(" wrote around its arrays");
        return false;
    }
    return true;
}

void cell_judge(uint32_t number)
{
    place_say("\ncell");
    say_number((int32_t)number);
    bool exact = true;
    for (uint32_t sample = 0; sample < cells_samples && exact; ++sample) {
        exact = is_exact(cells + number, sample);
    }
    if (exact) {
        place_say(" exact");
    }
}
