/**
 * @file
 * Dense convolution, fused with the pooling behind it: the unpooled map never exists.
 *
 * Four receptive fields are copied into scratch memory and multiplied with all rows of weights. What four fields need
 * of the input is read before their outputs are written, so that the output may overlap what has been read.
 */
#ifndef TB_CONV_DENSE_H
#define TB_CONV_DENSE_H

#include "tb_dot.h"
#include "tb_patch.h"
#include "tb_pooling.h"

#if defined(__OPTIMIZE__) && defined(__ARM_FEATURE_MVE)
#include "tb_pooling_mve.h"
#endif

/** Weights of a dense convolution. */
struct tb_conv_dense {
    const int8_t *values; /**< rows of `patch.bytes`, zeros at the end of each */
    uint8_t *fields;      /**< scratch: four fields, aligned to 4, or three and a byte a row if that is more */
    int32_t *states;      /**< scratch: one for each row where a window has more than four positions, else NULL */
    bool centered;        /**< unsigned activations are taken minus 128, and the biases make up for it */
    bool pointwise;       /**< fields are the map's columns: only those of the last positions are copied */
};

/** Which four positions are computed: whole windows, or a part of one. */
struct tb_conv_dense_group {
    uint8_t *targets[4]; /**< where the windows' outputs begin */
    uint32_t count;      /**< positions of a part */
    bool first, last;    /**< part of its window */
};

/** One row for a part of a window: into the row's state, or, when the window is complete, to its code. */
TB_INLINE void tb_conv_dense_part(const struct tb_pooling *pooling, const struct tb_rows *rows, uint32_t row,
                                  const int32_t sums[4], const struct tb_conv_dense_group *group, int32_t *state)
{
    int32_t value = group->first ? tb_pooling_start(pooling) : *state;
    for (uint32_t field = 0; field < group->count; field++) {
        value = tb_pooling_take(pooling, rows, row, value, sums[field]);
    }
    if (group->last) {
        group->targets[0][row] = tb_pooling_code(pooling, rows, row, value);
    } else {
        *state = value;
    }
}

/** One row at the positions whose sums are given. */
TB_INLINE void tb_conv_dense_row(const struct tb_pooling *pooling, const struct tb_rows *rows, uint32_t row,
                                 const struct tb_conv_dense *weights, const int32_t sums[4],
                                 const struct tb_conv_dense_group *group)
{
    if (pooling->window_height * pooling->window_width <= 4U) {
        tb_pooling_four(pooling, rows, row, sums, group->targets);
    } else {
        tb_conv_dense_part(pooling, rows, row, sums, group, weights->states + row);
    }
}

#if defined(__OPTIMIZE__) && defined(__ARM_FEATURE_MVE)

/**
 * All rows at four positions whose fields are the map's own unsigned columns, which vectors cannot multiply and nobody
 * may move: of plans for other cores.
 */
TB_INLINE void tb_conv_dense_rows_unsigned(const struct tb_pooling *pooling, const struct tb_rows *rows,
                                           const struct tb_conv_dense *weights, struct tb_dot dot,
                                           const struct tb_conv_dense_group *group)
{
    for (uint32_t row = 0; row < rows->count; row++) {
        int32_t sums[4];
        for (uint32_t field = 0; field < 4U; field++) {
            sums[field] = tb_dot_1x1(&dot, field, row);
        }
        tb_conv_dense_row(pooling, rows, row, weights, sums, group);
    }
}

/** All rows at the positions whose fields have been copied: four rows at a time, and the rest one by one. */
TB_INLINE void tb_conv_dense_rows(const struct tb_pooling *pooling, const struct tb_rows *rows,
                                  const struct tb_conv_dense *weights, struct tb_dot dot,
                                  const struct tb_conv_dense_group *group)
{
    int32_t sums[4][4]; /* of four rows at each position */
    const uint32_t whole = rows->count / 4U * 4U;
    const bool lacks = !dot.is_signed;
    if (lacks) {
        tb_center(weights->fields, 4U * dot.bytes);
    }
    for (uint32_t row = 0; row < whole; row += 4U) {
        const int8_t *values = weights->values + row * dot.bytes;
        tb_mve_two_rows(dot.fields, values, values + dot.bytes, dot.bytes, sums[0]);
        values += 2U * dot.bytes;
        tb_mve_two_rows(dot.fields, values, values + dot.bytes, dot.bytes, sums[0] + 2);
        struct tb_four four = tb_four_rows(rows, row);
        if (lacks) {
            for (uint32_t i = 0; i < 4U; i++) {
                four.bias[i] += tb_mve_sum(weights->values + (row + i) * dot.bytes, dot.bytes) * 128;
            }
        }
        if (pooling->window_height * pooling->window_width <= 4U) {
            tb_four_windows(pooling, rows, &four, sums, group->targets);
        } else {
            tb_four_part(pooling, rows, &four, sums, group->count, group->first, group->last, weights->states,
                         group->targets[0]);
        }
    }
    for (uint32_t row = whole; row < rows->count; row++) {
        const int8_t *values = weights->values + row * dot.bytes;
        tb_mve_two_rows(dot.fields, values, values, dot.bytes, sums[0]);
        const int32_t lack = lacks ? tb_mve_sum(values, dot.bytes) * 128 : 0;
        const int32_t one[4] = {sums[0][0] + lack, sums[1][0] + lack, sums[2][0] + lack, sums[3][0] + lack};
        tb_conv_dense_row(pooling, rows, row, weights, one, group);
    }
}

#else

/** All rows at the positions whose fields have been copied. */
TB_INLINE void tb_conv_dense_rows(const struct tb_pooling *pooling, const struct tb_rows *rows,
                                  const struct tb_conv_dense *weights, struct tb_dot dot,
                                  const struct tb_conv_dense_group *group)
{
    int32_t sums[TB_DOT_ROWS][4];
    for (uint32_t row = 0; row < rows->count; row += TB_DOT_ROWS) {
        if (TB_DOT_ROWS == 2U && rows->count > 1U) {
            /* The last of an odd number of rows is computed together with the one before it. */
            const uint32_t start = row + 2U > rows->count ? rows->count - 2U : row;
            dot.weights = weights->values + start * dot.bytes;
            tb_dot_rows(dot, rows->count, sums);
            if (start == row) {
                tb_conv_dense_row(pooling, rows, start, weights, sums[0], group);
            }
            tb_conv_dense_row(pooling, rows, start + 1U, weights, sums[TB_DOT_ROWS - 1U], group);
        } else {
            dot.weights = weights->values + row * dot.bytes;
            tb_dot_rows(dot, 1U, sums);
            tb_conv_dense_row(pooling, rows, row, weights, sums[0], group);
        }
    }
}

#endif

/** All rows at the positions whose fields have been copied, as they were in the map. */
TB_INLINE void tb_conv_dense_fields(const struct tb_pooling *pooling, const struct tb_rows *rows,
                                    const struct tb_conv_dense *weights, struct tb_dot dot,
                                    const struct tb_conv_dense_group *group)
{
    if (weights->centered) {
        tb_center(weights->fields, 4U * dot.bytes);
    }
    tb_conv_dense_rows(pooling, rows, weights, dot, group);
}

/**
 * All rows at four positions at a time, whose fields lie side by side in the map, 1x1 and without pooling; returns how
 * many positions are left. A group's outputs are written while its fields are still read.
 */
TB_INLINE uint32_t tb_conv_dense_pointwise(struct tb_source input, const struct tb_conv_dense *weights,
                                           const struct tb_rows *rows, const struct tb_pooling *pooling,
                                           struct tb_dot dot, struct tb_cursor *cursor)
{
    struct tb_conv_dense_group group = {{NULL, NULL, NULL, NULL}, 0, true, true};
    uint32_t left = pooling->height * pooling->width;
    dot.fields = input.data;
    for (; left >= 4U; left -= 4U, dot.fields += 4U * dot.bytes) {
        for (uint32_t field = 0; field < 4U; field++) {
            group.targets[field] = cursor->output;
            tb_cursor_next(pooling, cursor);
        }
#if defined(__OPTIMIZE__) && defined(__ARM_FEATURE_MVE)
        if (!dot.is_signed) {
            tb_conv_dense_rows_unsigned(pooling, rows, weights, dot, &group);
            continue;
        }
#endif
        tb_conv_dense_rows(pooling, rows, weights, dot, &group);
    }
    return left;
}

/** Dense convolution. */
TB_INLINE void tb_conv_dense(struct tb_source input, uint8_t *output, struct tb_conv_dense weights, struct tb_rows rows,
                             struct tb_patch patch, struct tb_pooling pooling)
{
    const uint32_t size = pooling.window_height * pooling.window_width;
    const uint32_t most = size <= 4U ? 4U / size : 1U;
    const struct tb_dot dot = {weights.fields, weights.values, patch.bytes, input.is_signed || weights.centered};
    struct tb_cursor cursor = {0, 0, output};
    uint32_t left = pooling.height * pooling.width;
    if (weights.pointwise) {
        left = tb_conv_dense_pointwise(input, &weights, &rows, &pooling, dot, &cursor);
    }
    while (left > 0U) {
        struct tb_conv_dense_group group = {{NULL, NULL, NULL, NULL}, 0, true, true};
        uint8_t *field = weights.fields;
        for (uint32_t window = 0; window < most; window++) {
            if (left == 0U) {
                group.targets[window] = weights.fields + 3U * patch.bytes; /* a field that no window needs */
                continue;
            }
            group.targets[window] = cursor.output;
            for (uint32_t y = 0; y < pooling.window_height; y++) {
                for (uint32_t x = 0; x < pooling.window_width; x++) {
                    tb_patch_fill(&patch, input.data, cursor.row * pooling.stride_height + y,
                                  cursor.column * pooling.stride_width + x, field);
                    field += patch.bytes;
                    if (size > 4U && ++group.count == 4U) {
                        group.last = y + 1U == pooling.window_height && x + 1U == pooling.window_width;
                        tb_conv_dense_fields(&pooling, &rows, &weights, dot, &group);
                        group.first = false;
                        group.count = 0;
                        field = weights.fields;
                    }
                }
            }
            tb_cursor_next(&pooling, &cursor);
            left--;
        }
        if (size % 4U != 0U || size <= 4U) {
            group.last = true;
            tb_conv_dense_fields(&pooling, &rows, &weights, dot, &group);
        }
    }
}

#endif
