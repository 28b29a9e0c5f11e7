#include "toy.h"

#include "toy_weights.h"

/* Step 0 turns the input round, step 1 adds neighbours, step 2 sums by weight modulo 256. */
void toy_step_0(const int8_t *input, uint8_t *arena);
void toy_step_1(uint8_t *arena);
void toy_step_2(const uint8_t *arena, int8_t *output);

void toy_step_0(const int8_t *input, uint8_t *arena)
{
    for (uint32_t i = 0; i < TOY_INPUT_LEN; ++i) {
        arena[i] = (uint8_t)input[TOY_INPUT_LEN - 1u - i];
    }
}

void toy_step_1(uint8_t *arena)
{
    for (uint32_t i = 0; i + 1u < TOY_INPUT_LEN; ++i) {
        arena[TOY_INPUT_LEN + i] = (uint8_t)(arena[i] + arena[i + 1u]);
    }
}

void toy_step_2(const uint8_t *arena, int8_t *output)
{
    for (uint32_t k = 0; k < TOY_OUTPUT_LEN; ++k) {
        uint32_t sum = 0;
        for (uint32_t i = 0; i + 1u < TOY_INPUT_LEN; ++i) {
            sum += toy_weights[k] * arena[TOY_INPUT_LEN + i] + i * k;
        }
        output[k] = (int8_t)(uint8_t)(sum & 0xFFu);
    }
}

void toy_run(const int8_t input[TOY_INPUT_LEN], int8_t output[TOY_OUTPUT_LEN], uint8_t arena[TOY_ARENA_BYTES])
{
    toy_step_0(input, arena);
    toy_step_1(arena);
    toy_step_2(arena, output);
}

#ifdef TOY_TRACE
const struct toy_tensor toy_tensors[TOY_STEPS] = {
    {0, TOY_INPUT_LEN},
    {TOY_INPUT_LEN, TOY_INPUT_LEN - 1},
    {0xFFFFFFFFu, TOY_OUTPUT_LEN},
};

void toy_step(uint32_t step, const int8_t *input, int8_t *output, uint8_t *arena)
{
    switch (step) {
    case 0:
        toy_step_0(input, arena);
        break;
    case 1:
        toy_step_1(arena);
        break;
    default:
        toy_step_2(arena, output);
        break;
    }
}
#endif
