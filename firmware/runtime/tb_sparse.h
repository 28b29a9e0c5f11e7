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

/** The largest immediate offset of a load, three columns before the end. */
#define TB_SPARSE_REACH 4092U

#if defined(__ARM_FEATURE_DSP)
#define TB_SPARSE_SIGNED "sxtb16"
#define TB_SPARSE_UNSIGNED "uxtb16"
#define TB_SPARSE_WEIGHT(pair)
#define TB_SPARSE_MULTIPLY(pair, sum, activation) "smlabb %[" sum "], %[" activation "], %[" pair "], %[" sum "]\n\t"
#else
#define TB_SPARSE_SIGNED "ldrsb"
#define TB_SPARSE_UNSIGNED "ldrb"
#define TB_SPARSE_WEIGHT(pair) "sxth.w %[" pair "], %[" pair "]\n\t"
#define TB_SPARSE_MULTIPLY(pair, sum, activation) "mla %[" sum "], %[" activation "], %[" pair "], %[" sum "]\n\t"
#endif

/** An address is used one instruction after it is computed at the soonest, and loads follow each other. */
#define TB_SPARSE_ADDRESS(pair) "add.w %[p], %[field], %[" pair "], lsr #16\n\t"
#define TB_SPARSE_LOADS(load)                                                                              \
    load ".w %[ta], [%[p]]\n\t" load ".w %[tb], [%[p], %[ob]]\n\t" load ".w %[tc], [%[p], %[oc]]\n\t" load \
         ".w %[p], [%[p], %[od]]\n\t"
#define TB_SPARSE_LAST(pair) TB_SPARSE_MULTIPLY(pair, "s3", "p")
#define TB_SPARSE_FIRST(pair) \
    TB_SPARSE_MULTIPLY(pair, "s0", "ta") TB_SPARSE_MULTIPLY(pair, "s1", "tb") TB_SPARSE_MULTIPLY(pair, "s2", "tc")

/** An odd pair first, then two at a time; all instructions of the loop but the last are wide, so that none lies across
 * words. */
#define TB_SPARSE_PAIRS(load)                                                                                          \
    __asm__("lsrs %[n], %[n], #1\n\t"                                                                                  \
            "bcc 1f\n\t"                                                                                               \
            "ldr %[xa], [%[next]], #4\n\t" TB_SPARSE_ADDRESS("xa") TB_SPARSE_WEIGHT("xa") TB_SPARSE_LOADS(load)        \
                TB_SPARSE_LAST("xa")                                                                                   \
                    TB_SPARSE_FIRST("xa") "1:\n\t"                                                                     \
                                          "beq 3f\n\t"                                                                 \
                                          ".balign 4\n"                                                                \
                                          "2:\n\t"                                                                     \
                                          "ldrd %[xa], %[xb], [%[next]], #8\n\t" TB_SPARSE_ADDRESS("xa")               \
                                              TB_SPARSE_WEIGHT("xa") "subs.w %[n], %[n], #1\n\t" TB_SPARSE_LOADS(load) \
                                                  TB_SPARSE_LAST("xa") TB_SPARSE_ADDRESS("xb") TB_SPARSE_WEIGHT("xb")  \
                                                      TB_SPARSE_FIRST("xa") TB_SPARSE_LOADS(load) TB_SPARSE_LAST("xb") \
                                                          TB_SPARSE_FIRST("xb") "bne 2b\n"                             \
                                                                                "3:"                                   \
            : [s0] "+r"(s0), [s1] "+r"(s1), [s2] "+r"(s2), [s3] "+r"(s3), [next] "+r"(pair), [n] "+r"(n),              \
              [xa] "=&r"(xa), [xb] "=&r"(xb), [p] "=&r"(p), [ta] "=&r"(ta), [tb] "=&r"(tb), [tc] "=&r"(tc)             \
            : [field] "r"(field.data), [ob] "i"(offsets.b), [oc] "i"(offsets.c), [od] "i"(offsets.d)                   \
            : "cc", "memory")

TB_INLINE void tb_sparse_sums_pairs(struct tb_nonzeros nonzeros, struct tb_source field, struct tb_offsets offsets,
                                    int32_t sums[4])
{
    const struct tb_pair *pair = nonzeros.pairs;
    uint32_t n = nonzeros.count;
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

/** Four weights by four positions; the address of the activations is computed one instruction before its use. */
#define TB_SPARSE_BLOCK(extend, offset, value, count)                                                          \
    "ldrh.w %[p], [%[next], #" offset "]\n\t"                                                                  \
    "ldr.w %[w], [%[next], #" value "]\n\t"                                                                    \
    "add.w %[p], %[field], %[p]\n\t"                                                                           \
    "sxtb16 %[wo], %[w], ror #8\n\t"                                                                           \
    "sxtb16 %[w], %[w]\n\t" count "ldr.w %[ta], [%[p]]\n\t"                                                    \
    "ldr.w %[tb], [%[p], %[ob]]\n\t" TB_SPARSE_WORD(extend, "s0", "ta")                                        \
        TB_SPARSE_WORD(extend, "s1", "tb") "ldr.w %[ta], [%[p], %[oc]]\n\t"                                    \
                                           "ldr.w %[tb], [%[p], %[od]]\n\t" TB_SPARSE_WORD(extend, "s2", "ta") \
                                               TB_SPARSE_WORD(extend, "s3", "tb")

#define TB_SPARSE_BLOCKS(extend)                                                                            \
    __asm__("cmp %[n], #0\n\t"                                                                              \
            "beq 2f\n\t"                                                                                    \
            ".balign 4\n"                                                                                   \
            "1:\n\t" TB_SPARSE_BLOCK(extend, "0", "4", "subs.w %[n], %[n], #1\n\t")                         \
                TB_SPARSE_BLOCK(extend, "2", "8", "add.w %[next], %[next], #12\n\t") "bne 1b\n"             \
                                                                                     "2:"                   \
            : [s0] "+r"(s0), [s1] "+r"(s1), [s2] "+r"(s2), [s3] "+r"(s3), [next] "+r"(blocks), [n] "+r"(n), \
              [w] "=&r"(w), [wo] "=&r"(wo), [p] "=&r"(p), [ta] "=&r"(ta), [tb] "=&r"(tb), [u] "=&r"(u)      \
            : [field] "r"(field.data), [ob] "i"(offsets.b), [oc] "i"(offsets.c), [od] "i"(offsets.d)        \
            : "cc", "memory")

#else

/** One weight at four positions. */
#define TB_SPARSE_COLUMN(load, value, at)                                                       \
    "ldrsb.w %[w], [%[next], #" value "]\n\t" load ".w %[ta], [%[p], #" at "]\n\t" load         \
    ".w %[tb], [%[p], #%c[ob] + " at "]\n\t" load ".w %[tc], [%[p], #%c[oc] + " at "]\n\t" load \
    ".w %[td], [%[p], #%c[od] + " at "]\n\t"                                                    \
    "mla %[s0], %[ta], %[w], %[s0]\n\t"                                                         \
    "mla %[s1], %[tb], %[w], %[s1]\n\t"                                                         \
    "mla %[s2], %[tc], %[w], %[s2]\n\t"                                                         \
    "mla %[s3], %[td], %[w], %[s3]\n\t"

#define TB_SPARSE_BLOCK(load, offset, value, count)                              \
    "ldrh.w %[p], [%[next], #" offset "]\n\t"                                    \
    "add.w %[p], %[field], %[p]\n\t" count                                       \
    TB_SPARSE_COLUMN(load, value, "0") TB_SPARSE_COLUMN(load, value " + 1", "1") \
        TB_SPARSE_COLUMN(load, value " + 2", "2") TB_SPARSE_COLUMN(load, value " + 3", "3")

#define TB_SPARSE_BLOCKS(load)                                                                              \
    __asm__("cmp %[n], #0\n\t"                                                                              \
            "beq 2f\n\t"                                                                                    \
            ".balign 4\n"                                                                                   \
            "1:\n\t" TB_SPARSE_BLOCK(load, "0", "4", "subs.w %[n], %[n], #1\n\t")                           \
                TB_SPARSE_BLOCK(load, "2", "8", "") "add.w %[next], %[next], #12\n\t"                       \
                                                    "bne 1b\n"                                              \
                                                    "2:"                                                    \
            : [s0] "+r"(s0), [s1] "+r"(s1), [s2] "+r"(s2), [s3] "+r"(s3), [next] "+r"(blocks), [n] "+r"(n), \
              [w] "=&r"(w), [p] "=&r"(p), [ta] "=&r"(ta), [tb] "=&r"(tb), [tc] "=&r"(tc), [td] "=&r"(td)    \
            : [field] "r"(field.data), [ob] "i"(offsets.b), [oc] "i"(offsets.c), [od] "i"(offsets.d)        \
            : "cc", "memory")

#endif

TB_INLINE void tb_sparse_sums_blocks(struct tb_nonzeros nonzeros, struct tb_source field, struct tb_offsets offsets,
                                     int32_t sums[4])
{
    const struct tb_blocks *blocks = nonzeros.blocks;
    uint32_t n = nonzeros.count;
    int32_t s0 = 0;
    int32_t s1 = 0;
    int32_t s2 = 0;
    int32_t s3 = 0;
    uint32_t w;
    uint32_t p;
    uint32_t ta;
    uint32_t tb;
#if defined(__ARM_FEATURE_DSP)
    uint32_t wo;
    uint32_t u;
#else
    uint32_t tc;
    uint32_t td;
#endif
    if (field.is_signed) {
        TB_SPARSE_BLOCKS(TB_SPARSE_SIGNED);
    } else {
        TB_SPARSE_BLOCKS(TB_SPARSE_UNSIGNED);
    }
    sums[0] = s0;
    sums[1] = s1;
    sums[2] = s2;
    sums[3] = s3;
}

#elif defined(__OPTIMIZE__) && defined(__thumb__) && defined(__ARM_ARCH_6M__)

/** Positions have address registers of their own. */
#define TB_SPARSE_REACH UINT32_MAX

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
            : [s0] "+h"(s0), [s1] "+h"(s1), [s2] "+h"(s2), [s3] "+h"(s3), [next] "+l"(next), [w] "=&l"(w), \
              [o] "=&l"(o), [t] "=&l"(t)                                                                   \
            : [f0] "l"(f0), [f1] "l"(f1), [f2] "l"(f2), [f3] "l"(f3), [end] "h"(end)                       \
            : "cc", "memory")

TB_INLINE void tb_sparse_sums_pairs(struct tb_nonzeros nonzeros, struct tb_source field, struct tb_offsets offsets,
                                    int32_t sums[4])
{
    const struct tb_pair *next = nonzeros.pairs;
    const struct tb_pair *end = next + nonzeros.count;
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

/** One weight at four positions; the offset moves on to the next. */
#define TB_SPARSE_COLUMN(load, value)                                                             \
    "movs %[w], #" value "\n\t"                                                                   \
    "ldrsb %[w], [%[next], %[w]]\n\t" TB_SPARSE_POSITION(load, "0") TB_SPARSE_POSITION(load, "1") \
        TB_SPARSE_POSITION(load, "2") TB_SPARSE_POSITION(load, "3") "adds %[o], #1\n\t"

#define TB_SPARSE_BLOCK(load, offset, value)                                                                 \
    "ldrh %[o], [%[next], #" offset "]\n\t" TB_SPARSE_COLUMN(load, value) TB_SPARSE_COLUMN(load, value "+1") \
        TB_SPARSE_COLUMN(load, value "+2") TB_SPARSE_COLUMN(load, value "+3")

#define TB_SPARSE_BLOCKS(load)                                                                                 \
    __asm__(".syntax unified\n"                                                                                \
            "1:\n\t" TB_SPARSE_BLOCK(load, "0", "4") TB_SPARSE_BLOCK(load, "2", "8") "adds %[next], #12\n\t"   \
                                                                                     "cmp %[next], %[end]\n\t" \
                                                                                     "bne 1b"                  \
            : [s0] "+h"(s0), [s1] "+h"(s1), [s2] "+h"(s2), [s3] "+h"(s3), [next] "+l"(next), [w] "=&l"(w),     \
              [o] "=&l"(o), [t] "=&l"(t)                                                                       \
            : [f0] "l"(f0), [f1] "l"(f1), [f2] "l"(f2), [f3] "l"(f3), [end] "h"(end)                           \
            : "cc", "memory")

TB_INLINE void tb_sparse_sums_blocks(struct tb_nonzeros nonzeros, struct tb_source field, struct tb_offsets offsets,
                                     int32_t sums[4])
{
    const struct tb_blocks *next = nonzeros.blocks;
    const struct tb_blocks *end = next + nonzeros.count;
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
            TB_SPARSE_BLOCKS("ldrsb");
        } else {
            TB_SPARSE_BLOCKS("ldrb");
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
#if defined(TB_SPARSE_REACH)
    if (offsets.b <= TB_SPARSE_REACH && offsets.c <= TB_SPARSE_REACH && offsets.d <= TB_SPARSE_REACH) {
        if (nonzeros.in_blocks) {
            tb_sparse_sums_blocks(nonzeros, field, offsets, sums);
        } else {
            tb_sparse_sums_pairs(nonzeros, field, offsets, sums);
        }
        return;
    }
#endif
    tb_sparse_sums_one_by_one(nonzeros, field, offsets, sums);
}

#endif
