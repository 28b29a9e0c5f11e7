/**
 * @file
 * Operators on two tensors, element by element. The output may lie on the first input, or on the second where that is
 * not spread.
 */
#ifndef TB_JOIN_H
#define TB_JOIN_H

#include "tb_arith.h"

/**
 * `rows` of `columns` groups of `elements`, contiguous in the inputs. With `spread` the second input is one group,
 * which is used again for every one of the first. `output_row_gap` bytes lie between stored output rows.
 */
struct tb_join {
    uint32_t rows;
    uint32_t columns;
    uint32_t elements;
    bool spread;
    uint32_t output_row_gap;
};

/** A sum of two codes, each with a 16-bit multiplier, rounded once; see the reference for its definition. */
struct tb_sum {
    int32_t a, b; /**< multipliers */
    uint32_t shift;
    int32_t low;
    int32_t high;
};

/** Weighted sums of two tensors. */
TB_INLINE void tb_add(struct tb_source a, struct tb_source b, uint8_t *output, struct tb_join join, struct tb_sum sum)
{
    int32_t half = (int32_t)(1U << (sum.shift - 1U));
#if defined(__OPTIMIZE__) && defined(__ARM_ARCH_6M__)
    /* A product takes one instruction if gcc does not know a factor; else it writes out a dozen shifts and sums. */
    __asm__("" : "+r"(sum.a), "+r"(sum.b), "+r"(half));
#endif
    for (uint32_t row = 0; row < join.rows; row++) {
        for (uint32_t column = 0; column < join.columns; column++) {
            for (uint32_t i = 0; i < join.elements; i++) {
                const int32_t total = tb_load(a, i) * sum.a + tb_load(b, i) * sum.b + half;
                *output++ = (uint8_t)tb_shift_clamp(total, sum.shift, sum.low, sum.high);
            }
            a.data += join.elements;
            b.data += join.spread ? 0U : join.elements;
        }
        output += join.output_row_gap;
    }
}

/** Products of two tensors: each product of two codes is requantized as an accumulator. */
TB_INLINE void tb_multiply(struct tb_source a, struct tb_source b, uint8_t *output, struct tb_join join,
                           const struct tb_requant *requant)
{
    for (uint32_t row = 0; row < join.rows; row++) {
        for (uint32_t column = 0; column < join.columns; column++) {
            for (uint32_t i = 0; i < join.elements; i++) {
                *output++ = (uint8_t)tb_requantize(requant, 0, tb_load(a, i) * tb_load(b, i));
            }
            a.data += join.elements;
            b.data += join.spread ? 0U : join.elements;
        }
        output += join.output_row_gap;
    }
}

#endif
