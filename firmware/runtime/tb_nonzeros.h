/**
 * @file
 * The nonzeros of a sparse convolution's row as they are stored.
 */
#ifndef TB_NONZEROS_H
#define TB_NONZEROS_H

#include "tb_sixteens.h"

/** A nonzero: its value, and its byte offset from the receptive field's first element. */
struct __attribute__((may_alias, aligned(4))) tb_pair {
    int16_t weight;
    uint16_t offset;
};

/** Two blocks of four neighbouring weights each, and their byte offsets, which are multiples of 4. */
struct __attribute__((may_alias, aligned(4))) tb_blocks {
    uint16_t offsets[2];
    int8_t values[2][4];
};

/** What the nonzeros of a row are stored as. */
enum tb_entries {
    TB_PAIRS,
    TB_BLOCKS,
    TB_SIXTEENS,
};

/** The nonzeros of one row: `count` pairs, twos of blocks, or sixteens. */
struct tb_nonzeros {
    enum tb_entries entries;
    const struct tb_pair *pairs;
    const struct tb_blocks *blocks;
    const struct tb_sixteen *sixteens;
    uint32_t count;
};

/** Distances of positions 1 to 3 from position 0, in bytes of the map. */
struct tb_offsets {
    uint32_t b, c, d;
};

/** From the nonzeros of one row to those of the next. */
TB_INLINE void tb_sparse_advance(struct tb_nonzeros *nonzeros)
{
    if (nonzeros->entries == TB_SIXTEENS) {
        nonzeros->sixteens += nonzeros->count;
    } else if (nonzeros->entries == TB_BLOCKS) {
        nonzeros->blocks += nonzeros->count;
    } else {
        nonzeros->pairs += nonzeros->count;
    }
}

#endif
