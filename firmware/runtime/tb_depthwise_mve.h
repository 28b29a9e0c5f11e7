/**
 * @file
 * Depthwise convolution on cores with vectors (MVE): eight neighbouring outputs, each of a channel of its own, at two
 * output positions or at one.
 *
 * Products of 16-bit lanes are formed for lanes of even and of odd number apart, and so are sums and codes, which are
 * put together at the end. The bits are those of `tb_depthwise_one`.
 */
#ifndef TB_DEPTHWISE_MVE_H
#define TB_DEPTHWISE_MVE_H

#include "tb_arith.h"

#if defined(__ARM_FEATURE_MVE) && (__ARM_FEATURE_MVE & 1)
#include <arm_mve.h>

/** The weights of the first of eight outputs, and where kernel positions lie from its channel on. */
struct tb_mve_taps {
    const int8_t *values;
    uint32_t outputs; /**< from one kernel position's weights to the next one's */
    uint32_t height, width;
    uint32_t down, right;
    uint32_t apart; /**< from the field of one output position to that of the next */
};

/** The farthest that a load of bytes reaches, and that it moves its base. */
#define TB_MVE_REACH 127U

/** Even and odd lanes of eight numbers. */
struct tb_mve_halves {
    int32x4_t even, odd;
};

/** Biases of every second row from `row` on. */
TB_INLINE int32x4_t tb_mve_second_biases(const struct tb_rows *rows, uint32_t row, uint32x4_t second)
{
    int32x4_t bias;
    if (rows->bias8 != NULL) {
        bias = vldrbq_gather_offset_s32(rows->bias8 + row, second);
    } else if (rows->bias16 != NULL) {
        bias = vldrhq_gather_shifted_offset_s32(rows->bias16 + row, second);
    } else {
        bias = vldrwq_gather_shifted_offset_s32(rows->bias32 + row, second);
    }
    return rows->bias_shift != 0U ? vshlq_r_s32(bias, (int32_t)rows->bias_shift) : bias;
}

/** Multipliers of every second row from `row` on. */
TB_INLINE int32x4_t tb_mve_second_multipliers(const struct tb_requant *requant, uint32_t row, uint32x4_t second)
{
    return requant->multipliers != NULL ? vldrhq_gather_shifted_offset_s32(requant->multipliers + row, second)
                                        : vdupq_n_s32(requant->multiplier);
}

/** Codes before their clamp. */
TB_INLINE int32x4_t tb_mve_scale(const struct tb_requant *requant, int32x4_t value, int32x4_t multipliers)
{
    if (requant->pre_shift != 0U) {
        value = vshlq_r_s32(value, -(int32_t)requant->pre_shift);
    }
    if (requant->saturate) {
        value = vmaxq_s32(vminq_s32(value, vdupq_n_s32(INT16_MAX)), vdupq_n_s32(INT16_MIN));
    }
    return vrshlq_n_s32(vmulq_s32(value, multipliers), -(int32_t)requant->post_shift);
}

/** Stores eight codes: narrowed with saturation, which changes none that the clamp would not. */
TB_INLINE void tb_mve_store(const struct tb_requant *requant, struct tb_mve_halves codes, uint8_t *output)
{
    int16x8_t narrow = vqmovnbq_s32(vdupq_n_s16(0), codes.even);
    narrow = vqmovntq_s32(narrow, codes.odd);
    narrow = vmaxq_s16(narrow, vdupq_n_s16((int16_t)requant->low));
    narrow = vminq_s16(narrow, vdupq_n_s16((int16_t)requant->high));
    vstrbq_s16((int8_t *)output, narrow);
}

/** Eight channels of one field by the weights in q0. */
#define TB_MVE_TAP(even, odd)                   \
    "vmullb.s16 q2, q0, q1\n\t"                 \
    "vmullt.s16 q1, q0, q1\n\t"                 \
    "vadd.i32 %q[" even "], %q[" even "], q2\n" \
    "vadd.i32 %q[" odd "], %q[" odd "], q1\n\t"

#define TB_MVE_ONE(type, next)                                                                        \
    __asm__ volatile("vldrb.s16 q0, [%[w]]" next("outputs") "vldrb." type " q1, [%[x]]" next("right") \
                         TB_MVE_TAP("e0", "o0")                                                       \
                     : [w] "+l"(w), [x] "+l"(x), [e0] "+w"(a->even), [o0] "+w"(a->odd)                \
                     : [outputs] "i"(outputs), [right] "i"(right)                                     \
                     : "q0", "q1", "q2", "memory")

#define TB_MVE_TWO(type, next)                                                                                   \
    __asm__ volatile(                                                                                            \
        "vldrb.s16 q0, [%[w]]" next("outputs") "vldrb." type " q1, [%[x], %[apart]]\n\t" TB_MVE_TAP(             \
            "e1", "o1") "vldrb." type " q1, [%[x]]" next("right") TB_MVE_TAP("e0", "o0")                         \
        : [w] "+l"(w), [x] "+l"(x), [e0] "+w"(a->even), [o0] "+w"(a->odd), [e1] "+w"(b->even), [o1] "+w"(b->odd) \
        : [outputs] "i"(outputs), [right] "i"(right), [apart] "i"(taps->apart)                                   \
        : "q0", "q1", "q2", "memory")

#define TB_MVE_STEP(distance) ", %[" distance "]\n\t"
#define TB_MVE_STAY(distance) "\n\t"

/** All kernel positions at one output position, or at two where `b` is not NULL. */
TB_INLINE void tb_mve_taps(const struct tb_mve_taps *taps, struct tb_source field, struct tb_mve_halves *a,
                           struct tb_mve_halves *b)
{
    const uint32_t outputs = taps->outputs;
    const uint32_t right = taps->right;
    const bool near = outputs <= TB_MVE_REACH && right <= TB_MVE_REACH;
    const int8_t *w = taps->values;
    const uint8_t *x = field.data;
#pragma GCC unroll 5
    for (uint32_t row = 0; row < taps->height; row++) {
#pragma GCC unroll 5
        for (uint32_t column = 0; column < taps->width; column++) {
            if (b != NULL && near && field.is_signed) {
                TB_MVE_TWO("s16", TB_MVE_STEP);
            } else if (b != NULL && near) {
                TB_MVE_TWO("u16", TB_MVE_STEP);
            } else if (near && field.is_signed) {
                TB_MVE_ONE("s16", TB_MVE_STEP);
            } else if (near) {
                TB_MVE_ONE("u16", TB_MVE_STEP);
            } else if (field.is_signed) {
                TB_MVE_ONE("s16", TB_MVE_STAY);
            } else {
                TB_MVE_ONE("u16", TB_MVE_STAY);
            }
            if (!near) {
                w += outputs;
                x += right;
            }
        }
        x += taps->down - taps->width * right;
    }
}

/** Whether two output positions can be taken at once. */
TB_INLINE bool tb_mve_takes_two(const struct tb_mve_taps *taps)
{
    return taps->outputs <= TB_MVE_REACH && taps->right <= TB_MVE_REACH && taps->apart <= TB_MVE_REACH;
}

/** Eight outputs from `row` on at one position, or at two; `field` starts with the first one's channel. */
TB_INLINE void tb_mve_depthwise(const struct tb_mve_taps *taps, const struct tb_rows *rows, uint32_t row,
                                struct tb_source field, uint8_t *output, bool two)
{
    const struct tb_requant *requant = &rows->requant;
    const uint32x4_t second = vidupq_n_u32(0, 2);
    struct tb_mve_halves a = {tb_mve_second_biases(rows, row, second), tb_mve_second_biases(rows, row + 1U, second)};
    struct tb_mve_halves b = a;
    tb_mve_taps(taps, field, &a, two ? &b : NULL);
    const int32x4_t even = tb_mve_second_multipliers(requant, row, second);
    const int32x4_t odd = tb_mve_second_multipliers(requant, row + 1U, second);
    a = (struct tb_mve_halves){tb_mve_scale(requant, a.even, even), tb_mve_scale(requant, a.odd, odd)};
    tb_mve_store(requant, a, output + row);
    if (two) {
        b = (struct tb_mve_halves){tb_mve_scale(requant, b.even, even), tb_mve_scale(requant, b.odd, odd)};
        tb_mve_store(requant, b, output + rows->count + row);
    }
}

#endif

#endif
