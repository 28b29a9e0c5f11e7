/**
 * @file
 * Depthwise convolution, one channel after the other: a channel's map is copied into scratch memory, with the zeros of
 * a padded border around it, before any of its outputs is written. The output may lie exactly where the input lies.
 *
 * Four neighbouring outputs of a line share each weight that is fetched. A line is a row or a column of the map,
 * whichever leaves fewer outputs over. Cores with the DSP extension multiply two columns at once; for them the copy
 * has elements of 16 bits. All give the same bits as the C below.
 */
#ifndef TB_CONV_PLANES_H
#define TB_CONV_PLANES_H

#include "tb_planes_strip.h"

/** Copies one channel of the map; the zeros around it are there already. */
TB_INLINE void tb_planes_fill(const struct tb_planes *planes, struct tb_source channel)
{
    const uint32_t start = planes->before_lines * planes->plane_columns + planes->before_columns;
    uint8_t *bytes = planes->plane + start;
    tb_half *halves = (tb_half *)(void *)planes->plane + start;
    const uint32_t stride = planes->column_stride;
    const uint32_t fours = planes->columns / 4U * 4U;
    const int32_t up = channel.is_signed ? 128 : 0;
    for (uint32_t line = 0; line < planes->lines; line++) {
        struct tb_source from = channel;
        for (uint32_t column = 0; column < fours; column += 4U) {
            /* Loads behind each other are faster. */
            const int32_t codes[4] = {tb_load(from, 0), tb_load(from, stride), tb_load(from, 2U * stride),
                                      tb_load(from, 3U * stride)};
#pragma GCC unroll 4
            for (uint32_t i = 0; i < 4U; i++) {
                if (planes->halves) {
                    halves[column + i] = (int16_t)codes[i];
                } else {
                    bytes[column + i] = (uint8_t)(codes[i] + up);
                }
                __asm__ volatile("" ::: "memory"); /* or gcc packs words, which need not lie at whole addresses */
            }
            from.data += 4U * stride;
        }
#pragma GCC unroll 3
        for (uint32_t column = fours; column < planes->columns; column++) {
            if (planes->halves) {
                halves[column] = (int16_t)tb_load(from, 0);
            } else {
                bytes[column] = (uint8_t)(tb_load(from, 0) + up);
            }
            __asm__ volatile("" ::: "memory");
            from.data += stride;
        }
        channel.data += planes->line_stride;
        bytes += planes->plane_columns;
        halves += planes->plane_columns;
    }
}

/** One output channel at all positions. */
TB_INLINE void tb_planes_channel(const struct tb_planes *planes, const struct tb_rows *rows, uint32_t row,
                                 bool is_signed, uint8_t *output)
{
    const uint32_t taps = planes->taps_lines * planes->taps_columns;
    const int8_t *values = planes->values + row * taps;
    int32_t bias = tb_bias(rows, row);
    if (is_signed && !planes->halves) {
        for (uint32_t tap = 0; tap < taps; tap++) {
            bias -= 128 * values[tap]; /* the plane is 128 too high */
        }
    }
    struct tb_requant requant = rows->requant;
    if (requant.multipliers != NULL) {
        requant.multiplier = requant.multipliers[row];
        requant.multipliers = NULL;
    }
    uint32_t start = 0;
    for (uint32_t line = 0; line < planes->output_lines; line++) {
        uint8_t *to = output;
        uint32_t at = start;
        for (uint32_t left = planes->output_columns;;) {
            int32_t sums[TB_STRIP] = {bias, bias, bias, bias};
            if (planes->halves) {
                tb_planes_halves(planes, values, at, sums);
            } else {
                tb_planes_bytes(planes, values, at, sums);
            }
            const uint32_t count = left < TB_STRIP ? left : TB_STRIP;
#pragma GCC unroll 4
            for (uint32_t i = 0; i < TB_STRIP; i++) {
                if (i < count) {
                    *to = (uint8_t)tb_requantize(&requant, row, sums[i]);
                    to += planes->output_column_stride;
                }
            }
            if (left <= TB_STRIP) {
                break;
            }
            left -= TB_STRIP;
            at += TB_STRIP * planes->step_columns;
        }
        start += planes->step_lines * planes->plane_columns;
        output += planes->output_line_stride;
    }
}

/** Depthwise convolution with one output for each channel. */
TB_INLINE void tb_conv_planes(struct tb_source input, uint8_t *output, struct tb_planes planes, struct tb_rows rows)
{
    const uint32_t bytes = planes.plane_lines * planes.plane_columns * (planes.halves ? 2U : 1U);
    const uint8_t zero = input.is_signed && !planes.halves ? 0x80U : 0U;
    for (uint32_t i = 0; i < bytes; i++) {
        planes.plane[i] = zero;
    }
    for (uint32_t row = 0; row < rows.count; row++) {
        tb_planes_fill(&planes, (struct tb_source){input.data + row, input.is_signed});
        tb_planes_channel(&planes, &rows, row, input.is_signed, output + row);
    }
}

#endif
