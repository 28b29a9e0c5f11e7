/**
 * @file
 * Operators over the channels of each position: softmax in integers, and the number of the largest.
 */
#ifndef TB_SOFTMAX_H
#define TB_SOFTMAX_H

#include "tb_arith.h"

/** Positions in rows, contiguous in the input; `output_row_gap` bytes lie between stored output rows. */
struct tb_vectors {
    uint32_t rows, columns;
    uint32_t channels;
    uint32_t output_row_gap;
};

/** `exponentials[d]` is exp(-scale d) 2^15; beyond `last` they are as there. 2^high_bits - 1 is the code of 1. */
struct tb_softmax {
    const uint16_t *exponentials;
    uint32_t last;
    uint32_t high_bits;
};

/** How far `total`, 2^15 .. 2^31 - 1, must be shifted right to fit 16 bits. */
TB_INLINE uint32_t tb_excess_bits(uint32_t total)
{
#if defined(__ARM_FEATURE_CLZ)
    return 16U - (uint32_t)__builtin_clz(total);
#else
    /* By halves; what is not zero has the sign of its negative. */
    uint32_t shift = ((0U - (total >> 23U)) >> 31U) << 3U;
    shift += ((0U - (total >> (shift + 19U))) >> 31U) << 2U;
    shift += ((0U - (total >> (shift + 17U))) >> 31U) << 1U;
    return shift + ((0U - (total >> (shift + 16U))) >> 31U);
#endif
}

/** 2^31 / divisor for a divisor in 2^15 .. 2^16 - 1: two steps of Newton's iteration, without a division. */
TB_INLINE uint32_t tb_reciprocal(uint32_t divisor)
{
    uint32_t guess = 92521U - ((divisor * 30840U) >> 15U);
    guess = (guess * ((0U - divisor * guess) >> 16U)) >> 15U;
    return (guess * ((0U - divisor * guess) >> 16U)) >> 15U;
}

/** The exponential of a code, at its distance from the largest. */
TB_INLINE uint32_t tb_exponential(struct tb_softmax softmax, int32_t distance)
{
    return softmax.exponentials[softmax.last < 255U ? tb_min(distance, (int32_t)softmax.last) : distance];
}

/** Softmax of one vector; may work in place. The sum of the exponentials is below 2^31. */
TB_INLINE void tb_softmax_vector(struct tb_source input, uint8_t *output, uint32_t channels, struct tb_softmax softmax)
{
    int32_t largest = INT8_MIN;
    for (uint32_t i = 0; i < channels; i++) {
        largest = tb_max(largest, tb_load(input, i));
    }
    uint32_t total = 0;
    for (uint32_t i = 0; i < channels; i++) {
        total += tb_exponential(softmax, largest - tb_load(input, i));
    }
    const uint32_t excess = tb_excess_bits(total);
    const uint32_t high = (1U << softmax.high_bits) - 1U;
    const uint32_t factor = (tb_reciprocal(total >> excess) * high) >> softmax.high_bits;
    const uint32_t shift = 23U - softmax.high_bits + excess;
    const uint32_t half = 1U << (shift - 1U);
    for (uint32_t i = 0; i < channels; i++) {
        const uint32_t product = tb_exponential(softmax, largest - tb_load(input, i)) * factor;
        output[i] = (uint8_t)(((product >> 8U) + half) >> shift);
    }
}

/** Softmax over the channels of each position. */
TB_INLINE void tb_softmax(struct tb_source input, uint8_t *output, struct tb_vectors vectors, struct tb_softmax softmax)
{
    for (uint32_t row = 0; row < vectors.rows; row++) {
        for (uint32_t column = 0; column < vectors.columns; column++) {
            tb_softmax_vector(input, output, vectors.channels, softmax);
            input.data += vectors.channels;
            output += vectors.channels;
        }
        output += vectors.output_row_gap;
    }
}

/** The number of the largest channel of each position, the first of equals; there are at most 128. */
TB_INLINE void tb_argmax(struct tb_source input, uint8_t *output, struct tb_vectors vectors)
{
    for (uint32_t row = 0; row < vectors.rows; row++) {
        for (uint32_t column = 0; column < vectors.columns; column++) {
            int32_t largest = tb_load(input, 0);
            uint32_t found = 0;
            for (uint32_t i = 1; i < vectors.channels; i++) {
                const int32_t code = tb_load(input, i);
                const int32_t larger = (largest - code) >> 31; /* all ones if code is larger */
                largest += (code - largest) & larger;
                found ^= (found ^ i) & (uint32_t)larger;
            }
            *output++ = (uint8_t)found;
            input.data += vectors.channels;
        }
        output += vectors.output_row_gap;
    }
}

#endif
