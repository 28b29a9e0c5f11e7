/**
 * @file
 * A factor and an offset for each channel. It may work in place.
 */
#ifndef TB_AFFINE_H
#define TB_AFFINE_H

#include "tb_softmax.h"

/** By channel; see the reference for the definition. */
struct tb_affine {
    const int16_t *multipliers;
    const int32_t *offsets;
    uint32_t shift;
    int32_t low;
    int32_t high;
};

/** `(code * multiplier + offset) >> shift`, clamped. */
TB_INLINE void tb_affine(struct tb_source input, uint8_t *output, struct tb_vectors vectors, struct tb_affine affine)
{
    for (uint32_t row = 0; row < vectors.rows; row++) {
        for (uint32_t column = 0; column < vectors.columns; column++) {
            for (uint32_t channel = 0; channel < vectors.channels; channel++) {
                const int32_t sum = tb_load(input, channel) * affine.multipliers[channel] + affine.offsets[channel];
                *output++ = (uint8_t)tb_shift_clamp(sum, affine.shift, affine.low, affine.high);
            }
            input.data += vectors.channels;
        }
        output += vectors.output_row_gap;
    }
}

#endif
