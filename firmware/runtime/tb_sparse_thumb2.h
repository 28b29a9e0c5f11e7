/**
 * @file
 * Sums of a sparse row's products on Armv7-M and later: four positions are immediate offsets of loads in a row.
 *
 * Loops are written as a whole, of instructions that do not lie across words, so that their time does not depend on
 * what the compiler puts around them.
 */
#ifndef TB_SPARSE_THUMB2_H
#define TB_SPARSE_THUMB2_H

#include "tb_nonzeros.h"

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

/** As `TB_SPARSE_PAIRS`, at one position. */
#define TB_SPARSE_SINGLES(load)                                                                                       \
    __asm__(                                                                                                          \
        "lsrs %[n], %[n], #1\n\t"                                                                                     \
        "bcc 1f\n\t"                                                                                                  \
        "ldr %[xa], [%[next]], #4\n\t"                                                                                \
        "lsr.w %[p], %[xa], #16\n\t" TB_SPARSE_WEIGHT("xa") load ".w %[p], [%[field], %[p]]\n\t" TB_SPARSE_MULTIPLY(  \
            "xa", "sum", "p") "1:\n\t"                                                                                \
                              "beq 3f\n\t"                                                                            \
                              ".balign 4\n"                                                                           \
                              "2:\n\t"                                                                                \
                              "ldrd %[xa], %[xb], [%[next]], #8\n\t"                                                  \
                              "lsr.w %[p], %[xa], #16\n\t"                                                            \
                              "lsr.w %[q], %[xb], #16\n\t" TB_SPARSE_WEIGHT("xa") TB_SPARSE_WEIGHT(                   \
                                  "xb") "subs.w %[n], %[n], #1\n\t" load ".w %[p], [%[field], %[p]]\n\t" load         \
                                        ".w %[q], [%[field], %[q]]\n\t" TB_SPARSE_MULTIPLY("xa", "sum", "p")          \
                                            TB_SPARSE_MULTIPLY("xb", "sum", "q") "bne 2b\n"                           \
                                                                                 "3:"                                 \
        : [sum] "+r"(sum), [next] "+r"(pair), [n] "+r"(n), [xa] "=&r"(xa), [xb] "=&r"(xb), [p] "=&r"(p), [q] "=&r"(q) \
        : [field] "r"(field.data)                                                                                     \
        : "cc", "memory")

TB_INLINE int32_t tb_sparse_sum_pairs(struct tb_nonzeros nonzeros, struct tb_source field)
{
    const struct tb_pair *pair = nonzeros.pairs;
    uint32_t n = nonzeros.count;
    int32_t sum = 0;
    uint32_t xa;
    uint32_t xb;
    uint32_t p;
    uint32_t q;
    if (field.is_signed) {
        TB_SPARSE_SINGLES("ldrsb");
    } else {
        TB_SPARSE_SINGLES("ldrb");
    }
    return sum;
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

#endif

#endif
