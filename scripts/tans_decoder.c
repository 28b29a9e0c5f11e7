/* The inner loops that scripts/measure_tans.py counts: a row with Huffman codes, as the runtime has it, and with tANS.
 */
#include "tb_linear.h"

struct tans {
    const uint16_t *gap_states;   /* bucket << 11 | width << 8 | base */
    const uint16_t *value_states; /* level << 11 | width << 8 | base */
    const int8_t *levels;
};

struct tans_cursor {
    const uint32_t *next;
    uint32_t word;
    uint32_t half_ahead;
    int32_t left;
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
        uint32_t window = cursor.word << (31 - cursor.left) | cursor.half_ahead >> cursor.left;
        const uint32_t bucket = gap >> 11;
        const uint32_t gap_width = gap >> 8 & 7U;
        const uint32_t value_width = value >> 8 & 7U;
        /* Widths may be 0: two shifts, as a shift by 32 is undefined. */
        column += (1U << bucket) + (window >> 1 >> (31U - bucket));
        window <<= bucket;
        cursor.gap_state = (gap & 255U) + (window >> 1 >> (31U - gap_width));
        window <<= gap_width;
        cursor.value_state = (value & 255U) + (window >> 1 >> (31U - value_width));
        cursor.left -= (int32_t)(bucket + gap_width + value_width);
        if (__builtin_expect(cursor.left < 0, 0)) {
            cursor.left += 32;
            cursor.word = cursor.next[-1];
            cursor.half_ahead = *cursor.next++ >> 1;
        }
        if (column >= columns) {
            break;
        }
        sum += weights->levels[value >> 11] * (int8_t)codes[column];
    }
    *at = cursor;
    return sum;
}
