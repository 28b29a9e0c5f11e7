/**
 * @file
 * Sums of a sparse row's products on Armv6-M: four positions have address registers of their own.
 */
#ifndef TB_SPARSE_THUMB1_H
#define TB_SPARSE_THUMB1_H

#include "tb_nonzeros.h"

#if defined(__OPTIMIZE__) && defined(__thumb__) && defined(__ARM_ARCH_6M__)

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

#endif
