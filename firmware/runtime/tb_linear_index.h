/**
 * @file
 * Sparse fully connected layers with an index stream: two nonzeros a word, or vectors of them.
 */
#ifndef TB_LINEAR_INDEX_H
#define TB_LINEAR_INDEX_H

#include "tb_arith.h"
#include "tb_formats.h"

#if defined(__ARM_FEATURE_SIMD32)
/** Unpacks two words into four columns and two pairs of values. */
#define TB_INDEX_UNPACK                   \
    "uxtb.w %[a], %[one]\n\t"             \
    "uxtb.w %[b], %[one], ror #16\n\t"    \
    "uxtb.w %[c], %[other]\n\t"           \
    "uxtb.w %[d], %[other], ror #16\n\t"  \
    "sxtb16 %[first], %[one], ror #8\n\t" \
    "sxtb16 %[second], %[other], ror #8\n\t"

/** Fetches four activations, loads right behind each other. */
#define TB_INDEX_FETCH(load)                                                       \
    load ".w %[a], [%[codes], %[a]]\n\t" load ".w %[b], [%[codes], %[b]]\n\t" load \
         ".w %[c], [%[codes], %[c]]\n\t" load ".w %[d], [%[codes], %[d]]\n\t"

#define TB_INDEX_ADD                             \
    "smlabb %[sum], %[a], %[first], %[sum]\n\t"  \
    "smlabt %[sum], %[b], %[first], %[sum]\n\t"  \
    "smlabb %[sum], %[c], %[second], %[sum]\n\t" \
    "smlabt %[sum], %[d], %[second], %[sum]\n\t"

#define TB_INDEX_WORDS "ldr.w %[one], [%[words]], #8\n\tldr.w %[other], [%[words], #-4]\n\t"

/** `pairs` words of two nonzeros: eight at a time, then four, then two. */
#define TB_INDEX_PAIRS(load, codes_at, words_at, pairs, total)                                                   \
    do {                                                                                                         \
        uint32_t a_, b_, c_, d_, one_, other_, first_, second_;                                                  \
        __asm__("subs.w %[left], %[left], #4\n\t"                                                                \
                "blo.w 2f\n\t"                                                                                   \
                ".p2align 2\n"                                                                                   \
                "1:\n\t" TB_INDEX_WORDS TB_INDEX_UNPACK TB_INDEX_FETCH(load)                                     \
                    TB_INDEX_WORDS TB_INDEX_ADD TB_INDEX_UNPACK TB_INDEX_FETCH(load) TB_INDEX_ADD                \
                "subs.w %[left], %[left], #4\n\t"                                                                \
                "bhs.w 1b\n"                                                                                     \
                "2:\n\t"                                                                                         \
                "lsls.w %[left], %[left], #31\n\t"                                                               \
                "bcc.w 3f\n\t" TB_INDEX_WORDS TB_INDEX_UNPACK TB_INDEX_FETCH(load) TB_INDEX_ADD                  \
                "3:\n\t"                                                                                         \
                "cbz %[left], 4f\n\t"                                                                            \
                "ldr.w %[one], [%[words]], #4\n\t"                                                               \
                "uxtb.w %[a], %[one]\n\t"                                                                        \
                "uxtb.w %[b], %[one], ror #16\n\t"                                                               \
                "sxtb16 %[first], %[one], ror #8\n\t" load ".w %[a], [%[codes], %[a]]\n\t" load                  \
                ".w %[b], [%[codes], %[b]]\n\t"                                                                  \
                "smlabb %[sum], %[a], %[first], %[sum]\n\t"                                                      \
                "smlabt %[sum], %[b], %[first], %[sum]\n"                                                        \
                "4:"                                                                                             \
                : [words] "+r"(words_at), [left] "+l"(pairs), [sum] "+r"(total), [a] "=&r"(a_), [b] "=&r"(b_),   \
                  [c] "=&r"(c_), [d] "=&r"(d_), [one] "=&r"(one_), [other] "=&r"(other_), [first] "=&r"(first_), \
                  [second] "=&r"(second_)                                                                        \
                : [codes] "r"(codes_at)                                                                          \
                : "cc", "memory");                                                                               \
    } while (false)
#elif defined(__thumb__) && !defined(__thumb2__)
/** One word of two nonzeros; Armv6-M multiplies and loads signed bytes in low registers only. */
#define TB_INDEX_WORD(load)                                              \
    "ldm %[words]!, {%[word]}\n\t"                                       \
    "uxtb %[code], %[word]\n\t" load " %[code], [%[codes], %[code]]\n\t" \
    "lsls %[value], %[word], #16\n\t"                                    \
    "asrs %[value], %[value], #24\n\t"                                   \
    "muls %[value], %[code]\n\t"                                         \
    "add %[sum], %[value]\n\t"                                           \
    "lsrs %[code], %[word], #16\n\t"                                     \
    "uxtb %[code], %[code]\n\t" load " %[code], [%[codes], %[code]]\n\t" \
    "asrs %[word], %[word], #24\n\t"                                     \
    "muls %[word], %[code]\n\t"                                          \
    "add %[sum], %[word]\n\t"

/** `pairs` words of two nonzeros: eight at a time, then four, then two. */
#define TB_INDEX_PAIRS(load, codes_at, words_at, pairs, total)                                        \
    do {                                                                                              \
        uint32_t word_, code_, value_;                                                                \
        __asm__(".syntax unified\n\t"                                                                 \
                "subs %[left], #4\n\t"                                                                \
                "blo 2f\n"                                                                            \
                "1:\n\t" TB_INDEX_WORD(load) TB_INDEX_WORD(load) TB_INDEX_WORD(load)                  \
                    TB_INDEX_WORD(load) "subs %[left], #4\n\t"                                        \
                                        "bhs 1b\n"                                                    \
                                        "2:\n\t"                                                      \
                                        "lsls %[left], %[left], #31\n\t"                              \
                                        "bcc 3f\n\t" TB_INDEX_WORD(load)                              \
                                            TB_INDEX_WORD(load) "3:\n\t"                              \
                                                                "cmp %[left], #0\n\t"                 \
                                                                "beq 4f\n\t" TB_INDEX_WORD(load) "4:" \
                : [words] "+l"(words_at), [left] "+l"(pairs), [sum] "+h"(total), [word] "=&l"(word_), \
                  [code] "=&l"(code_), [value] "=&l"(value_)                                          \
                : [codes] "l"(codes_at)                                                               \
                : "cc", "memory");                                                                    \
    } while (false)
#endif

/** Sum of `pairs` words of nonzeros; moves `words` behind them. */
TB_INLINE int32_t tb_index_sum(struct tb_source tile, const uint32_t **words, uint32_t pairs, int32_t sum)
{
    const uint32_t *word = *words;
#if defined(TB_INDEX_PAIRS)
    if (tile.is_signed) {
        TB_INDEX_PAIRS("ldrsb", tile.data, word, pairs, sum);
    } else {
        TB_INDEX_PAIRS("ldrb", tile.data, word, pairs, sum);
    }
#else
    for (; pairs > 0U; pairs--) {
        const uint32_t both = *word++;
        sum += (int8_t)(uint8_t)(both >> 8) * tb_load(tile, both & 0xffU);
        sum += ((int32_t)both >> 24) * tb_load(tile, both >> 16 & 0xffU);
    }
#endif
    *words = word;
    return sum;
}

/** Index stream: per row and 256-wide tile a count of words, then two nonzeros a word. */
TB_INLINE void tb_linear_index(struct tb_source input, uint8_t *output, struct tb_index_words weights,
                               struct tb_rows rows)
{
    const uint8_t *count = weights.counts;
    const uint32_t *word = weights.words;
    for (uint32_t row = 0; row < rows.count; row++) {
        int32_t sum = tb_bias(&rows, row);
        for (uint32_t base = 0; base < weights.columns; base += TB_TILE) {
            const struct tb_source tile = {input.data + base, input.is_signed};
            sum = tb_index_sum(tile, &word, *count++, sum);
        }
        output[row] = (uint8_t)tb_requantize(&rows.requant, row, sum);
    }
}

#if defined(__ARM_FEATURE_MVE) && (__ARM_FEATURE_MVE & 1)
/** Up to 16 nonzeros at a time: columns, values, and the activations there. */
#define TB_GATHER(width, columns_load, values_load, codes_load, sum_type, step)                                 \
    do {                                                                                                        \
        /* The last vector may be a part of one, but the pointers move by a whole one. */                       \
        const uint8_t *column_ = column;                                                                        \
        const int8_t *value_ = value;                                                                           \
        __asm__("wlstp." width " lr, %[count], 2f\n"                                                            \
                "1:\n\t" columns_load " q0, [%[columns]], #" step "\n\t" values_load " q1, [%[values]], #" step \
                "\n\t" codes_load " q2, [%[codes], q0]\n\t"                                                     \
                "vmladava." sum_type " %[sum], q2, q1\n\t"                                                      \
                "letp lr, 1b\n"                                                                                 \
                "2:"                                                                                            \
                : [columns] "+l"(column_), [values] "+l"(value_), [sum] "+Te"(sum)                              \
                : [codes] "r"(tile.data), [count] "r"(left)                                                     \
                : "lr", "q0", "q1", "q2", "cc", "memory");                                                      \
        column += left;                                                                                         \
        value += left;                                                                                          \
    } while (false)
#endif

/** Columns and values apart, per row and 256-wide tile, for cores that gather. */
TB_INLINE void tb_linear_gather(struct tb_source input, uint8_t *output, struct tb_gather weights, struct tb_rows rows)
{
    const uint8_t *count = weights.counts;
    const uint8_t *column = weights.offsets;
    const int8_t *value = weights.values;
    for (uint32_t row = 0; row < rows.count; row++) {
        int32_t sum = tb_bias(&rows, row);
        for (uint32_t base = 0; base < weights.columns; base += TB_TILE) {
            const struct tb_source tile = {input.data + base, input.is_signed};
            uint32_t left = *count++;
#if defined(__ARM_FEATURE_MVE) && (__ARM_FEATURE_MVE & 1)
            if (tile.is_signed) {
                TB_GATHER("8", "vldrb.u8", "vldrb.u8", "vldrb.u8", "s8", "16");
            } else {
                TB_GATHER("16", "vldrb.u16", "vldrb.s16", "vldrb.u16", "s16", "8");
            }
#else
            for (; left > 0U; left--) {
                sum += *value++ * tb_load(tile, *column++);
            }
#endif
        }
        output[row] = (uint8_t)tb_requantize(&rows.requant, row, sum);
    }
}

#endif
