/**
 * @file
 * Pre-activations of the gates of recurrent operators: rows of a matrix times an operand of 8 or 16 bits.
 */
#ifndef TB_GATES_H
#define TB_GATES_H

#include "tb_arith.h"
#include "tb_formats.h"
#include "tb_huffman.h"
#include "tb_linear_dense.h"
#include "tb_linear_index.h"

/** What a matrix is multiplied with: codes, or the high bytes of 16-bit codes whose low bytes are `low`. */
struct tb_operand {
    struct tb_source source;
    const uint8_t *low;
};

/**
 * Where pre-activations go: 16-bit codes, one for each row.
 *
 * With `add`, those of the first `summed` rows are added to what is there, and saturated; those of the others are
 * stored in `held` on their own.
 */
struct tb_gates {
    int16_t *codes;
    int16_t *held;
    uint32_t summed;
    bool add;
};

/** Stores the pre-activation of a row. */
TB_INLINE void tb_gate(struct tb_gates gates, const struct tb_rows *rows, uint32_t row, int32_t sum)
{
    const int32_t code = tb_requantize(&rows->requant, row, sum);
    if (!gates.add) {
        gates.codes[row] = (int16_t)code;
    } else if (row < gates.summed) {
        gates.codes[row] = (int16_t)tb_clamp(gates.codes[row] + code, INT16_MIN, INT16_MAX);
    } else {
        gates.held[row - gates.summed] = (int16_t)code;
    }
}

/** Four rows of dense weights, columns by columns or by fours. */
TB_INLINE void tb_gates_four(struct tb_source source, struct tb_dense weights, const int8_t *weight, int32_t sums[4])
{
    if (weights.by_fours) {
        (void)tb_dense_four(source, weight, weights.columns, sums);
    } else {
        tb_dense_four_rows(source, weight, weights.columns, sums);
    }
}

/** Dense int8. */
TB_INLINE void tb_gates_dense(struct tb_operand operand, struct tb_gates gates, struct tb_dense weights,
                              const struct tb_rows *rows)
{
    const struct tb_source low = {operand.low, false};
    const uint32_t stride = weights.by_fours ? (weights.columns + 3U) / 4U * 4U : weights.columns;
    const int8_t *weight = weights.values;
    uint32_t row = 0;
    for (; row + 4U <= rows->count; row += 4U) {
        int32_t sums[4] = {0, 0, 0, 0};
        if (operand.low != NULL) {
            tb_gates_four(operand.source, weights, weight, sums);
        }
        for (uint32_t i = 0; i < 4U; i++) {
            sums[i] = sums[i] * 256 + tb_bias(rows, row + i);
        }
        tb_gates_four(operand.low != NULL ? low : operand.source, weights, weight, sums);
        for (uint32_t i = 0; i < 4U; i++) {
            tb_gate(gates, rows, row + i, sums[i]);
        }
        weight += 4U * stride;
    }
    for (; row < rows->count; row++) {
        int32_t sum = 0;
        if (operand.low != NULL) {
            sum = tb_dense_row(operand.source, weight, weights.columns, 0) * 256;
        }
        sum += tb_bias(rows, row);
        sum = tb_dense_row(operand.low != NULL ? low : operand.source, weight, weights.columns, sum);
        tb_gate(gates, rows, row, sum);
        weight += stride;
    }
}

/** One row of an index stream; moves `count` and `word` behind it. */
TB_INLINE int32_t tb_gates_index_row(struct tb_source source, uint32_t columns, const uint8_t **count,
                                     const uint32_t **word, int32_t sum)
{
    for (uint32_t base = 0; base < columns; base += TB_TILE) {
        const struct tb_source tile = {source.data + base, source.is_signed};
        sum = tb_index_sum(tile, word, *(*count)++, sum);
    }
    return sum;
}

/** Index stream, two nonzeros a word. */
TB_INLINE void tb_gates_index(struct tb_operand operand, struct tb_gates gates, struct tb_index_words weights,
                              const struct tb_rows *rows)
{
    const struct tb_source low = {operand.low, false};
    const uint8_t *count = weights.counts;
    const uint32_t *word = weights.words;
    for (uint32_t row = 0; row < rows->count; row++) {
        int32_t sum = 0;
        if (operand.low != NULL) {
            const uint8_t *count_again = count;
            const uint32_t *word_again = word;
            sum = tb_gates_index_row(operand.source, weights.columns, &count_again, &word_again, 0) * 256;
        }
        sum += tb_bias(rows, row);
        sum = tb_gates_index_row(operand.low != NULL ? low : operand.source, weights.columns, &count, &word, sum);
        tb_gate(gates, rows, row, sum);
    }
}

/** Huffman: every code is read once, its weight multiplied with all bits of the operand. */
TB_INLINE void tb_gates_huffman(struct tb_operand operand, struct tb_gates gates, struct tb_huffman weights,
                                const struct tb_rows *rows)
{
    struct tb_huffman_cursor cursor = tb_huffman_first(&weights);
    for (uint32_t row = 0; row < rows->count; row++) {
        int32_t sum = tb_bias(rows, row);
        while (cursor.column < weights.columns) {
            int32_t code = tb_load(operand.source, cursor.column);
            if (operand.low != NULL) {
                code = code * 256 + operand.low[cursor.column];
            }
            sum += cursor.value * code;
            tb_huffman_next(&weights, &cursor);
        }
        cursor.column -= weights.columns;
        tb_gate(gates, rows, row, sum);
    }
}

#endif
