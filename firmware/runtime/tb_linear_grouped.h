/**
 * @file
 * Sparse fully connected layers by level of the codebook: activations that share a weight are added, and their sum is
 * multiplied once.
 */
#ifndef TB_LINEAR_GROUPED_H
#define TB_LINEAR_GROUPED_H

#include "tb_arith.h"
#include "tb_formats.h"

#if defined(__ARM_FEATURE_MVE) && (__ARM_FEATURE_MVE & 1)
/** Adds up to 16 activations at a time. */
#define TB_GROUP_VECTORS(sum_type, codes_at, columns_at, number, total)                   \
    do {                                                                                  \
        /* The last vector may be a part of one, but the pointer moves by a whole one. */ \
        const uint8_t *column_ = columns_at;                                              \
        __asm__("wlstp.8 lr, %[count], 2f\n"                                              \
                "1:\n\t"                                                                  \
                "vldrb.u8 q0, [%[columns]], #16\n\t"                                      \
                "vldrb.u8 q1, [%[codes], q0]\n\t"                                         \
                "vaddva." sum_type " %[sum], q1\n\t"                                      \
                "letp lr, 1b\n"                                                           \
                "2:"                                                                      \
                : [columns] "+l"(column_), [sum] "+Te"(total)                             \
                : [codes] "r"(codes_at), [count] "r"(number)                              \
                : "lr", "q0", "q1", "cc", "memory");                                      \
        (columns_at) += (number);                                                         \
    } while (false)
#elif defined(__thumb2__)
/** Four activations: all loads right behind each other, then the sums. */
#define TB_GROUP_FOUR(load)                                                                                            \
    "ldrb.w %[b], [%[columns], #1]\n\t"                                                                                \
    "ldrb.w %[c], [%[columns], #2]\n\t"                                                                                \
    "ldrb.w %[d], [%[columns], #3]\n\t"                                                                                \
    "ldrb.w %[a], [%[columns]], #4\n\t" load ".w %[b], [%[codes], %[b]]\n\t" load ".w %[c], [%[codes], %[c]]\n\t" load \
    ".w %[d], [%[codes], %[d]]\n\t" load ".w %[a], [%[codes], %[a]]\n\t"                                               \
    "add.w %[sum], %[sum], %[b]\n\t"                                                                                   \
    "add.w %[sum], %[sum], %[c]\n\t"                                                                                   \
    "add.w %[sum], %[sum], %[d]\n\t"                                                                                   \
    "add.w %[sum], %[sum], %[a]\n\t"

/** Adds `count` activations: four at a time, then two, then one. */
#define TB_GROUP_CODES(load, codes_at, columns_at, count, total)                                                      \
    do {                                                                                                              \
        uint32_t a_, b_, c_, d_;                                                                                      \
        __asm__("subs.w %[left], %[left], #4\n\t"                                                                     \
                "blo.w 2f\n\t"                                                                                        \
                ".p2align 2\n"                                                                                        \
                "1:\n\t" TB_GROUP_FOUR(load) "subs.w %[left], %[left], #4\n\t"                                        \
                                             "bhs.w 1b\n"                                                             \
                                             "2:\n\t"                                                                 \
                                             "lsls.w %[left], %[left], #31\n\t"                                       \
                                             "bcc.w 3f\n\t"                                                           \
                                             "ldrb.w %[b], [%[columns], #1]\n\t"                                      \
                                             "ldrb.w %[a], [%[columns]], #2\n\t" load                                 \
                                             ".w %[b], [%[codes], %[b]]\n\t" load ".w %[a], [%[codes], %[a]]\n\t"     \
                                             "add.w %[sum], %[sum], %[b]\n\t"                                         \
                                             "add.w %[sum], %[sum], %[a]\n"                                           \
                                             "3:\n\t"                                                                 \
                                             "cbz %[left], 4f\n\t"                                                    \
                                             "ldrb.w %[a], [%[columns]], #1\n\t" load ".w %[a], [%[codes], %[a]]\n\t" \
                                             "add.w %[sum], %[sum], %[a]\n"                                           \
                                             "4:"                                                                     \
                : [columns] "+r"(columns_at), [left] "+l"(count), [sum] "+r"(total), [a] "=&r"(a_), [b] "=&r"(b_),    \
                  [c] "=&r"(c_), [d] "=&r"(d_)                                                                        \
                : [codes] "r"(codes_at)                                                                               \
                : "cc", "memory");                                                                                    \
    } while (false)
#elif defined(__thumb__)
/** One activation. */
#define TB_GROUP_ONE(load, offset)                                                         \
    "ldrb %[code], [%[columns], #" offset "]\n\t" load " %[code], [%[codes], %[code]]\n\t" \
    "adds %[sum], %[sum], %[code]\n\t"

/** Adds `count` activations: four at a time, then two, then one. */
#define TB_GROUP_CODES(load, codes_at, columns_at, count, total)                                               \
    do {                                                                                                       \
        uint32_t code_;                                                                                        \
        __asm__(".syntax unified\n\t"                                                                          \
                "subs %[left], #4\n\t"                                                                         \
                "blo 2f\n"                                                                                     \
                "1:\n\t" TB_GROUP_ONE(load, "0") TB_GROUP_ONE(load, "1") TB_GROUP_ONE(load, "2")               \
                    TB_GROUP_ONE(load, "3") "adds %[columns], #4\n\t"                                          \
                                            "subs %[left], #4\n\t"                                             \
                                            "bhs 1b\n"                                                         \
                                            "2:\n\t"                                                           \
                                            "lsls %[left], %[left], #31\n\t"                                   \
                                            "bcc 3f\n\t" TB_GROUP_ONE(load, "0")                               \
                                                TB_GROUP_ONE(load, "1") "adds %[columns], #2\n"                \
                                                                        "3:\n\t"                               \
                                                                        "cmp %[left], #0\n\t"                  \
                                                                        "beq 4f\n\t" TB_GROUP_ONE(             \
                                                                            load, "0") "adds %[columns], #1\n" \
                                                                                       "4:"                    \
                : [columns] "+l"(columns_at), [left] "+l"(count), [sum] "+l"(total), [code] "=&l"(code_)       \
                : [codes] "l"(codes_at)                                                                        \
                : "cc", "memory");                                                                             \
    } while (false)
#endif

/** By level: per row and 256-wide tile a count for each level, then the columns of the nonzeros level by level. */
TB_INLINE void tb_linear_grouped(struct tb_source input, uint8_t *output, struct tb_grouped weights,
                                 struct tb_rows rows)
{
    const uint8_t *count = weights.counts;
    const uint8_t *column = weights.offsets;
    for (uint32_t row = 0; row < rows.count; row++) {
        int32_t sum = tb_bias(&rows, row);
        for (uint32_t base = 0; base < weights.columns; base += TB_TILE) {
            const struct tb_source tile = {input.data + base, input.is_signed};
            for (uint32_t level = 0; level < weights.level_count; level++) {
                uint32_t left = *count++;
                int32_t codes = 0;
#if defined(TB_GROUP_VECTORS)
                if (tile.is_signed) {
                    TB_GROUP_VECTORS("s8", tile.data, column, left, codes);
                } else {
                    TB_GROUP_VECTORS("u8", tile.data, column, left, codes);
                }
#elif defined(TB_GROUP_CODES)
                if (tile.is_signed) {
                    TB_GROUP_CODES("ldrsb", tile.data, column, left, codes);
                } else {
                    TB_GROUP_CODES("ldrb", tile.data, column, left, codes);
                }
#else
                for (; left > 0U; left--) {
                    codes += tb_load(tile, *column++);
                }
#endif
                sum += weights.levels[level] * codes;
            }
        }
        output[row] = (uint8_t)tb_requantize(&rows.requant, row, sum);
    }
}

#endif
