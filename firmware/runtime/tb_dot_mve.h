/**
 * @file
 * Inner products of dense convolutions on cores with vectors (MVE): four receptive fields by two rows of weights.
 *
 * The loop ends itself and switches off what lies behind the last column (tail predication), so no byte behind a row
 * is read. Its multiplication takes both sides signed: unsigned activations are moved down by 128 first. Where the
 * biases do not make up for that already, 128 times the sum of a row's weights does.
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

/** Sixteen columns of two rows by two fields; `add` is "a" where the sums go on. */
#define TB_MVE_COLUMNS(add)               \
    "vldrb.8 q0, [%[w0]], #16\n\t"        \
    "vldrb.8 q1, [%[w1]], #16\n\t"        \
    "vldrb.8 q2, [%[f0]], #16\n\t"        \
    "vldrb.8 q3, [%[f1]], #16\n\t"        \
    "vmladav" add ".s8 %[s0], q0, q2\n\t" \
    "vmladav" add ".s8 %[s1], q1, q2\n\t" \
    "vmladav" add ".s8 %[s2], q0, q3\n\t" \
    "vmladav" add ".s8 %[s3], q1, q3\n\t"

/** `begin` leaves `left` columns, at most 65,535, to the loop, which may have none. */
#define TB_MVE_2X2(begin, loop, left)                                                                     \
    __asm__ volatile(begin loop "strd %[s0], %[s1], [%[sums], %[at]]\n\t"                                 \
                                "strd %[s2], %[s3], [%[sums], %[at] + 32]"                                \
                     : [s0] "=&Te"(s0), [s1] "=&Te"(s1), [s2] "=&Te"(s2), [s3] "=&Te"(s3), [f0] "+r"(f0), \
                       [f1] "+r"(f1), [w0] "+r"(w0), [w1] "+r"(w1)                                        \
                     : [count] "i"(left), [sums] "r"(sums), [at] "i"(at)                                  \
                     : "lr", "q0", "q1", "q2", "q3", "cc", "memory")

/** Starting a loop predicates vectors at once, so what takes whole ones stands before it. */
#define TB_MVE_LOOP         \
    "movw lr, %[count]\n\t" \
    "dlstp.8 lr, lr\n"      \
    "1:\n\t" TB_MVE_COLUMNS("a") "letp lr, 1b\n\t"

/** Two rows by two fields, to `sums` from the byte `at` on. Pointers stay behind whole vectors. */
#define TB_MVE_PASS(at_byte)                                          \
    do {                                                              \
        enum { at = (at_byte) };                                      \
        if (count < 16U) {                                            \
            TB_MVE_2X2("mov %[s0], #0\n\t"                            \
                       "mov %[s1], #0\n\t"                            \
                       "mov %[s2], #0\n\t"                            \
                       "mov %[s3], #0\n\t",                           \
                       TB_MVE_LOOP, count);                           \
        } else if (count == 16U) {                                    \
            TB_MVE_2X2(TB_MVE_COLUMNS(""), "", 0U);                   \
        } else {                                                      \
            TB_MVE_2X2(TB_MVE_COLUMNS(""), TB_MVE_LOOP, count - 16U); \
        }                                                             \
    } while (0)

/**
 * Four fields of `count` bytes, side by side, by the rows at `w0` and `w1`: `sums` gets four for each field, of which
 * these are the first two.
 */
TB_INLINE void tb_mve_two_rows(const uint8_t *fields, const int8_t *w0, const int8_t *w1, uint32_t count, int32_t *sums)
{
    const uint32_t passed = (count + 15U) / 16U * 16U;
    const uint8_t *f0 = fields;
    const uint8_t *f1 = f0 + 2U * count;
    int32_t s0;
    int32_t s1;
    int32_t s2;
    int32_t s3;
    TB_MVE_PASS(0);
    w0 -= passed;
    w1 -= passed;
    f0 -= passed - count;
    f1 -= passed - count;
    TB_MVE_PASS(16);
}

/** The sum of `count` weights. */
TB_INLINE int32_t tb_mve_sum(const int8_t *weights, uint32_t count)
{
    int32_t sum = 0;
    __asm__ volatile("dlstp.8 lr, %[count]\n"
                     "1:\n\t"
                     "vldrb.8 q0, [%[weights]], #16\n\t"
                     "vaddva.s8 %[sum], q0\n\t"
                     "letp lr, 1b"
                     : [sum] "+Te"(sum), [weights] "+r"(weights)
                     : [count] "r"(count)
                     : "lr", "q0", "cc", "memory");
    return sum;
}

#endif
