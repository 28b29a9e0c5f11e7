/* The inner loops that scripts/measure_tans.py counts: a row with Huffman codes, as the runtime has it, and with tANS.
 */
#include "tb_linear.h"

struct tans {
    const uint8_t *stream;
    const uint16_t *gap_states;   /* bucket << 11 | width << 8 | base */
    const uint16_t *value_states; /* level << 11 | width << 8 | base */
    const int8_t *levels;
};

struct tans_cursor {
    uint32_t bit;
    uint32_t gap_state;
    uint32_t value_state;
};

int32_t decode_huffman(const uint8_t *codes, const struct tb_huffman *weights, struct tb_huffman_cursor *at,
                       int32_t sum)
{
    struct tb_huffman_cursor cursor = *at;
    while (cursor.column < weights->columns) {
        sum += cursor.value * (int8_t)codes[cursor.column];
        tb_huffman_next(weights, &cursor);
    }
    *at = cursor;
    return sum;
}

int32_t decode_tans(const uint8_t *codes, const struct tans *weights, struct tans_cursor *at, uint32_t columns,
                    int32_t sum)
{
    struct tans_cursor cursor = *at;
    uint32_t column = 0;
    for (;;) {
        const uint32_t gap = weights->gap_states[cursor.gap_state];
        const uint32_t value = weights->value_states[cursor.value_state];
        const uint8_t *byte = weights->stream + (cursor.bit >> 3);
        uint32_t window = (uint32_t)byte[0] << 24 | (uint32_t)byte[1] << 16 | (uint32_t)byte[2] << 8 | byte[3];
        window <<= cursor.bit & 7U;
        const uint32_t bucket = gap >> 11;
        const uint32_t gap_width = gap >> 8 & 7U;
        const uint32_t value_width = value >> 8 & 7U;
        /* Widths may be 0: two shifts, as a shift by 32 is undefined. */
        column += (1U << bucket) + (window >> 1 >> (31U - bucket));
        window <<= bucket;
        cursor.gap_state = (gap & 255U) + (window >> 1 >> (31U - gap_width));
        window <<= gap_width;
        cursor.value_state = (value & 255U) + (window >> 1 >> (31U - value_width));
        cursor.bit += bucket + gap_width + value_width;
        if (column >= columns) {
            break;
        }
        sum += weights->levels[value >> 11] * (int8_t)codes[column];
    }
    *at = cursor;
    return sum;
}
