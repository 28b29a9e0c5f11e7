/**
 * @file
 * Operators without weights: pooling on its own, dropping unread inputs, and zero margins.
 */
#ifndef TB_MAP_H
#define TB_MAP_H

#include "tb_arith.h"

/** A stored map: `height` rows of `row_bytes`, with margins around them that a padded convolution reads as zero. */
struct tb_layout {
    uint32_t height;
    uint32_t row_bytes;
    uint32_t top, bottom;             /**< margin rows */
    uint32_t left_bytes, right_bytes; /**< margin bytes of each row */
};

/** Geometry of a pooling that is not fused; strides and windows in rows and columns of the input. */
struct tb_pool {
    uint32_t input_row_bytes;
    uint32_t channels;
    uint32_t window_height, window_width;
    uint32_t stride_height, stride_width;
    uint32_t height, width;  /**< of the output */
    uint32_t output_row_gap; /**< bytes between the end of a stored output row and the next */
};

/** First stored element of a map inside its margins. */
TB_INLINE uint32_t tb_layout_origin(struct tb_layout layout)
{
    return layout.top * (layout.left_bytes + layout.row_bytes + layout.right_bytes) + layout.left_bytes;
}

/** Fills the margins with zero. */
TB_INLINE void tb_zero_margins(uint8_t *map, struct tb_layout layout)
{
    const uint32_t stride = layout.left_bytes + layout.row_bytes + layout.right_bytes;
    for (uint32_t i = 0; i < layout.top * stride; i++) {
        *map++ = 0;
    }
    for (uint32_t row = 0; row < layout.height; row++) {
        for (uint32_t i = 0; i < layout.left_bytes; i++) {
            map[i] = 0;
        }
        map += layout.left_bytes + layout.row_bytes;
        for (uint32_t i = 0; i < layout.right_bytes; i++) {
            map[i] = 0;
        }
        map += layout.right_bytes;
    }
    for (uint32_t i = 0; i < layout.bottom * stride; i++) {
        *map++ = 0;
    }
}

/** Copies a map between zero margins. */
TB_INLINE void tb_pad(const uint8_t *input, uint8_t *output, struct tb_layout layout)
{
    tb_zero_margins(output, layout);
    output += tb_layout_origin(layout);
    for (uint32_t row = 0; row < layout.height; row++) {
        for (uint32_t i = 0; i < layout.row_bytes; i++) {
            output[i] = input[i];
        }
        input += layout.row_bytes;
        output += layout.row_bytes + layout.left_bytes + layout.right_bytes;
    }
}

/** Keeps some elements: `runs` holds pairs of bytes (how many to skip, how many to take). */
TB_INLINE void tb_select(const uint8_t *input, uint8_t *output, const uint8_t *runs, uint32_t run_count)
{
    for (uint32_t run = 0; run < run_count; run++) {
        input += runs[0];
        for (uint32_t left = runs[1]; left > 0U; left--) {
            *output++ = *input++;
        }
        runs += 2;
    }
}

/** Pooling over windows without padding: the maximum, or the sum of codes requantized when `average` is given. */
TB_INLINE void tb_pool(struct tb_source input, uint8_t *output, struct tb_pool pool, const struct tb_requant *average)
{
    for (uint32_t y = 0; y < pool.height; y++) {
        for (uint32_t x = 0; x < pool.width; x++) {
            const uint32_t origin =
                y * pool.stride_height * pool.input_row_bytes + x * pool.stride_width * pool.channels;
            for (uint32_t channel = 0; channel < pool.channels; channel++) {
                int32_t value = average != NULL ? 0 : INT8_MIN;
                for (uint32_t i = 0; i < pool.window_height; i++) {
                    for (uint32_t j = 0; j < pool.window_width; j++) {
                        const int32_t code =
                            tb_load(input, origin + i * pool.input_row_bytes + j * pool.channels + channel);
                        value = average != NULL ? value + code : tb_max(value, code);
                    }
                }
                *output++ = (uint8_t)(average != NULL ? tb_requantize(average, channel, value) : value);
            }
        }
        output += pool.output_row_gap;
    }
}

#endif
