/**
 * @file
 * Depthwise convolution: each output reads one channel of the map, which is stored with zero margins.
 *
 * Weights and activations of one kernel position both lie side by side, channel by channel, so that cores with the
 * DSP extension take four channels at a time and vectors (MVE) eight. An output position is finished before the next
 * begins, so that the output may overlap what has been read of the input. All give the same bits as the C below.
 */
#ifndef TB_CONV_DEPTHWISE_H
#define TB_CONV_DEPTHWISE_H

#include "tb_arith.h"

/** Weights: `values[kernel position][output]`, aligned to four bytes. Distances are bytes of the stored input. */
struct tb_depthwise {
    const int8_t *values;
    uint32_t each;                      /**< outputs that read the same channel */
    uint32_t taps_height, taps_width;   /**< kernel positions */
    uint32_t tap_down, tap_right;       /**< from one kernel position to the next */
    uint32_t row_stride, column_stride; /**< from the field of one output position to that of the next */
    uint32_t height, width;             /**< of the output */
    uint32_t output_row_gap;            /**< bytes between the end of a stored row and the next */
    bool aligned;                       /**< the map and each of its columns start at a multiple of 4 */
};

/** One output: its row by the channel at the start of `field`. */
TB_INLINE uint8_t tb_depthwise_one(const struct tb_depthwise *weights, const struct tb_rows *rows, uint32_t row,
                                   struct tb_source field)
{
    const int8_t *value = weights->values + row;
    int32_t sum = tb_bias(rows, row);
#pragma GCC unroll 5
    for (uint32_t y = 0; y < weights->taps_height; y++) {
#pragma GCC unroll 5
        for (uint32_t x = 0; x < weights->taps_width; x++) {
            sum += *value * tb_load(field, x * weights->tap_right);
            value += rows->count;
        }
        field.data += weights->tap_down;
    }
    return (uint8_t)tb_requantize(&rows->requant, row, sum);
}

#if defined(__OPTIMIZE__) && defined(__ARM_FEATURE_MVE)

#include "tb_depthwise_mve.h"

#define TB_DEPTHWISE_AT_ONCE 8U

TB_INLINE struct tb_mve_taps tb_depthwise_taps(const struct tb_depthwise *weights, uint32_t outputs, uint32_t row)
{
    return (struct tb_mve_taps){weights->values + row, outputs,           weights->taps_height,
                                weights->taps_width,   weights->tap_down, weights->tap_right,
                                weights->column_stride};
}

/** Output positions that are taken at once. */
TB_INLINE uint32_t tb_depthwise_positions(const struct tb_depthwise *weights, uint32_t outputs)
{
    const struct tb_mve_taps taps = tb_depthwise_taps(weights, outputs, 0);
    return weights->each == 1U && weights->width > 1U && tb_mve_takes_two(&taps) ? 2U : 1U;
}

/** Eight neighbouring outputs, each of a channel of its own. */
TB_INLINE void tb_depthwise_some(const struct tb_depthwise *weights, const struct tb_rows *rows, uint32_t row,
                                 struct tb_source field, uint8_t *output, uint32_t positions)
{
    const struct tb_mve_taps taps = tb_depthwise_taps(weights, rows->count, row);
    tb_mve_depthwise(&taps, rows, row, field, output, positions == 2U);
}

#elif defined(__OPTIMIZE__) && defined(__ARM_FEATURE_DSP)

#define TB_DEPTHWISE_AT_ONCE 4U

/** Four bytes at an aligned address. */
typedef uint32_t __attribute__((may_alias)) tb_depthwise_word;

/** Bytes 0 and 2 of a word, or 1 and 3 where `odd`, as two halves. */
TB_INLINE uint32_t tb_depthwise_halves(uint32_t word, bool is_signed, bool odd)
{
    uint32_t halves;
    if (is_signed && odd) {
        __asm__("sxtb16 %0, %1, ror #8" : "=r"(halves) : "r"(word));
    } else if (is_signed) {
        __asm__("sxtb16 %0, %1" : "=r"(halves) : "r"(word));
    } else if (odd) {
        __asm__("uxtb16 %0, %1, ror #8" : "=r"(halves) : "r"(word));
    } else {
        __asm__("uxtb16 %0, %1" : "=r"(halves) : "r"(word));
    }
    return halves;
}

/** Adds the products of the lower halves to `sums[0]`, of the upper ones to `sums[2]`. */
TB_INLINE void tb_depthwise_add(int32_t *sums, uint32_t a, uint32_t b)
{
    __asm__("smlabb %0, %1, %2, %0" : "+r"(sums[0]) : "r"(a), "r"(b));
    __asm__("smlatt %0, %1, %2, %0" : "+r"(sums[2]) : "r"(a), "r"(b));
}

/** Four neighbouring outputs, each of a channel of its own. */
TB_INLINE void tb_depthwise_some(const struct tb_depthwise *weights, const struct tb_rows *rows, uint32_t row,
                                 struct tb_source field, uint8_t *output, uint32_t positions)
{
    (void)positions;
    const int8_t *value = weights->values + row;
    int32_t sums[4] = {tb_bias(rows, row), tb_bias(rows, row + 1U), tb_bias(rows, row + 2U), tb_bias(rows, row + 3U)};
#pragma GCC unroll 5
    for (uint32_t y = 0; y < weights->taps_height; y++) {
#pragma GCC unroll 5
        for (uint32_t x = 0; x < weights->taps_width; x++) {
            const uint32_t w = *(const tb_depthwise_word *)(const void *)value;
            const uint32_t a = *(const tb_depthwise_word *)(const void *)(field.data + x * weights->tap_right);
            tb_depthwise_add(sums, tb_depthwise_halves(w, true, false), tb_depthwise_halves(a, field.is_signed, false));
            tb_depthwise_add(sums + 1, tb_depthwise_halves(w, true, true),
                             tb_depthwise_halves(a, field.is_signed, true));
            value += rows->count;
        }
        field.data += weights->tap_down;
    }
    for (uint32_t i = 0; i < 4U; i++) {
        output[row + i] = (uint8_t)tb_requantize(&rows->requant, row + i, sums[i]);
    }
}

#else

#define TB_DEPTHWISE_AT_ONCE 1U

TB_INLINE void tb_depthwise_some(const struct tb_depthwise *weights, const struct tb_rows *rows, uint32_t row,
                                 struct tb_source field, uint8_t *output, uint32_t positions)
{
    (void)positions;
    output[row] = tb_depthwise_one(weights, rows, row, field);
}

#endif

#if TB_DEPTHWISE_AT_ONCE != 8U

/** Output positions that are taken at once. */
TB_INLINE uint32_t tb_depthwise_positions(const struct tb_depthwise *weights, uint32_t outputs)
{
    (void)weights;
    (void)outputs;
    return 1U;
}

#endif

/** All outputs at `positions` neighbouring positions. */
TB_INLINE void tb_depthwise_all(const struct tb_depthwise *weights, const struct tb_rows *rows, struct tb_source field,
                                uint8_t *output, uint32_t positions)
{
    uint32_t row = 0;
    if (weights->each == 1U && (weights->aligned || TB_DEPTHWISE_AT_ONCE != 4U)) {
        for (; row + TB_DEPTHWISE_AT_ONCE <= rows->count; row += TB_DEPTHWISE_AT_ONCE) {
            tb_depthwise_some(weights, rows, row, field, output, positions);
            field.data += TB_DEPTHWISE_AT_ONCE;
        }
        if (TB_DEPTHWISE_AT_ONCE == 8U && row > 0U && row < rows->count) {
            /* The last eight once more, as far as they are done: nothing that has been written is read again. */
            const uint32_t back = row + TB_DEPTHWISE_AT_ONCE - rows->count;
            field.data -= back;
            tb_depthwise_some(weights, rows, row - back, field, output, positions);
            row = rows->count;
        }
    }
    while (row < rows->count) {
#pragma GCC unroll 1
        for (uint32_t i = 0; i < weights->each; i++) {
            struct tb_source at = field;
            for (uint32_t position = 0; position < positions; position++) {
                output[position * rows->count + row] = tb_depthwise_one(weights, rows, row, at);
                at.data += weights->column_stride;
            }
            row++;
        }
        field.data++;
    }
}

/** Depthwise convolution. */
TB_INLINE void tb_conv_depthwise(struct tb_source input, uint8_t *output, struct tb_depthwise weights,
                                 struct tb_rows rows)
{
    const uint32_t at_once = tb_depthwise_positions(&weights, rows.count);
    for (uint32_t y = 0; y < weights.height; y++) {
        struct tb_source field = input;
        uint32_t x = 0;
        for (; x + at_once <= weights.width; x += at_once) {
            tb_depthwise_all(&weights, &rows, field, output, at_once);
            field.data += at_once * weights.column_stride;
            output += at_once * rows.count;
        }
        for (; x < weights.width; x++) {
            tb_depthwise_all(&weights, &rows, field, output, 1);
            field.data += weights.column_stride;
            output += rows.count;
        }
        input.data += weights.row_stride;
        output += weights.output_row_gap;
    }
}

#endif
