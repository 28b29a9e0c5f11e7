/**
 * @file
 * Inner products of dense convolutions on cores with vectors (MVE): four receptive fields by one row of weights.
 *
 * The loop ends itself and switches off what lies behind the last column (tail predication), so no byte behind a row
 * is read. Its multiplication takes both sides signed: unsigned activations are moved down by 128 first, and 128 times
 * the sum of the row's weights, which is formed beside the products, puts that right.
 */
#ifndef TB_DOT_MVE_H
#define TB_DOT_MVE_H

#include "tb_arith.h"

#define TB_MVE_SHIFT 128

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

#define TB_MVE_4X1(also)                                                                                       \
    __asm__("wlstp.8 lr, %[count], 2f\n"                                                                       \
            "1:\n\t"                                                                                           \
            "vldrb.8 q0, [%[weights]], #16\n\t" TB_MVE_FIELD("0") TB_MVE_FIELD("1") TB_MVE_FIELD("2")          \
                TB_MVE_FIELD("3") also "letp lr, 1b\n"                                                         \
                                       "2:"                                                                    \
            : [s0] "+Te"(s0), [s1] "+Te"(s1), [s2] "+Te"(s2), [s3] "+Te"(s3), [sum] "+Te"(sum), [f0] "+r"(f0), \
              [f1] "+r"(f1), [f2] "+r"(f2), [f3] "+r"(f3), [weights] "+r"(weights)                             \
            : [count] "r"(count)                                                                               \
            : "lr", "q0", "q1", "cc", "memory")

/** Four fields of `count` bytes, side by side, by one row; unsigned activations have been moved down. */
TB_INLINE void tb_mve_4x1(const uint8_t *fields, const int8_t *weights, uint32_t count, bool is_signed, int32_t sums[4])
{
    const uint8_t *f0 = fields;
    const uint8_t *f1 = f0 + count;
    const uint8_t *f2 = f1 + count;
    const uint8_t *f3 = f2 + count;
    int32_t s0 = 0;
    int32_t s1 = 0;
    int32_t s2 = 0;
    int32_t s3 = 0;
    int32_t sum = 0;
    if (is_signed) {
        TB_MVE_4X1("");
    } else {
        TB_MVE_4X1("vaddva.s8 %[sum], q0\n\t");
        sum *= TB_MVE_SHIFT;
    }
    sums[0] = s0 + sum;
    sums[1] = s1 + sum;
    sums[2] = s2 + sum;
    sums[3] = s3 + sum;
}

#endif
