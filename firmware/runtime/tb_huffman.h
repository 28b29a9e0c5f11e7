/**
 * @file
 * Decodes Huffman codes of gaps and values (`struct tb_huffman`), nonzero by nonzero.
 */
#ifndef TB_HUFFMAN_H
#define TB_HUFFMAN_H

#include "tb_formats.h"

/** Where the decoder stands: the next nonzero's column (it may lie in a later row) and value. */
struct tb_huffman_cursor {
    const uint32_t *next; /**< the word behind the two that hold the next window */
    uint32_t word;
    uint32_t half_ahead; /**< half of the word behind `word`: what is left of a shift by 1 to 32 bits */
    int32_t left;        /**< bits of `word`, but one, that are not decoded yet */
    uint32_t column;
    int32_t value;
};

/**
 * Decodes the next nonzero, which is whole in a window of 32 bits, as the compiler has checked.
 *
 * A window at any bit is put together from two words, as a load at any byte is none that every core makes. The next
 * word is wanted once in several nonzeros; that branch, and the columns, depend on the weights alone.
 */
TB_INLINE void tb_huffman_next(const struct tb_huffman *weights, struct tb_huffman_cursor *cursor)
{
#if defined(__OPTIMIZE__) && defined(__ARM_ARCH_6M__)
    uint32_t window, entry, bits;
    __asm__(".syntax unified\n\t"
            "movs %[bits], #31\n\t"
            "subs %[bits], %[left]\n\t"
            "mov %[window], %[word]\n\t"
            "lsls %[window], %[bits]\n\t"
            "mov %[bits], %[half]\n\t"
            "lsrs %[bits], %[left]\n\t"
            "orrs %[window], %[bits]\n\t"
            "lsrs %[bits], %[window], %[gap_shift]\n\t"
            "mov %[entry], %[gaps]\n\t"
            "ldrb %[entry], [%[entry], %[bits]]\n\t"
            "movs %[bits], #7\n\t"
            "ands %[bits], %[entry]\n\t"
            "lsls %[window], %[bits]\n\t"
            "subs %[left], %[bits]\n\t"
            "lsrs %[entry], #3\n\t"
            "adds %[left], %[entry]\n\t"
            "movs %[bits], #1\n\t"
            "rors %[bits], %[bits]\n\t"
            "orrs %[window], %[bits]\n\t"
            "lsrs %[window], %[entry]\n\t"
            "lsls %[bits], %[window], %[value_left]\n\t"
            "lsrs %[bits], %[value_right]\n\t"
            "lsrs %[window], %[value_bits]\n\t"
            "adds %[column], %[window]\n\t"
            "mov %[entry], %[values]\n\t"
            "ldrsh %[bits], [%[entry], %[bits]]\n\t"
            "asrs %[value], %[bits], #8\n\t"
            "movs %[window], #63\n\t"
            "ands %[window], %[bits]\n\t"
            "subs %[left], %[window]"
            : [left] "+l"(cursor->left), [column] "+l"(cursor->column), [value] "=&l"(cursor->value),
              [window] "=&l"(window), [entry] "=&l"(entry), [bits] "=&l"(bits)
            : [word] "h"(cursor->word), [half] "h"(cursor->half_ahead), [gaps] "h"(weights->gap_table),
              [values] "h"(weights->value_table), [gap_shift] "i"(32U - weights->gap_bits),
              [value_left] "i"(32U - weights->value_bits), [value_right] "i"(31U - weights->value_bits),
              [value_bits] "i"(weights->value_bits)
            : "cc", "memory");
#else
    const uint32_t window = cursor->word << (31 - cursor->left) | cursor->half_ahead >> cursor->left;

    const uint32_t gap = weights->gap_table[window >> (32U - weights->gap_bits)];
    /* The code's last bit goes on top; as a one it is the leading bit of the gap, which the value's code follows. */
    const uint32_t both = ((window << (gap & 7U)) | 0x80000000U) >> (gap >> 3);
    const int32_t value = weights->value_table[both & ((1U << weights->value_bits) - 1U)];
    cursor->column += both >> weights->value_bits;
    cursor->value = value >> 8;
    cursor->left -= (int32_t)((gap & 7U) + ((uint32_t)value & 63U) - (gap >> 3));
#endif
    if (__builtin_expect(cursor->left < 0, 0)) {
        cursor->left += 32;
        cursor->word = cursor->next[-1];
        cursor->half_ahead = *cursor->next++ >> 1;
    }
}

/** At the first nonzero. */
TB_INLINE struct tb_huffman_cursor tb_huffman_first(const struct tb_huffman *weights)
{
    return (struct tb_huffman_cursor){
        .next = weights->stream + 2,
        .word = weights->stream[0],
        .half_ahead = weights->stream[1] >> 1,
        .left = 31,
        .column = weights->first_column,
        .value = weights->first_value,
    };
}

#endif
