/**
 * @file host_shim.c
 * @brief Gives a generated network library fixed names, so that Python can call it without knowing its own.
 *
 * Compiled with NET_HEADER (quoted), NET_... for the header's constants and net_... for its functions.
 */
#include <stdint.h>

#include NET_HEADER

extern const uint32_t host_dimensions[4];
void host_tensor(uint32_t step, uint32_t offset_and_length[2]);
void host_run(const int8_t *input, int8_t *output, uint8_t *arena);
void host_step(uint32_t step, const int8_t *input, int8_t *output, uint8_t *arena);

const uint32_t host_dimensions[4] = {NET_INPUT_LEN, NET_OUTPUT_LEN, NET_ARENA_BYTES, NET_STEPS};

void host_tensor(uint32_t step, uint32_t offset_and_length[2])
{
    offset_and_length[0] = net_tensors[step].offset;
    offset_and_length[1] = net_tensors[step].length;
}

void host_run(const int8_t *input, int8_t *output, uint8_t *arena)
{
    net_run(input, output, arena);
}

void host_step(uint32_t step, const int8_t *input, int8_t *output, uint8_t *arena)
{
    net_step(step, input, output, arena);
}
