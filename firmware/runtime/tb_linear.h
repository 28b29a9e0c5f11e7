/**
 * @file
 * Fully connected layers: one kernel for each weight format.
 */
#ifndef TB_LINEAR_H
#define TB_LINEAR_H

#include "tb_arith.h"
#include "tb_formats.h"
#include "tb_huffman.h"
#include "tb_linear_blocks.h"
#include "tb_linear_delta.h"
#include "tb_linear_dense.h"
#include "tb_linear_grouped.h"
#include "tb_linear_index.h"

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
