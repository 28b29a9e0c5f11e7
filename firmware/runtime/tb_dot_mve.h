/**
 * @file
 * Inner products of dense convolutions on cores with vectors (MVE): four receptive fields by one row of weights.
 *
 * The loop ends itself and switches off what lies behind the last column (tail predication), so no byte behind a row
 * is read. Its multiplication takes both sides signed: unsigned activations are moved down by 128 first, and 128 times
 * the sum of the row's weights, which is formed beside the products, is added to the bias.
 */
#ifndef TB_DOT_MVE_H
#define TB_DOT_MVE_H

#include "tb_arith.h"

/** Moves `count` unsigned bytes down by 128, to signed ones. */
TB_INLINE void tb_mve_center(uint8_t *bytes, uint32_t count)
{
    __asm__ volatile("vmov.i8 q1, #0x80\n\t"
                     "wlstp.8 lr, %[count], 2f\n"
                     "1:\n\t"
                     "vldrb.8 q0, [%[bytes]]\n\t"
                     "veor q0, q0, q1\n\t"
                     "vstrb.8 q0, [%[bytes]], #16\n\t"
                     "letp lr, 1b\n"
                     "2:"
                     : [bytes] "+r"(bytes)
                     : [count] "r"(count)
                     : "lr", "q0", "q1", "cc", "memory");
}

#define TB_MVE_FIELD(number)                \
    "vldrb.8 q1, [%[f" number "]], #16\n\t" \
    "vmladava.s8 %[s" number "], q0, q1\n\t"

/** One row: the loop leaves the pointers behind whole vectors, from where they are taken back. */
#define TB_MVE_ROW(zero, also, keep)                                                                                \
    __asm__ volatile(                                                                                               \
        "mov %[s0], %[count]\n\t"                                                                                   \
        "wlstp.8 lr, %[s0], 2f\n\t"                                                                                 \
        "movs %[s0], #0\n\t"                                                                                        \
        "mov %[s1], %[s0]\n\t"                                                                                      \
        "mov %[s2], %[s0]\n\t"                                                                                      \
        "mov %[s3], %[s0]\n\t" zero "1:\n\t"                                                                        \
        "vldrb.8 q0, [%[weights]], #16\n\t" TB_MVE_FIELD("0") TB_MVE_FIELD("1") TB_MVE_FIELD("2") TB_MVE_FIELD("3") \
            also "letp lr, 1b\n"                                                                                    \
                 "2:\n\t" keep "str %[s3], [%[sums], #48]\n\t"                                                      \
                 "str %[s2], [%[sums], #32]\n\t"                                                                    \
                 "str %[s1], [%[sums], #16]\n\t"                                                                    \
                 "str %[s0], [%[sums]], #4"                                                                         \
        : [s0] "=&Te"(s0), [s1] "=&Te"(s1), [s2] "=&Te"(s2), [s3] "=&Te"(s3), [sum] "=&Te"(sum), [f0] "+r"(f0),     \
          [f1] "+r"(f1), [f2] "+r"(f2), [f3] "+r"(f3), [weights] "+r"(weights), [sums] "+r"(to)                     \
        : [count] "i"(count)                                                                                        \
        : "lr", "q0", "q1", "cc", "memory")

/**
 * Four fields of `count` bytes, side by side, by `rows` rows, at most four. `sums` gets those of each field, and, for
 * unsigned activations, which have been moved down, what every sum of a row lacks, in units of 128.
 */
TB_INLINE void tb_mve_rows(const uint8_t *fields, const int8_t *weights, uint32_t count, uint32_t rows, bool is_signed,
                           int32_t sums[5][4])
{
    const uint32_t passed = (count + 15U) / 16U * 16U;
    const uint8_t *f0 = fields;
    const uint8_t *f1 = f0 + count;
    const uint8_t *f2 = f1 + count;
    const uint8_t *f3 = f2 + count;
    int32_t *to = sums[0];
    int32_t s0;
    int32_t s1;
    int32_t s2;
    int32_t s3;
    int32_t sum;
    for (; rows > 0U; rows--) {
        if (is_signed) {
            TB_MVE_ROW("", "", "");
        } else {
            TB_MVE_ROW("mov %[sum], %[s0]\n", "vaddva.s8 %[sum], q0\n\t", "str %[sum], [%[sums], #64]\n\t");
        }
        weights -= passed - count;
        f0 -= passed;
        f1 -= passed;
        f2 -= passed;
        f3 -= passed;
    }
}

#endif
