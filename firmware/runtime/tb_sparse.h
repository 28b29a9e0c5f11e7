/**
 * @file
 * Sums of a sparse row's products at four positions of a map, and at one.
 *
 * A nonzero's address and weight are fetched once for four positions, whose distances are constants: immediate offsets
 * of four loads in a row on Armv7-M and later, four base registers on Armv6-M. All give the same bits as the C beside.
 */
#ifndef TB_SPARSE_H
#define TB_SPARSE_H

#include "tb_nonzeros.h"
#include "tb_sparse_thumb1.h"
#include "tb_sparse_thumb2.h"

/** The sum at one position. */
TB_INLINE int32_t tb_sparse_sum(struct tb_nonzeros nonzeros, struct tb_source field)
{
#if defined(TB_SPARSE_SINGLES)
    if (nonzeros.entries == TB_PAIRS) {
        return tb_sparse_sum_pairs(nonzeros, field);
    }
#endif
    if (nonzeros.entries == TB_SIXTEENS) {
        return tb_sixteens_sum(nonzeros.sixteens, nonzeros.count, field);
    }
    int32_t sum = 0;
    for (uint32_t i = 0; i < nonzeros.count; i++) {
        if (nonzeros.entries == TB_PAIRS) {
            sum += nonzeros.pairs[i].weight * tb_load(field, nonzeros.pairs[i].offset);
        } else {
            for (uint32_t block = 0; block < 2U; block++) {
                for (uint32_t column = 0; column < 4U; column++) {
                    sum += nonzeros.blocks[i].values[block][column] *
                           tb_load(field, nonzeros.blocks[i].offsets[block] + column);
                }
            }
        }
    }
    return sum;
}

/** The sums at four positions, one after the other. */
TB_INLINE void tb_sparse_sums_one_by_one(struct tb_nonzeros nonzeros, struct tb_source field, struct tb_offsets offsets,
                                         int32_t sums[4])
{
    const struct tb_source b = {field.data + offsets.b, field.is_signed};
    const struct tb_source c = {field.data + offsets.c, field.is_signed};
    const struct tb_source d = {field.data + offsets.d, field.is_signed};
    sums[0] = tb_sparse_sum(nonzeros, field);
    sums[1] = tb_sparse_sum(nonzeros, b);
    sums[2] = tb_sparse_sum(nonzeros, c);
    sums[3] = tb_sparse_sum(nonzeros, d);
}

/** The sums at four positions. */
TB_INLINE void tb_sparse_sums(struct tb_nonzeros nonzeros, struct tb_source field, struct tb_offsets offsets,
                              int32_t sums[4])
{
#if defined(TB_SPARSE_REACH)
    if (offsets.b <= TB_SPARSE_REACH && offsets.c <= TB_SPARSE_REACH && offsets.d <= TB_SPARSE_REACH) {
        if (nonzeros.entries == TB_BLOCKS) {
            tb_sparse_sums_blocks(nonzeros, field, offsets, sums);
            return;
        }
        if (nonzeros.entries == TB_PAIRS) {
            tb_sparse_sums_pairs(nonzeros, field, offsets, sums);
            return;
        }
#if defined(__ARM_FEATURE_MVE)
        tb_sixteens_sums(nonzeros.sixteens, nonzeros.count, field, offsets.b, offsets.c, offsets.d, sums);
        return;
#endif
    }
#endif
    tb_sparse_sums_one_by_one(nonzeros, field, offsets, sums);
}

#endif
