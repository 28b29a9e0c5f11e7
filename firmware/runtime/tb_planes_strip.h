/**
 * @file
 * Four neighbouring outputs of a depthwise convolution, from the copy of their channel: the loops of each core.
 */
#ifndef TB_PLANES_STRIP_H
#define TB_PLANES_STRIP_H

#include "tb_arith.h"

/** Outputs of a line that are computed at once. */
#define TB_STRIP 4U

/** Weights: `values[output][kernel position]`. Distances are bytes, or elements within the plane. */
struct tb_planes {
    const int8_t *values;
    uint8_t *plane; /**< scratch for `plane_lines` times `plane_columns` elements, aligned to 4 */
    bool halves;    /**< elements have 16 bits and lines start at multiples of 4; else unsigned bytes */
    uint32_t plane_lines, plane_columns;
    uint32_t lines, columns;             /**< of the map */
    uint32_t line_stride, column_stride; /**< of the stored map */
    uint32_t before_lines, before_columns;
    uint32_t taps_lines, taps_columns;           /**< kernel positions */
    uint32_t tap_line_stride, tap_column_stride; /**< of the weights of one output */
    uint32_t step_lines, step_columns;           /**< from one output's field to the next one's */
    uint32_t output_lines, output_columns;
    uint32_t output_line_stride, output_column_stride;
};

/** Elements of 16 bits, and two of them in a word. */
typedef int16_t __attribute__((may_alias)) tb_half;
typedef uint32_t __attribute__((may_alias)) tb_halves;

#if defined(__OPTIMIZE__) && defined(__thumb2__)

#define TB_PLANES_LOAD(x, at) "ldrb %[x" x "], [%[from], #" at "]\n\t"
#define TB_PLANES_WEIGHT(at) "ldrsb %[w], [%[values], #" at " * %c[tap]]\n\t"
#define TB_PLANES_ADDS(a, b, c, d)          \
    "mla %[s0], %[w], %[x" a "], %[s0]\n\t" \
    "mla %[s1], %[w], %[x" b "], %[s1]\n\t" \
    "mla %[s2], %[w], %[x" c "], %[s2]\n\t" \
    "mla %[s3], %[w], %[x" d "], %[s3]\n\t"

/** Columns that fields do not share. */
#define TB_PLANES_LOADS             \
    TB_PLANES_LOAD("0", "0")        \
    TB_PLANES_LOAD("1", "%c[step]") \
    TB_PLANES_LOAD("2", "2 * %c[step]") TB_PLANES_LOAD("3", "3 * %c[step]")

/** One kernel position. */
#define TB_PLANES_ONE TB_PLANES_WEIGHT("0") TB_PLANES_LOADS TB_PLANES_ADDS("0", "1", "2", "3")

/** Three kernel positions of fields that begin side by side: what two of them share is loaded once. */
#define TB_PLANES_SECOND TB_PLANES_WEIGHT("1") TB_PLANES_LOAD("0", "4") TB_PLANES_ADDS("1", "2", "3", "0")
#define TB_PLANES_THIRD TB_PLANES_WEIGHT("2") TB_PLANES_LOAD("1", "5") TB_PLANES_ADDS("2", "3", "0", "1")
#define TB_PLANES_THREE TB_PLANES_ONE TB_PLANES_SECOND TB_PLANES_THIRD

#define TB_PLANES_BYTES(positions)                                                                                   \
    __asm__(positions "add %[from], %[from], %[right]\n\t"                                                           \
                      "add %[values], %[values], %[next]"                                                            \
            : [s0] "+r"(sums[0]), [s1] "+r"(sums[1]), [s2] "+r"(sums[2]), [s3] "+r"(sums[3]), [x0] "=&r"(x0),        \
              [x1] "=&r"(x1), [x2] "=&r"(x2), [x3] "=&r"(x3), [w] "=&r"(w), [from] "+r"(from), [values] "+r"(values) \
            : [step] "i"(step), [tap] "i"(tap), [right] "rI"(right), [next] "rI"(next)                               \
            : "memory")

/** Distances of neighbouring fields for which there are loops, and of weights. */
#define TB_PLANES_STEPS 1000U
#define TB_PLANES_TAPS 1000U
#define TB_PLANES_SHARES(step) ((step) == 1U)

#elif defined(__OPTIMIZE__) && defined(__ARM_ARCH_6M__)

#define TB_PLANES_ADD(s, at)            \
    "ldrb %[x], [%[from], #" at "]\n\t" \
    "muls %[x], %[w]\n\t"               \
    "add %[s" s "], %[x]\n\t"

#define TB_PLANES_AT(at)                                                                            \
    "movs %[w], #" at " * %c[tap]\n\t"                                                              \
    "ldrsb %[w], [%[values], %[w]]\n\t" TB_PLANES_ADD("0", at) TB_PLANES_ADD("1", at " + %c[step]") \
        TB_PLANES_ADD("2", at " + 2 * %c[step]") TB_PLANES_ADD("3", at " + 3 * %c[step]")

/** One kernel position, and three in a line. */
#define TB_PLANES_ONE TB_PLANES_AT("0")
#define TB_PLANES_THREE TB_PLANES_AT("0") TB_PLANES_AT("1") TB_PLANES_AT("2")

#define TB_PLANES_BYTES(positions)                                                                           \
    __asm__(".syntax unified\n\t" positions "adds %[from], %[right]\n\t"                                     \
            "adds %[values], %[next]"                                                                        \
            : [s0] "+h"(sums[0]), [s1] "+h"(sums[1]), [s2] "+h"(sums[2]), [s3] "+h"(sums[3]), [x] "=&l"(x0), \
              [w] "=&l"(w), [from] "+l"(from), [values] "+l"(values)                                         \
            : [step] "i"(step), [tap] "i"(tap), [right] "lI"(right), [next] "lI"(next)                       \
            : "cc", "memory")

/** Immediate offsets of loads of bytes end at 31, and immediate numbers at 255. */
#define TB_PLANES_STEPS 9U
#define TB_PLANES_TAPS 127U
#define TB_PLANES_SHARES(step) ((step) <= TB_PLANES_STEPS)

#endif

/** Adds the products of a strip whose first field begins with the element at `at` of a plane of bytes. */
TB_INLINE void tb_planes_bytes(const struct tb_planes *planes, const int8_t *values, uint32_t at,
                               int32_t sums[TB_STRIP])
{
    const uint8_t *from = planes->plane + at;
    const uint32_t step = planes->step_columns;
    const uint32_t tap = planes->tap_column_stride;
    const uint32_t taps = planes->taps_columns;
#pragma GCC unroll 5
    for (uint32_t y = 0; y < planes->taps_lines; y++) {
#if defined(TB_PLANES_BYTES)
        int32_t w;
        uint32_t x0;
#if defined(__thumb2__)
        uint32_t x1;
        uint32_t x2;
        uint32_t x3;
#endif
        if (taps == 3U && TB_PLANES_SHARES(step) && tap <= TB_PLANES_TAPS) {
            const uint32_t right = planes->plane_columns;
            const uint32_t next = planes->tap_line_stride;
            TB_PLANES_BYTES(TB_PLANES_THREE);
            continue;
        }
        if (step <= TB_PLANES_STEPS) {
            const uint32_t right = 1;
            const uint32_t next = tap;
#pragma GCC unroll 5
            for (uint32_t i = 0; i < taps; i++) {
                TB_PLANES_BYTES(TB_PLANES_ONE);
            }
            from += planes->plane_columns - taps;
            values += planes->tap_line_stride - taps * tap;
            continue;
        }
#endif
#pragma GCC unroll 5
        for (uint32_t column = 0; column < taps; column++) {
#pragma GCC unroll 4
            for (uint32_t i = 0; i < TB_STRIP; i++) {
                sums[i] += values[column * tap] * (int32_t)from[column + i * step];
            }
        }
        from += planes->plane_columns;
        values += planes->tap_line_stride;
    }
}

#if defined(__OPTIMIZE__) && defined(__ARM_FEATURE_DSP)

/** Immediate offsets of loads are below. */
#define TB_LOAD_OFFSETS 4096U

/** Two weights in one word, the first in its lower half. */
TB_INLINE uint32_t tb_planes_pair(int32_t low, int32_t high)
{
    uint32_t pair;
    __asm__("pkhbt %0, %1, %2, lsl #16" : "=r"(pair) : "r"(low), "r"(high));
    return pair;
}

#define TB_PLANES_ADD(instruction, sum, weights, columns) \
    __asm__(instruction " %0, %1, %2, %0" : "+r"(sum) : "r"(weights), "r"(columns))

/** One line of a kernel of three columns, at immediate offsets, for a strip whose fields begin side by side. */
#define TB_PLANES_PAIRS(words_at, values_at)                                                                          \
    __asm__("ldr %[x0], [%[words], #%c[at]]\n\t"                                                                      \
            "ldr %[x1], [%[words], #%c[at] + 4]\n\t"                                                                  \
            "ldr %[x2], [%[words], #%c[at] + 8]\n\t"                                                                  \
            "ldrsb %[w0], [%[values], #%c[of]]\n\t"                                                                   \
            "ldrsb %[w1], [%[values], #%c[of] + %c[stride]]\n\t"                                                      \
            "ldrsb %[w2], [%[values], #%c[of] + 2 * %c[stride]]\n\t"                                                  \
            "smlabt %[s1], %[w0], %[x0], %[s1]\n\t"                                                                   \
            "smlabt %[s3], %[w0], %[x1], %[s3]\n\t"                                                                   \
            "pkhbt %[w0], %[w0], %[w1], lsl #16\n\t"                                                                  \
            "pkhbt %[w1], %[w1], %[w2], lsl #16\n\t"                                                                  \
            "smlad %[s0], %[w0], %[x0], %[s0]\n\t"                                                                    \
            "smlad %[s2], %[w0], %[x1], %[s2]\n\t"                                                                    \
            "smlad %[s1], %[w1], %[x1], %[s1]\n\t"                                                                    \
            "smlad %[s3], %[w1], %[x2], %[s3]\n\t"                                                                    \
            "smlabb %[s0], %[w2], %[x1], %[s0]\n\t"                                                                   \
            "smlabb %[s2], %[w2], %[x2], %[s2]"                                                                       \
            : [s0] "+r"(sums[0]), [s1] "+r"(sums[1]), [s2] "+r"(sums[2]), [s3] "+r"(sums[3]), [x0] "=&r"(x0),         \
              [x1] "=&r"(x1), [x2] "=&r"(x2), [w0] "=&r"(w0), [w1] "=&r"(w1), [w2] "=&r"(w2)                          \
            : [words] "r"(words), [values] "r"(values), [at] "i"(words_at), [of] "i"(values_at), [stride] "i"(stride) \
            : "memory")

/** A kernel of 3 x 3. */
TB_INLINE void tb_planes_nine(const struct tb_planes *planes, const tb_halves *words, const int8_t *values,
                              int32_t sums[TB_STRIP])
{
    const uint32_t stride = planes->tap_column_stride;
    uint32_t x0;
    uint32_t x1;
    uint32_t x2;
    int32_t w0;
    int32_t w1;
    int32_t w2;
    TB_PLANES_PAIRS(0U, 0U);
    TB_PLANES_PAIRS(2U * planes->plane_columns, planes->tap_line_stride);
    TB_PLANES_PAIRS(4U * planes->plane_columns, 2U * planes->tap_line_stride);
}

/** A strip whose first field begins with the element at `at`, two columns at once: outputs whose field begins amid a
 * word take its upper half first. */
TB_INLINE void tb_planes_halves(const struct tb_planes *planes, const int8_t *values, uint32_t at,
                                int32_t sums[TB_STRIP])
{
    const tb_halves *words = (const tb_halves *)(const void *)(planes->plane + 2U * at);
    const uint32_t taps = planes->taps_columns;
    if (taps == 3U && planes->taps_lines == 3U && planes->step_columns == 1U &&
        4U * planes->plane_columns + 8U < TB_LOAD_OFFSETS) {
        tb_planes_nine(planes, words, values, sums);
        return;
    }
#pragma GCC unroll 5
    for (uint32_t y = 0; y < planes->taps_lines; y++) {
#pragma GCC unroll 4
        for (uint32_t i = 0; i < TB_STRIP; i++) {
            const uint32_t first = i * planes->step_columns;
            const uint32_t odd = first % 2U;
            const tb_halves *field = words + (first + odd) / 2U;
            if (odd != 0U) {
                TB_PLANES_ADD("smlabt", sums[i], (int32_t)values[0], field[-1]);
            }
#pragma GCC unroll 4
            for (uint32_t pair = 0; pair < (taps - odd) / 2U; pair++) {
                const int8_t *two = values + (2U * pair + odd) * planes->tap_column_stride;
                TB_PLANES_ADD("smlad", sums[i], tb_planes_pair(two[0], two[planes->tap_column_stride]), field[pair]);
            }
            if ((taps - odd) % 2U != 0U) {
                const int32_t last = values[(taps - 1U) * planes->tap_column_stride];
                TB_PLANES_ADD("smlabb", sums[i], last, field[(taps - odd) / 2U]);
            }
        }
        values += planes->tap_line_stride;
        words += planes->plane_columns / 2U;
    }
}

#else

/** A strip whose first field begins with the element at `at` of a plane of 16-bit elements. */
TB_INLINE void tb_planes_halves(const struct tb_planes *planes, const int8_t *values, uint32_t at,
                                int32_t sums[TB_STRIP])
{
    const tb_half *from = (const tb_half *)(const void *)planes->plane + at;
    for (uint32_t y = 0; y < planes->taps_lines; y++) {
        for (uint32_t x = 0; x < planes->taps_columns; x++) {
            for (uint32_t i = 0; i < TB_STRIP; i++) {
                sums[i] += values[x * planes->tap_column_stride] * from[x + i * planes->step_columns];
            }
        }
        from += planes->plane_columns;
        values += planes->tap_line_stride;
    }
}

#endif

#endif
