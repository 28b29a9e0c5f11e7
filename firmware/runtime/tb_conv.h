/**
 * @file
 * Sparse convolutions over a map stored with zero margins, fused with the pooling behind them.
 *
 * Four positions share each nonzero that is fetched. Their distances are constants of the layer, so that one address
 * serves all four. Rows stored as pairs or blocks are read from flash, all rows at four positions before the next
 * four, so that the output may overlap what has been read of the input. Rows in other formats are unpacked once into
 * pairs in scratch memory and used at every position: what the format costs is paid once for each output channel.
 */
#ifndef TB_CONV_H
#define TB_CONV_H

#include "tb_formats.h"
#include "tb_huffman.h"
#include "tb_pooling.h"
#include "tb_sparse.h"

/** All rows as they lie in flash; exactly one of the counts is not NULL. */
struct tb_stored {
    const uint8_t *counts8;
    const uint16_t *counts16;
    enum tb_entries entries;
    const struct tb_pair *pairs;
    const struct tb_blocks *blocks;
    const struct tb_sixteen *sixteens;
};

/** How the receptive field moves: bytes of the stored input. */
struct tb_walk {
    uint32_t segments;       /**< kernel rows */
    uint32_t segment_stride; /**< from one kernel row to the next */
    uint32_t row_stride;     /**< that one output row of the convolution moves the field */
    uint32_t column_stride;  /**< that one output column of the convolution moves the field */
};

/** Four positions are whole windows side by side in a row. */
TB_INLINE bool tb_walk_side_by_side(const struct tb_pooling *pooling)
{
    return pooling->window_height == 1U &&
           (pooling->window_width == 1U || pooling->window_width == 2U || pooling->window_width == 4U) &&
           (pooling->window_width == 1U || pooling->window_width == pooling->stride_width);
}

/** Four positions are one window of 2 x 2. */
TB_INLINE bool tb_walk_square(const struct tb_pooling *pooling)
{
    return pooling->window_height == 2U && pooling->window_width == 2U;
}

/** Windows that are computed at once. */
TB_INLINE uint32_t tb_walk_windows(const struct tb_pooling *pooling)
{
    return tb_walk_side_by_side(pooling) ? 4U / pooling->window_width : 1U;
}

/** Distances of four positions from the first. */
TB_INLINE struct tb_offsets tb_walk_offsets(const struct tb_walk *walk, const struct tb_pooling *pooling)
{
    uint32_t step = walk->column_stride;
    if (pooling->window_width == 1U && pooling->window_height == 1U) {
        step *= pooling->stride_width;
    }
    if (tb_walk_square(pooling)) {
        return (struct tb_offsets){step, walk->row_stride, walk->row_stride + step};
    }
    return (struct tb_offsets){step, 2U * step, 3U * step};
}

/** The code of one row for one window, in parts of four positions and single ones. */
TB_INLINE uint8_t tb_conv_window(const struct tb_walk *walk, const struct tb_pooling *pooling,
                                 const struct tb_rows *rows, uint32_t row, struct tb_source field,
                                 struct tb_nonzeros nonzeros)
{
    int32_t value = tb_pooling_start(pooling);
    for (uint32_t y = 0; y < pooling->window_height; y++) {
        uint32_t x = 0;
        struct tb_source at = field;
        if (pooling->window_width >= 4U) {
            for (; x + 4U <= pooling->window_width; x += 4U) {
                int32_t sums[4];
                tb_sparse_sums(nonzeros, at, tb_walk_offsets(walk, pooling), sums);
                value = tb_pooling_take(pooling, rows, row, value, sums[0]);
                value = tb_pooling_take(pooling, rows, row, value, sums[1]);
                value = tb_pooling_take(pooling, rows, row, value, sums[2]);
                value = tb_pooling_take(pooling, rows, row, value, sums[3]);
                at.data += 4U * walk->column_stride;
            }
        }
        for (; x < pooling->window_width; x++) {
            value = tb_pooling_take(pooling, rows, row, value, tb_sparse_sum(nonzeros, at));
            at.data += walk->column_stride;
        }
        field.data += walk->row_stride;
    }
    return tb_pooling_code(pooling, rows, row, value);
}

/** The codes of one row for as many windows as are computed at once, or for `windows` where the map ends. */
TB_INLINE void tb_conv_windows(const struct tb_walk *walk, const struct tb_pooling *pooling, const struct tb_rows *rows,
                               uint32_t row, struct tb_source field, struct tb_nonzeros nonzeros, uint32_t windows,
                               uint8_t *output)
{
    if ((tb_walk_side_by_side(pooling) || tb_walk_square(pooling)) && windows == tb_walk_windows(pooling)) {
        int32_t sums[4];
        uint8_t *targets[4];
        for (uint32_t i = 0; i < 4U; i++) {
            targets[i] = output + i * pooling->output_channels;
        }
        tb_sparse_sums(nonzeros, field, tb_walk_offsets(walk, pooling), sums);
        tb_pooling_four(pooling, rows, row, sums, targets);
    } else {
        for (; windows > 0U; windows--) {
            output[row] = tb_conv_window(walk, pooling, rows, row, field, nonzeros);
            output += pooling->output_channels;
            field.data += pooling->stride_width * walk->column_stride;
        }
    }
}

/** One row at every position. */
TB_INLINE void tb_conv_row(const struct tb_walk *walk, const struct tb_pooling *pooling, const struct tb_rows *rows,
                           uint32_t row, struct tb_source input, struct tb_nonzeros nonzeros, uint8_t *output)
{
    const uint32_t most = tb_walk_windows(pooling);
    for (uint32_t y = 0; y < pooling->height; y++) {
        struct tb_source field = input;
        for (uint32_t left = pooling->width; left > 0U;) {
            const uint32_t windows = left < most ? left : most;
            tb_conv_windows(walk, pooling, rows, row, field, nonzeros, windows, output);
            field.data += windows * pooling->stride_width * walk->column_stride;
            output += windows * pooling->output_channels;
            left -= windows;
        }
        input.data += pooling->stride_height * walk->row_stride;
        output += pooling->output_row_gap;
    }
}

/** Rows in flash, as pairs, blocks or sixteens: every row at a few positions, then the next ones. */
TB_INLINE void tb_conv_stored(struct tb_source input, uint8_t *output, struct tb_stored weights, struct tb_rows rows,
                              struct tb_walk walk, struct tb_pooling pooling)
{
    const uint32_t most = tb_walk_windows(&pooling);
    for (uint32_t y = 0; y < pooling.height; y++) {
        struct tb_source field = input;
        for (uint32_t left = pooling.width; left > 0U;) {
            const uint32_t windows = left < most ? left : most;
            struct tb_nonzeros nonzeros = {weights.entries, weights.pairs, weights.blocks, weights.sixteens, 0};
            for (uint32_t row = 0; row < rows.count; row++) {
                nonzeros.count = weights.counts8 != NULL ? weights.counts8[row] : weights.counts16[row];
                tb_conv_windows(&walk, &pooling, &rows, row, field, nonzeros, windows, output);
                tb_sparse_advance(&nonzeros);
            }
            field.data += windows * pooling.stride_width * walk.column_stride;
            output += windows * pooling.output_channels;
            left -= windows;
        }
        input.data += pooling.stride_height * walk.row_stride;
        output += pooling.output_row_gap;
    }
}

/** Pairs of offset and weight. */
TB_INLINE void tb_conv_pairs(struct tb_source input, uint8_t *output, struct tb_stored weights, struct tb_rows rows,
                             struct tb_walk walk, struct tb_pooling pooling)
{
    tb_conv_stored(input, output, weights, rows, walk, pooling);
}

/** Blocks of four weights. */
TB_INLINE void tb_conv_blocks(struct tb_source input, uint8_t *output, struct tb_stored weights, struct tb_rows rows,
                              struct tb_walk walk, struct tb_pooling pooling)
{
    tb_conv_stored(input, output, weights, rows, walk, pooling);
}

/** Sixteens of weights. */
TB_INLINE void tb_conv_sixteens(struct tb_source input, uint8_t *output, struct tb_stored weights, struct tb_rows rows,
                                struct tb_walk walk, struct tb_pooling pooling)
{
    tb_conv_stored(input, output, weights, rows, walk, pooling);
}

/** Index stream; `scratch` holds the nonzeros of the fullest row. */
TB_INLINE void tb_conv_index(struct tb_source input, uint8_t *output, struct tb_index weights, struct tb_rows rows,
                             struct tb_walk walk, struct tb_pooling pooling, struct tb_pair *scratch)
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
        tb_conv_row(&walk, &pooling, &rows, row, input,
                    (struct tb_nonzeros){.pairs = scratch, .count = (uint32_t)(pair - scratch)}, output);
    }
}

/** Huffman codes; `scratch` holds the nonzeros of the fullest row, never a whole tensor. */
TB_INLINE void tb_conv_huffman(struct tb_source input, uint8_t *output, struct tb_huffman weights, struct tb_rows rows,
                               struct tb_walk walk, struct tb_pooling pooling, struct tb_pair *scratch)
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
        tb_conv_row(&walk, &pooling, &rows, row, input,
                    (struct tb_nonzeros){.pairs = scratch, .count = (uint32_t)(pair - scratch)}, output);
    }
}

#endif
