#include "toy.h"

#include "toy_weights.h"

#define TOY_STEP __attribute__((noinline)) static

__attribute__((noinline)) static int32_t dot(const int8_t *weights, const int8_t *values, uint32_t count)
{
    int32_t sum = 0;
    for (uint32_t i = 0; i < count; ++i) {
        sum += weights[i] * values[i];
    }
    return sum;
}

/* Turns the input round. */
TOY_STEP void toy_step_0(const int8_t *input, int8_t *arena)
{
    for (uint32_t i = 0; i < TOY_INPUT_LEN; ++i) {
        arena[i] = input[TOY_INPUT_LEN - 1u - i];
    }
}

TOY_STEP void toy_step_1(int8_t *arena)
{
    for (uint32_t i = 0; i < 32u; ++i) {
        arena[TOY_INPUT_LEN + i] = (int8_t)(dot(toy_weights_1, arena + i, 33u) >> 6);
    }
}

TOY_STEP void toy_step_2(const int8_t *arena, int8_t *output)
{
    for (uint32_t k = 0; k < TOY_OUTPUT_LEN; ++k) {
        output[k] = (int8_t)((toy_bias_2[k] + dot(toy_weights_2 + 32u * k, arena + TOY_INPUT_LEN, 32u)) >> 7);
    }
}

void toy_run(const int8_t input[TOY_INPUT_LEN], int8_t output[TOY_OUTPUT_LEN], uint8_t arena[TOY_ARENA_BYTES])
{
    toy_step_0(input, (int8_t *)arena);
    toy_step_1((int8_t *)arena);
    toy_step_2((const int8_t *)arena, output);
}

#ifdef TOY_TRACE
const struct toy_tensor toy_tensors[TOY_STEPS] = {
    {0, TOY_INPUT_LEN},
    {TOY_INPUT_LEN, 32},
    {0xFFFFFFFFu, TOY_OUTPUT_LEN},
};

void toy_step(uint32_t step, const int8_t *input, int8_t *output, uint8_t *arena)
{
    switch (step) {
    case 0:
        toy_step_0(input, (int8_t *)arena);
        break;
    case 1:
        toy_step_1((int8_t *)arena);
        break;
    default:
        toy_step_2((const int8_t *)arena, output);
        break;
    }
}
#endif
