/**
 * @file
 * Operators on single elements: a function given as a table, and another scale. They may work in place.
 */
#ifndef TB_POINTWISE_H
#define TB_POINTWISE_H

#include "tb_arith.h"

/** Elements in rows, contiguous in the input; `output_row_gap` bytes lie between stored output rows. */
struct tb_elements {
    uint32_t rows;
    uint32_t row_bytes;
    uint32_t output_row_gap;
};

/** Keeps gcc from gathering bytes into a word to store them together: that takes longer than storing each. */
#define TB_APART() __asm__ volatile("" ::: "memory")

/** Four codes looked up; all are read before any is written. */
TB_INLINE void tb_look_up_four(const uint8_t *input, uint8_t *output, const uint8_t *table)
{
    const uint32_t a = input[0], b = input[1], c = input[2], d = input[3];
    const uint8_t e = table[a], f = table[b], g = table[c], h = table[d];
    output[0] = e;
    TB_APART();
    output[1] = f;
    TB_APART();
    output[2] = g;
    TB_APART();
    output[3] = h;
}

/** `table[code]` for `count` codes, as bytes. */
TB_INLINE void tb_look_up(const uint8_t *input, uint8_t *output, uint32_t count, const uint8_t *table)
{
#if defined(__ARM_FEATURE_MVE)
    __asm__ volatile("wlstp.8 lr, %[count], 2f\n"
                     "1:\n\t"
                     "vldrb.8 q0, [%[input]], #16\n\t"
                     "vldrb.u8 q1, [%[table], q0]\n\t"
                     "vstrb.8 q1, [%[output]], #16\n\t"
                     "letp lr, 1b\n"
                     "2:"
                     : [input] "+r"(input), [output] "+r"(output)
                     : [count] "r"(count), [table] "r"(table)
                     : "lr", "q0", "q1", "cc", "memory");
#else
    const uint8_t *const end = input + count;
    const uint8_t *const eights = input + (count & ~7U);
    for (; input != eights; input += 8, output += 8) {
        tb_look_up_four(input, output, table);
        tb_look_up_four(input + 4, output + 4, table);
    }
    while (input != end) {
        *output++ = table[*input++];
    }
#endif
}

/** A function of one number: `table` holds the output byte of every input byte. */
TB_INLINE void tb_pointwise(const uint8_t *input, uint8_t *output, struct tb_elements elements, const uint8_t *table)
{
    for (uint32_t row = 0; row < elements.rows; row++) {
        tb_look_up(input, output, elements.row_bytes, table);
        input += elements.row_bytes;
        output += elements.row_bytes + elements.output_row_gap;
    }
}

/** Whether four codes are requantized together: not on Armv6-M, whose registers do not suffice. */
#if defined(__ARM_ARCH_6M__)
#define TB_IN_FOURS false
#else
#define TB_IN_FOURS true
#endif

/** The same values on another scale: each code is requantized as an accumulator. */
TB_INLINE void tb_requantize_codes(struct tb_source input, uint8_t *output, struct tb_elements elements,
                                   const struct tb_requant *requant)
{
    for (uint32_t row = 0; row < elements.rows; row++) {
        const uint8_t *const end = input.data + elements.row_bytes;
        const uint8_t *const fours = input.data + (TB_IN_FOURS ? elements.row_bytes & ~3U : 0U);
        for (; input.data != fours; input.data += 4, output += 4) {
            const int32_t a = tb_load(input, 0), b = tb_load(input, 1), c = tb_load(input, 2), d = tb_load(input, 3);
            output[0] = (uint8_t)tb_requantize(requant, 0, a);
            output[1] = (uint8_t)tb_requantize(requant, 0, b);
            output[2] = (uint8_t)tb_requantize(requant, 0, c);
            output[3] = (uint8_t)tb_requantize(requant, 0, d);
        }
        for (; input.data != end; input.data++) {
            *output++ = (uint8_t)tb_requantize(requant, 0, tb_load(input, 0));
        }
        output += elements.output_row_gap;
    }
}

#endif
