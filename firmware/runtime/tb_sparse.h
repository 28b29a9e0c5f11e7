/**
 * @file
 * Sums of a sparse row's products at four positions of a map, and at one.
 *
 * A nonzero's address and weight are fetched once for four positions, whose distances are constants: immediate offsets
 * of four loads in a row on Armv7-M and later, four base registers on Armv6-M. All give the same bits as the C beside.
 */
#ifndef TB_SPARSE_H
#define TB_SPARSE_H

#include "tb_arith.h"

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

/** The nonzeros of one row: `count` pairs, or `count` twos of blocks. */
struct tb_nonzeros {
    bool in_blocks;
    const struct tb_pair *pairs;
    const struct tb_blocks *blocks;
    uint32_t count;
};

/** Distances of positions 1 to 3 from position 0, in bytes of the map. */
struct tb_offsets {
    uint32_t b, c, d;
};

/** From the nonzeros of one row to those of the next. */
TB_INLINE void tb_sparse_advance(struct tb_nonzeros *nonzeros)
{
    if (nonzeros->in_blocks) {
        nonzeros->blocks += nonzeros->count;
    } else {
        nonzeros->pairs += nonzeros->count;
    }
}

/** The sum at one position. */
TB_INLINE int32_t tb_sparse_sum(struct tb_nonzeros nonzeros, struct tb_source field)
{
    int32_t sum = 0;
    for (uint32_t i = 0; i < nonzeros.count; i++) {
        if (!nonzeros.in_blocks) {
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

#if defined(__OPTIMIZE__) && defined(__thumb2__)

/** The largest immediate offset of a load. */
#define TB_SPARSE_REACH 4095U

#if defined(__ARM_FEATURE_DSP)
#define TB_SPARSE_WEIGHT(pair)
#define TB_SPARSE_MULTIPLY(pair, sum, activation) "smlabb %[" sum "], %[" activation "], %[" pair "], %[" sum "]\n\t"
#else
#define TB_SPARSE_WEIGHT(pair) "sxth %[" pair "], %[" pair "]\n\t"
#define TB_SPARSE_MULTIPLY(pair, sum, activation) "mla %[" sum "], %[" activation "], %[" pair "], %[" sum "]\n\t"
#endif

#define TB_SPARSE_PAIR(load, pair)                                                                           \
    "add %[p], %[field], %[" pair "], lsr #16\n\t" TB_SPARSE_WEIGHT(pair) load                               \
        " %[ta], [%[p]]\n\t" load " %[tb], [%[p], %[ob]]\n\t" load " %[tc], [%[p], %[oc]]\n\t" load          \
        " %[p], [%[p], %[od]]\n\t" TB_SPARSE_MULTIPLY(pair, "s0", "ta") TB_SPARSE_MULTIPLY(pair, "s1", "tb") \
            TB_SPARSE_MULTIPLY(pair, "s2", "tc") TB_SPARSE_MULTIPLY(pair, "s3", "p")

#define TB_SPARSE_PAIRS(load)                                                                                        \
    do {                                                                                                             \
        for (uint32_t left = nonzeros.count / 2U; left > 0U; left--) {                                               \
            __asm__("ldrd %[xa], %[xb], [%[next]], #8\n\t" TB_SPARSE_PAIR(load, "xa") TB_SPARSE_PAIR(load, "xb")     \
                    : [s0] "+r"(s0), [s1] "+r"(s1), [s2] "+r"(s2), [s3] "+r"(s3), [next] "+r"(pair), [xa] "=&r"(xa), \
                      [xb] "=&r"(xb), [p] "=&r"(p), [ta] "=&r"(ta), [tb] "=&r"(tb), [tc] "=&r"(tc)                   \
                    : [field] "r"(field.data), [ob] "i"(offsets.b), [oc] "i"(offsets.c), [od] "i"(offsets.d)         \
                    : "memory");                                                                                     \
        }                                                                                                            \
        if (nonzeros.count % 2U != 0U) {                                                                             \
            __asm__("ldr %[xa], [%[next]]\n\t" TB_SPARSE_PAIR(load, "xa")                                            \
                    : [s0] "+r"(s0), [s1] "+r"(s1), [s2] "+r"(s2), [s3] "+r"(s3), [xa] "=&r"(xa), [p] "=&r"(p),      \
                      [ta] "=&r"(ta), [tb] "=&r"(tb), [tc] "=&r"(tc)                                                 \
                    : [next] "r"(pair), [field] "r"(field.data), [ob] "i"(offsets.b), [oc] "i"(offsets.c),           \
                      [od] "i"(offsets.d)                                                                            \
                    : "memory");                                                                                     \
        }                                                                                                            \
    } while (0)

TB_INLINE void tb_sparse_sums_pairs(struct tb_nonzeros nonzeros, struct tb_source field, struct tb_offsets offsets,
                                    int32_t sums[4])
{
    const struct tb_pair *pair = nonzeros.pairs;
    int32_t s0 = 0;
    int32_t s1 = 0;
    int32_t s2 = 0;
    int32_t s3 = 0;
    uint32_t xa;
    uint32_t xb;
    uint32_t p;
    uint32_t ta;
    uint32_t tb;
    uint32_t tc;
    if (field.is_signed) {
        TB_SPARSE_PAIRS("ldrsb");
    } else {
        TB_SPARSE_PAIRS("ldrb");
    }
    sums[0] = s0;
    sums[1] = s1;
    sums[2] = s2;
    sums[3] = s3;
}

#if defined(__ARM_FEATURE_DSP)

#define TB_SPARSE_WORD(extend, sum, word)                                          \
    extend " %[u], %[" word "], ror #8\n\t" extend " %[" word "], %[" word "]\n\t" \
           "smlad %[" sum "], %[wo], %[u], %[" sum "]\n\t"                         \
           "smlad %[" sum "], %[w], %[" word "], %[" sum "]\n\t"

#define TB_SPARSE_BLOCK(extend, offset, value)                                                               \
    "ldrh %[p], [%[next], #" offset "]\n\t"                                                                  \
    "ldr %[w], [%[next], #" value "]\n\t"                                                                    \
    "add %[p], %[field], %[p]\n\t"                                                                           \
    "sxtb16 %[wo], %[w], ror #8\n\t"                                                                         \
    "sxtb16 %[w], %[w]\n\t"                                                                                  \
    "ldr %[ta], [%[p]]\n\t"                                                                                  \
    "ldr %[tb], [%[p], %[ob]]\n\t" TB_SPARSE_WORD(extend, "s0", "ta")                                        \
        TB_SPARSE_WORD(extend, "s1", "tb") "ldr %[ta], [%[p], %[oc]]\n\t"                                    \
                                           "ldr %[tb], [%[p], %[od]]\n\t" TB_SPARSE_WORD(extend, "s2", "ta") \
                                               TB_SPARSE_WORD(extend, "s3", "tb")

#define TB_SPARSE_BLOCKS(extend)                                                                            \
    for (uint32_t left = nonzeros.count; left > 0U; left--, blocks++) {                                     \
        __asm__(TB_SPARSE_BLOCK(extend, "0", "4") TB_SPARSE_BLOCK(extend, "2", "8")                         \
                : [s0] "+r"(s0), [s1] "+r"(s1), [s2] "+r"(s2), [s3] "+r"(s3), [w] "=&r"(w), [wo] "=&r"(wo), \
                  [p] "=&r"(p), [ta] "=&r"(ta), [tb] "=&r"(tb), [u] "=&r"(u)                                \
                : [next] "r"(blocks), [field] "r"(field.data), [ob] "i"(offsets.b), [oc] "i"(offsets.c),    \
                  [od] "i"(offsets.d)                                                                       \
                : "memory");                                                                                \
    }

TB_INLINE void tb_sparse_sums_blocks(struct tb_nonzeros nonzeros, struct tb_source field, struct tb_offsets offsets,
                                     int32_t sums[4])
{
    const struct tb_blocks *blocks = nonzeros.blocks;
    int32_t s0 = 0;
    int32_t s1 = 0;
    int32_t s2 = 0;
    int32_t s3 = 0;
    uint32_t w;
    uint32_t wo;
    uint32_t p;
    uint32_t ta;
    uint32_t tb;
    uint32_t u;
    if (field.is_signed) {
        TB_SPARSE_BLOCKS("sxtb16")
    } else {
        TB_SPARSE_BLOCKS("uxtb16")
    }
    sums[0] = s0;
    sums[1] = s1;
    sums[2] = s2;
    sums[3] = s3;
}

#endif

#elif defined(__OPTIMIZE__) && defined(__thumb__) && defined(__ARM_ARCH_6M__)

#define TB_SPARSE_POSITION(load, number)     \
    load " %[t], [%[f" number "], %[o]]\n\t" \
         "muls %[t], %[w]\n\t"               \
         "add %[s" number "], %[t]\n\t"

#define TB_SPARSE_PAIRS(load)                                                                              \
    __asm__(".syntax unified\n"                                                                            \
            "1:\n\t"                                                                                       \
            "ldr %[w], [%[next]]\n\t"                                                                      \
            "adds %[next], #4\n\t"                                                                         \
            "lsrs %[o], %[w], #16\n\t"                                                                     \
            "sxth %[w], %[w]\n\t" TB_SPARSE_POSITION(load, "0") TB_SPARSE_POSITION(load, "1")              \
                TB_SPARSE_POSITION(load, "2") TB_SPARSE_POSITION(load, "3") "cmp %[next], %[end]\n\t"      \
                                                                            "bne 1b"                       \
            : [s0] "+h"(s0), [s1] "+h"(s1), [s2] "+h"(s2), [s3] "+h"(s3), [next] "+l"(pair), [w] "=&l"(w), \
              [o] "=&l"(o), [t] "=&l"(t)                                                                   \
            : [f0] "l"(f0), [f1] "l"(f1), [f2] "l"(f2), [f3] "l"(f3), [end] "h"(end)                       \
            : "cc", "memory")

TB_INLINE void tb_sparse_sums_pairs(struct tb_nonzeros nonzeros, struct tb_source field, struct tb_offsets offsets,
                                    int32_t sums[4])
{
    const struct tb_pair *pair = nonzeros.pairs;
    const struct tb_pair *end = pair + nonzeros.count;
    const uint8_t *f0 = field.data;
    const uint8_t *f1 = f0 + offsets.b;
    const uint8_t *f2 = f0 + offsets.c;
    const uint8_t *f3 = f0 + offsets.d;
    int32_t s0 = 0;
    int32_t s1 = 0;
    int32_t s2 = 0;
    int32_t s3 = 0;
    uint32_t w;
    uint32_t o;
    uint32_t t;
    if (nonzeros.count > 0U) {
        if (field.is_signed) {
            TB_SPARSE_PAIRS("ldrsb");
        } else {
            TB_SPARSE_PAIRS("ldrb");
        }
    }
    sums[0] = s0;
    sums[1] = s1;
    sums[2] = s2;
    sums[3] = s3;
}

#endif

/** The sums at four positions. */
TB_INLINE void tb_sparse_sums(struct tb_nonzeros nonzeros, struct tb_source field, struct tb_offsets offsets,
                              int32_t sums[4])
{
#if defined(__OPTIMIZE__) && defined(__thumb2__)
    if (offsets.b <= TB_SPARSE_REACH && offsets.c <= TB_SPARSE_REACH && offsets.d <= TB_SPARSE_REACH) {
        if (!nonzeros.in_blocks) {
            tb_sparse_sums_pairs(nonzeros, field, offsets, sums);
            return;
        }
#if defined(__ARM_FEATURE_DSP)
        tb_sparse_sums_blocks(nonzeros, field, offsets, sums);
        return;
#endif
    }
#elif defined(__OPTIMIZE__) && defined(__thumb__) && defined(__ARM_ARCH_6M__)
    if (!nonzeros.in_blocks) {
        tb_sparse_sums_pairs(nonzeros, field, offsets, sums);
        return;
    }
#endif
    tb_sparse_sums_one_by_one(nonzeros, field, offsets, sums);
}

#endif
