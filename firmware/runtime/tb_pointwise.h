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

/** `table[code]` for `count` codes, as bytes. Four are read before any is written. */
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
    for (const uint8_t *const fours = input + (count & ~3U); input != fours; input += 4, output += 4) {
        const uint32_t a = input[0], b = input[1], c = input[2], d = input[3];
        const uint8_t e = table[a], f = table[b], g = table[c], h = table[d];
        output[0] = e;
        output[1] = f;
        output[2] = g;
        output[3] = h;
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

/** The same values on another scale: each code is requantized as an accumulator. */
TB_INLINE void tb_requantize_codes(struct tb_source input, uint8_t *output, struct tb_elements elements,
                                   const struct tb_requant *requant)
{
    for (uint32_t row = 0; row < elements.rows; row++) {
        for (uint32_t i = 0; i < elements.row_bytes; i++) {
            *output++ = (uint8_t)tb_requantize(requant, 0, tb_load(input, i));
        }
        input.data += elements.row_bytes;
        output += elements.output_row_gap;
    }
}

#endif
