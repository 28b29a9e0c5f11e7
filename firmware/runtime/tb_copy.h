/**
 * @file
 * Copies a block of elements into another memory order.
 */
#ifndef TB_COPY_H
#define TB_COPY_H

#include "tb_arith.h"

/** Three nested loops, the innermost last: how often each runs, and by how many bytes it moves. */
struct tb_block {
    uint32_t counts[3];
    uint32_t input_strides[3];
    uint32_t output_strides[3];
};

/** `rows` of `row_bytes`, `row_stride` bytes apart, which are filled with one byte. */
struct tb_frame {
    uint32_t rows;
    uint32_t row_bytes;
    uint32_t row_stride;
    uint32_t code;
};

/** Fills rows with one code. */
TB_INLINE void tb_fill(uint8_t *output, struct tb_frame frame)
{
    for (uint32_t row = 0; row < frame.rows; row++) {
        for (uint32_t i = 0; i < frame.row_bytes; i++) {
            output[i] = (uint8_t)frame.code;
        }
        output += frame.row_stride;
    }
}

/** Copies a block; with `requant` each code is requantized as an accumulator. */
TB_INLINE void tb_copy(struct tb_source input, uint8_t *output, struct tb_block block, const struct tb_requant *requant)
{
    for (uint32_t i = 0; i < block.counts[0]; i++) {
        for (uint32_t j = 0; j < block.counts[1]; j++) {
            struct tb_source from = {input.data + i * block.input_strides[0] + j * block.input_strides[1],
                                     input.is_signed};
            uint8_t *to = output + i * block.output_strides[0] + j * block.output_strides[1];
            for (uint32_t k = 0; k < block.counts[2]; k++) {
                *to = requant != NULL ? (uint8_t)tb_requantize(requant, 0, tb_load(from, 0)) : *from.data;
                from.data += block.input_strides[2];
                to += block.output_strides[2];
            }
        }
    }
}

#endif
