/**
 * @file
 * Convolutions over a zero-padded map, fused with the pooling behind them: the unpooled map never exists.
 *
 * A sparse row is unpacked once into (offset, weight) pairs in scratch memory and then used at every position, so
 * that what its format costs is paid once for each output channel. Four positions share each pair that is fetched.
 */
#ifndef TB_CONV_H
#define TB_CONV_H

#include "tb_arith.h"
#include "tb_formats.h"

/** A nonzero of the row being computed: byte offset from the receptive field's first element, and value. */
struct __attribute__((may_alias)) tb_pair {
    uint16_t offset;
    int16_t weight;
};

/** How the receptive field moves. All strides are bytes of the padded input, or of the output as it is stored. */
struct tb_walk {
    uint32_t segments;       /**< kernel rows */
    uint32_t segment_stride; /**< bytes from one kernel row to the next */
    uint32_t row_stride;     /**< bytes that one output row of the convolution moves the field */
    uint32_t column_stride;  /**< bytes that one output column of the convolution moves the field */
    uint32_t pool_height, pool_width;
    uint32_t pool_row_stride, pool_column_stride; /**< in output rows and columns of the convolution */
    uint32_t height, width;                       /**< of the pooled output */
    uint32_t output_row_gap;                      /**< bytes between the end of a stored row and the next */
    uint32_t output_channels;
    bool average;                   /**< mean instead of maximum */
    struct tb_requant pool_requant; /**< of a mean: divides the sum of codes */
};

/** Below every accumulator (whose absolute value the compiler has proved to be below 2^30). */
#define TB_LOWEST (-(int32_t)0x3fffffff)

/** Which position of which pooling window is computed next. */
struct tb_position {
    const uint8_t *field;
    uint32_t window_column, window_row, column;
};

/** The output under way: a window's maximum of accumulators or sum of codes. */
struct tb_window {
    int32_t value;
    uint32_t left;
    uint32_t column;
    uint8_t *output;
};

/** Returns the current field and moves on, window by window. */
TB_INLINE const uint8_t *tb_walk_next(const struct tb_walk *walk, struct tb_position *at)
{
    const uint8_t *field = at->field;
    at->field += walk->column_stride;
    if (walk->pool_height == 1U && walk->pool_width == walk->pool_column_stride) {
        /* Windows lie side by side in one row: the field just moves on, and wraps at the end of the row. */
        if (walk->height > 1U && ++at->column == walk->width * walk->pool_width) {
            at->column = 0;
            at->field += walk->pool_row_stride * walk->row_stride;
            at->field -= walk->width * walk->pool_width * walk->column_stride;
        }
    } else if (++at->window_column == walk->pool_width) {
        at->window_column = 0;
        at->field += walk->row_stride;
        at->field -= walk->pool_width * walk->column_stride;
        if (++at->window_row == walk->pool_height) {
            at->window_row = 0;
            at->field += walk->pool_column_stride * walk->column_stride;
            at->field -= walk->pool_height * walk->row_stride;
            if (++at->column == walk->width) {
                at->column = 0;
                at->field += walk->pool_row_stride * walk->row_stride;
                at->field -= walk->width * walk->pool_column_stride * walk->column_stride;
            }
        }
    }
    return field;
}

/** Takes the accumulator of one position; stores the output when its window is complete. */
TB_INLINE void tb_window_take(const struct tb_walk *walk, const struct tb_rows *rows, uint32_t row,
                              struct tb_window *window, int32_t sum)
{
    if (walk->average) {
        window->value += tb_requantize(&rows->requant, row, sum);
    } else {
        window->value = tb_max(window->value, sum);
    }
    if (--window->left == 0U) {
        const struct tb_requant *requant = walk->average ? &walk->pool_requant : &rows->requant;
        *window->output = (uint8_t)tb_requantize(requant, row, window->value);
        window->output += walk->output_channels;
        if (walk->height > 1U && ++window->column == walk->width) {
            window->column = 0;
            window->output += walk->output_row_gap;
        }
        window->left = walk->pool_height * walk->pool_width;
        window->value = walk->average ? 0 : TB_LOWEST;
    }
}

/** What one row multiplies with: a dense row, or pairs where `dense` is NULL. */
struct tb_row_weights {
    const int8_t *dense;
    uint32_t columns;
    const struct tb_pair *pairs;
    uint32_t pair_count;
};

/** Adds four receptive fields' sums at once, so that each weight is fetched once for all of them. */
TB_INLINE void tb_conv_sums(const struct tb_walk *walk, struct tb_row_weights weights, bool is_signed,
                            const uint8_t *const fields[4], int32_t sums[4])
{
    struct tb_source a = {fields[0], is_signed};
    struct tb_source b = {fields[1], is_signed};
    struct tb_source c = {fields[2], is_signed};
    struct tb_source d = {fields[3], is_signed};
    int32_t sum_a = sums[0];
    int32_t sum_b = sums[1];
    int32_t sum_c = sums[2];
    int32_t sum_d = sums[3];
    if (weights.dense != NULL) {
        for (uint32_t segment = 0; segment < walk->segments; segment++) {
            for (uint32_t column = 0; column < weights.columns; column++) {
                const int32_t weight = *weights.dense++;
                sum_a += weight * tb_load(a, column);
                sum_b += weight * tb_load(b, column);
                sum_c += weight * tb_load(c, column);
                sum_d += weight * tb_load(d, column);
            }
            a.data += walk->segment_stride;
            b.data += walk->segment_stride;
            c.data += walk->segment_stride;
            d.data += walk->segment_stride;
        }
    } else {
        for (const struct tb_pair *pair = weights.pairs, *end = pair + weights.pair_count; pair != end; pair++) {
            const uint32_t offset = pair->offset;
            const int32_t weight = pair->weight;
            sum_a += weight * tb_load(a, offset);
            sum_b += weight * tb_load(b, offset);
            sum_c += weight * tb_load(c, offset);
            sum_d += weight * tb_load(d, offset);
        }
    }
    sums[0] = sum_a;
    sums[1] = sum_b;
    sums[2] = sum_c;
    sums[3] = sum_d;
}

/** Sum of one receptive field. */
TB_INLINE int32_t tb_conv_sum(const struct tb_walk *walk, struct tb_row_weights weights, struct tb_source field,
                              int32_t sum)
{
    if (weights.dense != NULL) {
        for (uint32_t segment = 0; segment < walk->segments; segment++) {
            for (uint32_t column = 0; column < weights.columns; column++) {
                sum += *weights.dense++ * tb_load(field, column);
            }
            field.data += walk->segment_stride;
        }
    } else {
        for (const struct tb_pair *pair = weights.pairs, *end = pair + weights.pair_count; pair != end; pair++) {
            sum += pair->weight * tb_load(field, pair->offset);
        }
    }
    return sum;
}

/** One output channel at every position. */
TB_INLINE void tb_conv_row(const struct tb_walk *walk, const struct tb_rows *rows, uint32_t row, struct tb_source input,
                           uint8_t *output, struct tb_row_weights weights)
{
    const int32_t bias = tb_bias(rows, row);
    const uint32_t window_size = walk->pool_height * walk->pool_width;
    const uint32_t positions = walk->height * walk->width * window_size;
    struct tb_position at = {input.data, 0, 0, 0};
    struct tb_window window = {walk->average ? 0 : TB_LOWEST, window_size, 0, output + row};
    for (uint32_t left = positions / 4U; left > 0U; left--) {
        const uint8_t *fields[4];
        int32_t sums[4] = {bias, bias, bias, bias};
        fields[0] = tb_walk_next(walk, &at);
        fields[1] = tb_walk_next(walk, &at);
        fields[2] = tb_walk_next(walk, &at);
        fields[3] = tb_walk_next(walk, &at);
        tb_conv_sums(walk, weights, input.is_signed, fields, sums);
        tb_window_take(walk, rows, row, &window, sums[0]);
        tb_window_take(walk, rows, row, &window, sums[1]);
        tb_window_take(walk, rows, row, &window, sums[2]);
        tb_window_take(walk, rows, row, &window, sums[3]);
    }
    for (uint32_t left = positions % 4U; left > 0U; left--) {
        const struct tb_source field = {tb_walk_next(walk, &at), input.is_signed};
        tb_window_take(walk, rows, row, &window, tb_conv_sum(walk, weights, field, bias));
    }
}

/** Dense int8 convolution. */
TB_INLINE void tb_conv_dense(struct tb_source input, uint8_t *output, struct tb_dense weights, struct tb_rows rows,
                             struct tb_walk walk)
{
    const int8_t *row_weights = weights.values;
    for (uint32_t row = 0; row < rows.count; row++) {
        tb_conv_row(&walk, &rows, row, input, output,
                    (struct tb_row_weights){.dense = row_weights, .columns = weights.columns});
        row_weights += walk.segments * weights.columns;
    }
}

/** Convolution with an index stream; `scratch` holds the nonzeros of the fullest row. */
TB_INLINE void tb_conv_index(struct tb_source input, uint8_t *output, struct tb_index weights, struct tb_rows rows,
                             struct tb_walk walk, struct tb_pair *scratch)
{
    const uint8_t *count = weights.counts;
    const uint8_t *entry = weights.entries;
    for (uint32_t row = 0; row < rows.count; row++) {
        struct tb_pair *pair = scratch;
        for (uint32_t segment = 0; segment < walk.segments; segment++) {
            for (uint32_t base = 0; base < weights.columns; base += TB_TILE) {
                const uint32_t start = segment * walk.segment_stride + base;
                for (uint32_t left = *count++; left > 0U; left--) {
                    pair->offset = (uint16_t)(start + entry[0]);
                    pair->weight = (int8_t)entry[1];
                    pair++;
                    entry += 2;
                }
            }
        }
        tb_conv_row(&walk, &rows, row, input, output,
                    (struct tb_row_weights){.pairs = scratch, .pair_count = (uint32_t)(pair - scratch)});
    }
}

/** Convolution with Huffman codes; `scratch` holds the nonzeros of the fullest row, never a whole tensor. */
TB_INLINE void tb_conv_huffman(struct tb_source input, uint8_t *output, struct tb_huffman weights, struct tb_rows rows,
                               struct tb_walk walk, struct tb_pair *scratch)
{
    struct tb_huffman_cursor cursor = tb_huffman_first(&weights);
    for (uint32_t row = 0; row < rows.count; row++) {
        struct tb_pair *pair = scratch;
        for (uint32_t segment = 0; segment < walk.segments; segment++) {
            while (cursor.column < weights.columns) {
                pair->offset = (uint16_t)(segment * walk.segment_stride + cursor.column);
                pair->weight = (int16_t)cursor.value;
                pair++;
                tb_huffman_next(&weights, &cursor);
            }
            cursor.column -= weights.columns;
        }
        tb_conv_row(&walk, &rows, row, input, output,
                    (struct tb_row_weights){.pairs = scratch, .pair_count = (uint32_t)(pair - scratch)});
    }
}

#endif
