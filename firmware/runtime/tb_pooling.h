/**
 * @file
 * What a convolution does with its accumulators: the pooling behind it, requantization, and where the codes go.
 */
#ifndef TB_POOLING_H
#define TB_POOLING_H

#include "tb_arith.h"

/** The pooled output. Windows and strides are in rows and columns of the convolution; without pooling they are 1. */
struct tb_pooling {
    uint32_t window_height, window_width;
    uint32_t stride_height, stride_width;
    uint32_t height, width;  /**< of the pooled output */
    uint32_t output_row_gap; /**< bytes between the end of a stored row and the next */
    uint32_t output_channels;
    bool average;                   /**< mean instead of maximum */
    struct tb_requant pool_requant; /**< of a mean: divides the sum of codes */
};

/** The window that is computed next, and its first output. */
struct tb_cursor {
    uint32_t row, column;
    uint8_t *output;
};

/** Below every accumulator (whose absolute value the compiler has proved to be below 2^30). */
#define TB_LOWEST (-(int32_t)0x3fffffff)

/** Moves on to the next window of the row, or of the next row. */
TB_INLINE void tb_cursor_next(const struct tb_pooling *pooling, struct tb_cursor *cursor)
{
    cursor->output += pooling->output_channels;
    if (pooling->height > 1U && ++cursor->column == pooling->width) {
        cursor->column = 0;
        cursor->row++;
        cursor->output += pooling->output_row_gap;
    } else if (pooling->height == 1U) {
        cursor->column++;
    }
}

/** A window before its first position. */
TB_INLINE int32_t tb_pooling_start(const struct tb_pooling *pooling)
{
    return pooling->average ? 0 : TB_LOWEST;
}

/** Takes the sum of one position (without bias) into `value`: a maximum of sums, or a sum of codes. */
TB_INLINE int32_t tb_pooling_take(const struct tb_pooling *pooling, const struct tb_rows *rows, uint32_t row,
                                  int32_t value, int32_t sum)
{
    if (pooling->average) {
        return value + tb_requantize(&rows->requant, row, sum + tb_bias(rows, row));
    }
    return tb_max(value, sum);
}

/** The code of a complete window. Requantization never decreases, so one is enough for a maximum. */
TB_INLINE uint8_t tb_pooling_code(const struct tb_pooling *pooling, const struct tb_rows *rows, uint32_t row,
                                  int32_t value)
{
    if (pooling->average) {
        return (uint8_t)tb_requantize(&pooling->pool_requant, row, value);
    }
    return (uint8_t)tb_requantize(&rows->requant, row, value + tb_bias(rows, row));
}

/** The code of the window that begins with the first of `sums` and has at most four positions. */
TB_INLINE uint8_t tb_pooling_whole(const struct tb_pooling *pooling, const struct tb_rows *rows, uint32_t row,
                                   const int32_t *sums)
{
    const uint32_t size = pooling->window_height * pooling->window_width;
    int32_t value = pooling->average ? tb_pooling_take(pooling, rows, row, 0, sums[0]) : sums[0];
    if (size > 1U) {
        value = tb_pooling_take(pooling, rows, row, value, sums[1]);
    }
    if (size > 2U) {
        value = tb_pooling_take(pooling, rows, row, value, sums[2]);
    }
    if (size > 3U) {
        value = tb_pooling_take(pooling, rows, row, value, sums[3]);
    }
    return tb_pooling_code(pooling, rows, row, value);
}

/** The codes of one row for whole windows, as many as four positions make up. */
TB_INLINE void tb_pooling_four(const struct tb_pooling *pooling, const struct tb_rows *rows, uint32_t row,
                               const int32_t sums[4], uint8_t *const targets[4])
{
    const uint32_t size = pooling->window_height * pooling->window_width;
    targets[0][row] = tb_pooling_whole(pooling, rows, row, sums);
    if (size <= 2U) {
        targets[1][row] = tb_pooling_whole(pooling, rows, row, sums + size);
    }
    if (size == 1U) {
        targets[2][row] = tb_pooling_whole(pooling, rows, row, sums + 2);
        targets[3][row] = tb_pooling_whole(pooling, rows, row, sums + 3);
    }
}

#endif
