/** A network of the generated libraries' contract, written by hand: three steps on 300 elements. */
#ifndef TOY_H
#define TOY_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define TOY_INPUT_LEN 300
#define TOY_OUTPUT_LEN 7
#define TOY_ARENA_BYTES 600

void toy_run(const int8_t input[TOY_INPUT_LEN], int8_t output[TOY_OUTPUT_LEN], uint8_t arena[TOY_ARENA_BYTES]);

#ifdef TOY_TRACE
#define TOY_STEPS 3
void toy_step(uint32_t step, const int8_t *input, int8_t *output, uint8_t *arena);
extern const struct toy_tensor {
    uint32_t offset, length;
} toy_tensors[TOY_STEPS];
#endif

#ifdef __cplusplus
}
#endif

#endif
