/**
 * @file
 * Fully connected layers: one kernel for each weight format.
 */
#ifndef TB_LINEAR_H
#define TB_LINEAR_H

#include "tb_arith.h"
#include "tb_formats.h"

/** Dense int8: `output[r] = requantize(bias[r] + sum(weights[r][c] * input[c]))`. */
TB_INLINE void tb_linear_dense(struct tb_source input, uint8_t *output, struct tb_dense weights, struct tb_rows rows)
{
    const int8_t *weight = weights.values;
    for (uint32_t row = 0; row < rows.count; row++) {
        int32_t sum = tb_bias(&rows, row);
        uint32_t column = 0;
        for (; column + 4U <= weights.columns; column += 4U) {
            sum += weight[0] * tb_load(input, column);
            sum += weight[1] * tb_load(input, column + 1U);
            sum += weight[2] * tb_load(input, column + 2U);
            sum += weight[3] * tb_load(input, column + 3U);
            weight += 4;
        }
        for (; column < weights.columns; column++) {
            sum += *weight++ * tb_load(input, column);
        }
        output[row] = (uint8_t)tb_requantize(&rows.requant, row, sum);
    }
}

/** Index stream: per row and 256-wide tile a count, then (column in tile, value) for each nonzero. */
TB_INLINE void tb_linear_index(struct tb_source input, uint8_t *output, struct tb_index weights, struct tb_rows rows)
{
    const uint8_t *count = weights.counts;
    const uint8_t *entry = weights.entries;
    for (uint32_t row = 0; row < rows.count; row++) {
        int32_t sum = tb_bias(&rows, row);
        for (uint32_t base = 0; base < weights.columns; base += TB_TILE) {
            const struct tb_source tile = {input.data + base, input.is_signed};
            uint32_t left = *count++;
            for (; left >= 4U; left -= 4U) {
                sum += (int8_t)entry[1] * tb_load(tile, entry[0]);
                sum += (int8_t)entry[3] * tb_load(tile, entry[2]);
                sum += (int8_t)entry[5] * tb_load(tile, entry[4]);
                sum += (int8_t)entry[7] * tb_load(tile, entry[6]);
                entry += 8;
            }
            for (; left > 0U; left--) {
                sum += (int8_t)entry[1] * tb_load(tile, entry[0]);
                entry += 2;
            }
        }
        output[row] = (uint8_t)tb_requantize(&rows.requant, row, sum);
    }
}

/** Pairs of column and value: the portable twin of straight-line code. */
TB_INLINE void tb_linear_pairs(struct tb_source input, uint8_t *output, struct tb_pairs weights, struct tb_rows rows)
{
    for (uint32_t row = 0; row < rows.count; row++) {
        int32_t sum = tb_bias(&rows, row);
        for (uint32_t left = weights.counts[row]; left > 0U; left--) {
            sum += *weights.values++ * tb_load(input, *weights.columns++);
        }
        output[row] = (uint8_t)tb_requantize(&rows.requant, row, sum);
    }
}

/** Huffman: gaps and values are decoded between the products; the row ends where the column runs past it. */
TB_INLINE void tb_linear_huffman(struct tb_source input, uint8_t *output, struct tb_huffman weights,
                                 struct tb_rows rows)
{
    struct tb_huffman_cursor cursor = tb_huffman_first(&weights);
    for (uint32_t row = 0; row < rows.count; row++) {
        int32_t sum = tb_bias(&rows, row);
        while (cursor.column < weights.columns) {
            sum += cursor.value * tb_load(input, cursor.column);
            tb_huffman_next(&weights, &cursor);
        }
        cursor.column -= weights.columns;
        output[row] = (uint8_t)tb_requantize(&rows.requant, row, sum);
    }
}

#endif
