/**
 * @file
 * Sparse fully connected layers with gaps between the nonzeros of a row: no tiles, however many columns there are.
 */
#ifndef TB_LINEAR_DELTA_H
#define TB_LINEAR_DELTA_H

#include "tb_arith.h"
#include "tb_formats.h"

#if defined(__ARM_FEATURE_SIMD32)
/** Fetches two activations, loads right behind each other; %[codes] walks along the row. */
#define TB_DELTA_FETCH(load, word, pair)                                                                    \
    "uxtab %["                                                                                              \
    "a"                                                                                                     \
    "], %[codes], %[" word "]\n\t"                                                                          \
    "uxtab %[codes], %[a], %[" word "], ror #16\n\t"                                                        \
    "sxtb16 %[" pair "], %[" word "], ror #8\n\t" load ".w %[a], [%[a]]\n\t" load ".w %[b], [%[codes]]\n\t" \
    "smlabb %[sum], %[a], %[" pair "], %[sum]\n\t"                                                          \
    "smlabt %[sum], %[b], %[" pair "], %[sum]\n\t"

/** `pairs` words of two nonzeros, two at a time. */
#define TB_DELTA_PAIRS(load, codes_at, words_at, pairs, total)                                                         \
    do {                                                                                                               \
        uint32_t a_, b_, one_, other_;                                                                                 \
        __asm__("subs.w %[left], %[left], #2\n\t"                                                                      \
                "blo.w 2f\n\t"                                                                                         \
                ".p2align 2\n"                                                                                         \
                "1:\n\t"                                                                                               \
                "ldr.w %[other], [%[words], #4]\n\t"                                                                   \
                "ldr.w %[one], [%[words]], #8\n\t" TB_DELTA_FETCH(load, "one", "one") TB_DELTA_FETCH(                  \
                    load, "other", "other") "subs.w %[left], %[left], #2\n\t"                                          \
                                            "bhs.w 1b\n"                                                               \
                                            "2:\n\t"                                                                   \
                                            "adds.w %[left], %[left], #1\n\t"                                          \
                                            "bne.w 3f\n\t"                                                             \
                                            "ldr.w %[one], [%[words]], #4\n\t" TB_DELTA_FETCH(load, "one", "one") "3:" \
                : [words] "+r"(words_at), [codes] "+r"(codes_at), [left] "+r"(pairs), [sum] "+r"(total),               \
                  [a] "=&r"(a_), [b] "=&r"(b_), [one] "=&r"(one_), [other] "=&r"(other_)                               \
                :                                                                                                      \
                : "cc", "memory");                                                                                     \
    } while (false)
#endif

/** Index stream of gaps: per row a count of words, then two nonzeros a word. */
TB_INLINE void tb_linear_delta(struct tb_source input, uint8_t *output, struct tb_delta weights, struct tb_rows rows)
{
    const uint32_t *word = weights.words;
    for (uint32_t row = 0; row < rows.count; row++) {
        int32_t sum = tb_bias(&rows, row);
        const uint8_t *code = input.data;
        uint32_t left = weights.counts8 != NULL ? weights.counts8[row] : weights.counts16[row];
#if defined(TB_DELTA_PAIRS)
        if (input.is_signed) {
            TB_DELTA_PAIRS("ldrsb", code, word, left, sum);
        } else {
            TB_DELTA_PAIRS("ldrb", code, word, left, sum);
        }
#else
        for (; left > 0U; left--) {
            const uint32_t both = *word++;
            code += both & 0xffU;
            sum += (int8_t)(uint8_t)(both >> 8) * tb_load((struct tb_source){code, input.is_signed}, 0);
            code += both >> 16 & 0xffU;
            sum += ((int32_t)both >> 24) * tb_load((struct tb_source){code, input.is_signed}, 0);
        }
#endif
        output[row] = (uint8_t)tb_requantize(&rows.requant, row, sum);
    }
}

#endif
