/**
 * @file
 * Pooling and requantization of four rows at once on cores with vectors (MVE): the bits of `tb_pooling.h`.
 */
#ifndef TB_POOLING_MVE_H
#define TB_POOLING_MVE_H

#include "tb_pooling.h"

#if defined(__ARM_FEATURE_MVE)

#include <arm_mve.h>

/** Four neighbouring rows of a layer. */
struct tb_four {
    uint32_t row;
    int32x4_t bias;
};

/** The four rows from `row` on. */
TB_INLINE struct tb_four tb_four_rows(const struct tb_rows *rows, uint32_t row)
{
    int32x4_t bias;
    if (rows->bias8 != NULL) {
        bias = vldrbq_s32(rows->bias8 + row);
    } else if (rows->bias16 != NULL) {
        bias = vldrhq_s32(rows->bias16 + row);
    } else {
        bias = vldrwq_s32(rows->bias32 + row);
    }
    if (rows->bias_shift != 0U) {
        bias = vshlq_r_s32(bias, (int32_t)rows->bias_shift);
    }
    return (struct tb_four){row, bias};
}

/** Codes of accumulators. The rounding of the last shift adds half of its unit, as `tb_requantize` does. */
TB_INLINE int32x4_t tb_four_requantize(const struct tb_requant *requant, const struct tb_four *four, int32x4_t value)
{
    value = vshlq_r_s32(value, -(int32_t)requant->pre_shift);
    if (requant->saturate) {
        value = vmaxq_s32(vminq_s32(value, vdupq_n_s32(INT16_MAX)), vdupq_n_s32(INT16_MIN));
    }
    if (requant->multipliers != NULL) {
        value = vmulq_s32(value, vldrhq_s32(requant->multipliers + four->row));
    } else {
        value = vmulq_n_s32(value, requant->multiplier);
    }
    value = vrshlq_n_s32(value, -(int32_t)requant->post_shift);
    return vmaxq_s32(vminq_s32(value, vdupq_n_s32(requant->high)), vdupq_n_s32(requant->low));
}

/** As `tb_pooling_take`. */
TB_INLINE int32x4_t tb_four_take(const struct tb_pooling *pooling, const struct tb_rows *rows,
                                 const struct tb_four *four, int32x4_t value, int32x4_t sum)
{
    if (pooling->average) {
        return vaddq_s32(value, tb_four_requantize(&rows->requant, four, vaddq_s32(sum, four->bias)));
    }
    return vmaxq_s32(value, sum);
}

/** As `tb_pooling_code`, and stores the codes. */
TB_INLINE void tb_four_store(const struct tb_pooling *pooling, const struct tb_rows *rows, const struct tb_four *four,
                             int32x4_t value, uint8_t *target)
{
    int32x4_t code;
    if (pooling->average) {
        code = tb_four_requantize(&pooling->pool_requant, four, value);
    } else {
        code = tb_four_requantize(&rows->requant, four, vaddq_s32(value, four->bias));
    }
    vstrbq_s32((int8_t *)target + four->row, code);
}

/** As `tb_pooling_four`, for four rows; `sums` are those of the four positions. */
TB_INLINE void tb_four_windows(const struct tb_pooling *pooling, const struct tb_rows *rows, const struct tb_four *four,
                               int32_t sums[4][4], uint8_t *const targets[4])
{
    const uint32_t size = pooling->window_height * pooling->window_width;
    for (uint32_t window = 0; window < 4U / size; window++) {
        int32x4_t value = pooling->average ? vdupq_n_s32(0) : vldrwq_s32(sums[window * size]);
        for (uint32_t position = pooling->average ? 0U : 1U; position < size; position++) {
            value = tb_four_take(pooling, rows, four, value, vldrwq_s32(sums[window * size + position]));
        }
        tb_four_store(pooling, rows, four, value, targets[window]);
    }
}

/** `count` positions of larger windows: into the rows' states, or, when they are complete, to their codes. */
TB_INLINE void tb_four_part(const struct tb_pooling *pooling, const struct tb_rows *rows, const struct tb_four *four,
                            int32_t sums[4][4], uint32_t count, bool first, bool last, int32_t *states, uint8_t *target)
{
    int32x4_t value = first ? vdupq_n_s32(tb_pooling_start(pooling)) : vldrwq_s32(states + four->row);
    value = tb_four_take(pooling, rows, four, value, vldrwq_s32(sums[0]));
    if (count > 1U) {
        value = tb_four_take(pooling, rows, four, value, vldrwq_s32(sums[1]));
    }
    if (count > 2U) {
        value = tb_four_take(pooling, rows, four, value, vldrwq_s32(sums[2]));
    }
    if (count > 3U) {
        value = tb_four_take(pooling, rows, four, value, vldrwq_s32(sums[3]));
    }
    if (last) {
        tb_four_store(pooling, rows, four, value, target);
    } else {
        vstrwq_s32(states + four->row, value);
    }
}

#endif

#endif
