/**
 * @file
 * Sums of a sparse row's products, sixteen neighbouring weights at a time, on cores with vectors (MVE).
 *
 * The multiplication takes both sides signed. Unsigned activations are moved down by 128, and the layer's biases hold
 * what that takes away. The C gives the same bits.
 */
#ifndef TB_SIXTEENS_H
#define TB_SIXTEENS_H

#include "tb_arith.h"

#define TB_LANES 16U

/** Sixteen neighbouring weights, and their byte offset from the receptive field's first element. */
struct __attribute__((may_alias, aligned(2))) tb_sixteen {
    uint16_t offset;
    int8_t values[TB_LANES];
};

/** The sum at one position. */
TB_INLINE int32_t tb_sixteens_sum(const struct tb_sixteen *sixteens, uint32_t count, struct tb_source field)
{
    const int32_t center = field.is_signed ? 0 : 128;
    int32_t sum = 0;
    for (uint32_t i = 0; i < count; i++) {
        for (uint32_t lane = 0; lane < TB_LANES; lane++) {
            sum += sixteens[i].values[lane] * (tb_load(field, sixteens[i].offset + lane) - center);
        }
    }
    return sum;
}

#if defined(__OPTIMIZE__) && defined(__ARM_FEATURE_MVE)

#define TB_SIXTEENS_POSITION(center, sum) "vldrb.8 q1, [%[p]]\n\t" center "vmladava.s8 %[" sum "], q0, q1\n\t"

/** Four positions, `b`, `c - b` and `d - c` bytes apart. */
#define TB_SIXTEENS_SUMS(first, center)                                                                               \
    __asm__(                                                                                                          \
        first                                                                                                         \
        "wls lr, %[n], 2f\n"                                                                                          \
        "1:\n\t"                                                                                                      \
        "ldrh %[p], [%[next]], #2\n\t"                                                                                \
        "vldrb.8 q0, [%[next]], #16\n\t"                                                                              \
        "add %[p], %[field]\n\t" TB_SIXTEENS_POSITION(center, "s0") "addw %[p], %[p], %[b]\n\t" TB_SIXTEENS_POSITION( \
            center, "s1") "addw %[p], %[p], %[cb]\n\t" TB_SIXTEENS_POSITION(center,                                   \
                                                                            "s2") "addw %[p], %[p], "                 \
                                                                                  "%[dc]\n\t" TB_SIXTEENS_POSITION(   \
                                                                                      center, "s3") "le "             \
                                                                                                    "lr,"             \
                                                                                                    " 1b"             \
                                                                                                    "\n"              \
                                                                                                    "2:"              \
        : [s0] "+Te"(s0), [s1] "+Te"(s1), [s2] "+Te"(s2), [s3] "+Te"(s3), [next] "+r"(sixteens), [p] "=&r"(p)         \
        : [n] "r"(count), [field] "r"(field.data), [b] "i"(b), [cb] "i"(c - b), [dc] "i"(d - c)                       \
        : "lr", "q0", "q1", "q2", "cc", "memory")

/** The sums at four positions, `b`, `c` and `d` bytes from the first, each behind the one before. */
TB_INLINE void tb_sixteens_sums(const struct tb_sixteen *sixteens, uint32_t count, struct tb_source field, uint32_t b,
                                uint32_t c, uint32_t d, int32_t sums[4])
{
    int32_t s0 = 0;
    int32_t s1 = 0;
    int32_t s2 = 0;
    int32_t s3 = 0;
    uint32_t p;
    if (field.is_signed) {
        TB_SIXTEENS_SUMS("", "");
    } else {
        TB_SIXTEENS_SUMS("vmov.i8 q2, #0x80\n\t", "veor q1, q1, q2\n\t");
    }
    sums[0] = s0;
    sums[1] = s1;
    sums[2] = s2;
    sums[3] = s3;
}

#endif

#endif
