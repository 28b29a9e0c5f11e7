/**
 * @file
 * Pooling over windows that differ: at borders, with padding, or because sizes do not divide.
 */
#ifndef TB_SPANS_H
#define TB_SPANS_H

#include "tb_arith.h"

/** Windows as pairs (first position, size) for every output row and column. The classes are NULL where all are one. */
struct tb_spans {
    const uint16_t *rows, *columns;
    const uint8_t *row_classes, *column_classes; /**< their sum numbers the multiplier of a mean */
    uint32_t height, width;                      /**< of the output */
    uint32_t channels;
    uint32_t input_row_bytes;
    uint32_t output_row_gap; /**< bytes between the end of a stored output row and the next */
};

/** The maximum of each window, or the sum of its codes requantized when `average` is given. */
TB_INLINE void tb_pool_spans(struct tb_source input, uint8_t *output, struct tb_spans spans,
                             const struct tb_requant *average)
{
    for (uint32_t y = 0; y < spans.height; y++) {
        const uint32_t first_row = spans.rows[2U * y] * spans.input_row_bytes;
        const uint32_t row_count = spans.rows[2U * y + 1U];
        for (uint32_t x = 0; x < spans.width; x++) {
            const uint32_t first = first_row + spans.columns[2U * x] * spans.channels;
            const uint32_t column_bytes = spans.columns[2U * x + 1U] * spans.channels;
            const uint32_t divisor =
                spans.row_classes != NULL ? (uint32_t)spans.row_classes[y] + spans.column_classes[x] : 0U;
            for (uint32_t channel = 0; channel < spans.channels; channel++) {
                int32_t value = average != NULL ? 0 : INT8_MIN;
                uint32_t row = first + channel;
                for (uint32_t i = 0; i < row_count; i++) {
                    for (uint32_t j = 0; j < column_bytes; j += spans.channels) {
                        const int32_t code = tb_load(input, row + j);
                        value = average != NULL ? value + code : tb_max(value, code);
                    }
                    row += spans.input_row_bytes;
                }
                *output++ = (uint8_t)(average != NULL ? tb_requantize(average, divisor, value) : value);
            }
        }
        output += spans.output_row_gap;
    }
}

#endif
