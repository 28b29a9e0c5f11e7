/**
 * @file
 * Inner products of dense convolutions: four receptive fields by two rows of weights, all of one length.
 *
 * The length is a multiple of 4 and a constant of the layer; fields and rows start at multiples of 4. Cores with the
 * DSP extension multiply two pairs of bytes at once, Armv7-M keeps two fields and two rows in registers, Armv6-M four
 * fields and one row, with its sums in the registers that only additions reach. All give the same bits as the C below.
 */
#ifndef TB_DOT_H
#define TB_DOT_H

#include "tb_arith.h"

/** The largest immediate offset of a load on Armv7-M and later. */
#define TB_LOAD_REACH 4095U

/** Fields and rows of equal stride. */
struct tb_dot {
    const uint8_t *fields;
    const int8_t *weights;
    uint32_t bytes; /**< length of each, and the distance from one to the next */
    bool is_signed; /**< of the fields */
};

/** One field by one row. */
TB_INLINE int32_t tb_dot_1x1(const struct tb_dot *dot, uint32_t field, uint32_t row)
{
    const struct tb_source source = {dot->fields + field * dot->bytes, dot->is_signed};
    const int8_t *weights = dot->weights + row * dot->bytes;
    int32_t sum = 0;
    for (uint32_t i = 0; i < dot->bytes; i++) {
        sum += weights[i] * tb_load(source, i);
    }
    return sum;
}

#if defined(__OPTIMIZE__) && defined(__ARM_FEATURE_MVE)

#include "tb_dot_mve.h"

#elif defined(__OPTIMIZE__) && defined(__thumb2__)

#if defined(__ARM_FEATURE_DSP)

/** Four columns, multiplied as the pairs (1, 3) and (0, 2); loads follow each other, as that makes them faster. */
#define TB_DOT_COLUMNS(extend, at)                                                                              \
    __asm__("ldr %[wa], [%[weights], #" at "]\n\t"                                                              \
            "ldr %[wb], [%[weights], #%c[bytes] + " at "]\n\t"                                                  \
            "ldr %[x], [%[fields], #" at "]\n\t"                                                                \
            "ldr %[y], [%[fields], #%c[bytes] + " at "]\n\t"                                                    \
            "sxtb16 %[wc], %[wa], ror #8\n\t"                                                                   \
            "sxtb16 %[wd], %[wb], ror #8\n\t" extend "16 %[t], %[x], ror #8\n\t"                                \
            "sxtb16 %[wa], %[wa]\n\t"                                                                           \
            "sxtb16 %[wb], %[wb]\n\t" extend "16 %[x], %[x]\n\t"                                                \
            "smlad %[s0], %[wc], %[t], %[s0]\n\t"                                                               \
            "smlad %[s2], %[wd], %[t], %[s2]\n\t"                                                               \
            "smlad %[s0], %[wa], %[x], %[s0]\n\t"                                                               \
            "smlad %[s2], %[wb], %[x], %[s2]\n\t" extend "16 %[t], %[y], ror #8\n\t" extend "16 %[y], %[y]\n\t" \
            "smlad %[s1], %[wc], %[t], %[s1]\n\t"                                                               \
            "smlad %[s3], %[wd], %[t], %[s3]\n\t"                                                               \
            "smlad %[s1], %[wa], %[y], %[s1]\n\t"                                                               \
            "smlad %[s3], %[wb], %[y], %[s3]"                                                                   \
            : [s0] "+r"(s0), [s1] "+r"(s1), [s2] "+r"(s2), [s3] "+r"(s3), [wa] "=&r"(wa), [wb] "=&r"(wb),       \
              [wc] "=&r"(wc), [wd] "=&r"(wd), [x] "=&r"(x), [y] "=&r"(y), [t] "=&r"(t)                          \
            : [fields] "r"(fields), [weights] "r"(weights), [bytes] "i"(bytes)                                  \
            : "memory")

#else

#define TB_DOT_COLUMN(extend, at)                              \
    "ldrsb %[wa], [%[weights], #" at "]\n\t"                   \
    "ldrsb %[wb], [%[weights], #%c[bytes] + " at "]\n\t"       \
    "ldr" extend " %[x], [%[fields], #" at "]\n\t"             \
    "ldr" extend " %[t], [%[fields], #%c[bytes] + " at "]\n\t" \
    "mla %[s0], %[wa], %[x], %[s0]\n\t"                        \
    "mla %[s1], %[wa], %[t], %[s1]\n\t"                        \
    "mla %[s2], %[wb], %[x], %[s2]\n\t"                        \
    "mla %[s3], %[wb], %[t], %[s3]\n\t"

/** Four columns, one after the other. */
#define TB_DOT_COLUMNS(extend, at)                                                                        \
    __asm__(TB_DOT_COLUMN(extend, at) TB_DOT_COLUMN(extend, at " + 1") TB_DOT_COLUMN(extend, at " + 2")   \
                TB_DOT_COLUMN(extend, at " + 3")                                                          \
            : [s0] "+r"(s0), [s1] "+r"(s1), [s2] "+r"(s2), [s3] "+r"(s3), [wa] "=&r"(wa), [wb] "=&r"(wb), \
              [x] "=&r"(x), [t] "=&r"(t)                                                                  \
            : [fields] "r"(fields), [weights] "r"(weights), [bytes] "i"(bytes)                            \
            : "memory")

#endif

/** As many columns as `TB_DOT_COLUMNS` takes at once, by the type of the activations. */
#if defined(__ARM_FEATURE_DSP)
#define TB_DOT_SIGNED "sxtb"
#define TB_DOT_UNSIGNED "uxtb"
#else
#define TB_DOT_SIGNED "sb"
#define TB_DOT_UNSIGNED "b"
#endif

/** Adds two fields by two rows: (field, row) to sums[row][field]. */
#define TB_DOT_2X2(extend)                                                                                   \
    do {                                                                                                     \
        for (const int8_t *end = weights + bytes / 16U * 16U; weights != end; weights += 16, fields += 16) { \
            TB_DOT_COLUMNS(extend, "0");                                                                     \
            TB_DOT_COLUMNS(extend, "4");                                                                     \
            TB_DOT_COLUMNS(extend, "8");                                                                     \
            TB_DOT_COLUMNS(extend, "12");                                                                    \
        }                                                                                                    \
        if (bytes % 16U >= 8U) {                                                                             \
            TB_DOT_COLUMNS(extend, "0");                                                                     \
            TB_DOT_COLUMNS(extend, "4");                                                                     \
            weights += 8;                                                                                    \
            fields += 8;                                                                                     \
        }                                                                                                    \
        if (bytes % 8U != 0U) {                                                                              \
            TB_DOT_COLUMNS(extend, "0");                                                                     \
        }                                                                                                    \
    } while (0)

TB_INLINE void tb_dot_2x2(struct tb_dot dot, uint32_t field, int32_t sums[2][4])
{
    const uint32_t bytes = dot.bytes;
    const uint8_t *fields = dot.fields + field * bytes;
    const int8_t *weights = dot.weights;
    int32_t s0 = 0;
    int32_t s1 = 0;
    int32_t s2 = 0;
    int32_t s3 = 0;
    uint32_t wa;
    uint32_t wb;
    uint32_t x;
    uint32_t t;
#if defined(__ARM_FEATURE_DSP)
    uint32_t wc;
    uint32_t wd;
    uint32_t y;
#endif
    if (dot.is_signed) {
        TB_DOT_2X2(TB_DOT_SIGNED);
    } else {
        TB_DOT_2X2(TB_DOT_UNSIGNED);
    }
    sums[0][field] = s0;
    sums[0][field + 1U] = s1;
    sums[1][field] = s2;
    sums[1][field + 1U] = s3;
}

#elif defined(__OPTIMIZE__) && defined(__ARM_ARCH_6M__)

#define TB_DOT_FIELD(load, number)           \
    load " %[t], [%[f" number "], %[i]]\n\t" \
         "muls %[t], %[w]\n\t"               \
         "add %[s" number "], %[t]\n\t"

#define TB_DOT_COLUMN(load)                                                                                      \
    "ldrsb %[w], [%[weights], %[i]]\n\t" TB_DOT_FIELD(load, "0") TB_DOT_FIELD(load, "1") TB_DOT_FIELD(load, "2") \
        TB_DOT_FIELD(load, "3") "adds %[i], #1\n\t"

/** Four fields by one row; the index runs up to 0 behind the end of all of them. */
#define TB_DOT_4X1(load)                                                                                          \
    __asm__(".syntax unified\n"                                                                                   \
            "1:\n\t" TB_DOT_COLUMN(load) TB_DOT_COLUMN(load) TB_DOT_COLUMN(load) TB_DOT_COLUMN(load) "bne 1b"     \
            : [s0] "+h"(s0), [s1] "+h"(s1), [s2] "+h"(s2), [s3] "+h"(s3), [w] "=&l"(w), [t] "=&l"(t), [i] "+l"(i) \
            : [f0] "l"(f0), [f1] "l"(f1), [f2] "l"(f2), [f3] "l"(f3), [weights] "l"(weights)                      \
            : "cc", "memory")

TB_INLINE void tb_dot_4x1(struct tb_dot dot, uint32_t row, int32_t sums[4])
{
    const uint8_t *f0 = dot.fields + dot.bytes;
    const uint8_t *f1 = f0 + dot.bytes;
    const uint8_t *f2 = f1 + dot.bytes;
    const uint8_t *f3 = f2 + dot.bytes;
    const int8_t *weights = dot.weights + (row + 1U) * dot.bytes;
    int32_t i = -(int32_t)dot.bytes;
    int32_t s0 = 0;
    int32_t s1 = 0;
    int32_t s2 = 0;
    int32_t s3 = 0;
    int32_t w;
    int32_t t;
    if (dot.is_signed) {
        TB_DOT_4X1("ldrsb");
    } else {
        TB_DOT_4X1("ldrb");
    }
    sums[0] = s0;
    sums[1] = s1;
    sums[2] = s2;
    sums[3] = s3;
}

#endif

/** Rows of weights that one call takes. */
#if defined(__OPTIMIZE__) && defined(__ARM_FEATURE_MVE)
#define TB_DOT_ROWS 4U
#elif defined(__OPTIMIZE__) && defined(__ARM_ARCH_6M__)
#define TB_DOT_ROWS 1U
#else
#define TB_DOT_ROWS 2U
#endif

/** Moves `count` unsigned bytes, a multiple of 4 from an aligned address on, down by 128, to signed ones. */
TB_INLINE void tb_center(uint8_t *bytes, uint32_t count)
{
#if defined(__OPTIMIZE__) && defined(__ARM_FEATURE_MVE)
    tb_mve_center(bytes, count);
#else
    for (uint32_t i = 0; i < count; i++) {
        bytes[i] ^= 0x80U;
    }
#endif
}

#if TB_DOT_ROWS <= 2U

/** Four fields by the next TB_DOT_ROWS rows, or fewer where the layer has only `count`: to sums[row][field]. */
TB_INLINE void tb_dot_rows(struct tb_dot dot, uint32_t count, int32_t sums[TB_DOT_ROWS][4])
{
#if defined(__OPTIMIZE__) && defined(__ARM_ARCH_6M__)
    (void)count;
    tb_dot_4x1(dot, 0, sums[0]);
#else
#if defined(__OPTIMIZE__) && defined(__thumb2__)
    if (count > 1U && dot.bytes + 31U <= TB_LOAD_REACH) {
#pragma GCC unroll 1
        for (uint32_t field = 0; field < 4U; field += 2U) {
            tb_dot_2x2(dot, field, sums);
        }
        return;
    }
#endif
    for (uint32_t row = 0; row < (count < TB_DOT_ROWS ? count : TB_DOT_ROWS); row++) {
        for (uint32_t field = 0; field < 4U; field++) {
            sums[row][field] = tb_dot_1x1(&dot, field, row);
        }
    }
#endif
}

#endif

#endif
