/**
 * @file
 * Sparse fully connected layers whose nonzeros come in blocks: four rows of a column, or 4 or 16 columns of a row.
 */
#ifndef TB_LINEAR_BLOCKS_H
#define TB_LINEAR_BLOCKS_H

#include "tb_arith.h"
#include "tb_formats.h"

#if defined(__thumb2__)
/** One block of four rows: all loads right behind each other, then the products. */
#define TB_COLUMN_BLOCK(load)                                                      \
    "ldrb.w %[code], [%[columns]], #1\n\t"                                         \
    "ldrsb.w %[x], [%[values], #1]\n\t"                                            \
    "ldrsb.w %[y], [%[values], #2]\n\t"                                            \
    "ldrsb.w %[z], [%[values], #3]\n\t"                                            \
    "ldrsb.w %[w], [%[values]], #4\n\t" load ".w %[code], [%[codes], %[code]]\n\t" \
    "mla %[b], %[code], %[x], %[b]\n\t"                                            \
    "mla %[c], %[code], %[y], %[c]\n\t"                                            \
    "mla %[d], %[code], %[z], %[d]\n\t"                                            \
    "mla %[a], %[code], %[w], %[a]\n\t"

/** Adds `count` blocks of four rows to the sums `a` to `d`, two at a time. */
#define TB_COLUMN_BLOCKS(load, codes_at, columns_at, values_at, count)                                                \
    do {                                                                                                              \
        uint32_t code_, w_, x_, y_, z_;                                                                               \
        __asm__("subs.w %[left], %[left], #2\n\t"                                                                     \
                "blo.w 2f\n\t"                                                                                        \
                ".p2align 2\n"                                                                                        \
                "1:\n\t" TB_COLUMN_BLOCK(load) TB_COLUMN_BLOCK(load) "subs.w %[left], %[left], #2\n\t"                \
                                                                     "bhs.w 1b\n"                                     \
                                                                     "2:\n\t"                                         \
                                                                     "adds.w %[left], %[left], #1\n\t"                \
                                                                     "bne.w 3f\n\t" TB_COLUMN_BLOCK(load) "3:"        \
                : [columns] "+r"(columns_at), [values] "+r"(values_at), [left] "+r"(count), [a] "+r"(a), [b] "+r"(b), \
                  [c] "+r"(c), [d] "+r"(d), [code] "=&r"(code_), [w] "=&r"(w_), [x] "=&r"(x_), [y] "=&r"(y_),         \
                  [z] "=&r"(z_)                                                                                       \
                : [codes] "r"(codes_at)                                                                               \
                : "cc", "memory");                                                                                    \
    } while (false)
#elif defined(__thumb__)
/** One block of four rows; Armv6-M multiplies and loads signed bytes in low registers only. */
#define TB_COLUMN_BLOCK(load, offset)                                                      \
    "ldrb %[code], [%[columns], #" offset "]\n\t" load " %[code], [%[codes], %[code]]\n\t" \
    "ldm %[values]!, {%[word]}\n\t"                                                        \
    "sxtb %[value], %[word]\n\t"                                                           \
    "muls %[value], %[code]\n\t"                                                           \
    "add %[a], %[value]\n\t"                                                               \
    "lsls %[value], %[word], #16\n\t"                                                      \
    "asrs %[value], %[value], #24\n\t"                                                     \
    "muls %[value], %[code]\n\t"                                                           \
    "add %[b], %[value]\n\t"                                                               \
    "lsls %[value], %[word], #8\n\t"                                                       \
    "asrs %[value], %[value], #24\n\t"                                                     \
    "muls %[value], %[code]\n\t"                                                           \
    "add %[c], %[value]\n\t"                                                               \
    "asrs %[word], %[word], #24\n\t"                                                       \
    "muls %[word], %[code]\n\t"                                                            \
    "add %[d], %[word]\n\t"

/** Adds `count` blocks of four rows to the sums `a` to `d`: four at a time, then one by one. */
#define TB_COLUMN_BLOCKS(load, codes_at, columns_at, values_at, count)                                                \
    do {                                                                                                              \
        uint32_t code_, word_, value_;                                                                                \
        __asm__(".syntax unified\n\t"                                                                                 \
                "subs %[left], #4\n\t"                                                                                \
                "blo 2f\n"                                                                                            \
                "1:\n\t" TB_COLUMN_BLOCK(load, "0") TB_COLUMN_BLOCK(load, "1") TB_COLUMN_BLOCK(load, "2")             \
                    TB_COLUMN_BLOCK(load, "3") "adds %[columns], #4\n\t"                                              \
                                               "subs %[left], #4\n\t"                                                 \
                                               "bhs 1b\n"                                                             \
                                               "2:\n\t"                                                               \
                                               "adds %[left], #4\n\t"                                                 \
                                               "beq 4f\n"                                                             \
                                               "3:\n\t" TB_COLUMN_BLOCK(load, "0") "adds %[columns], #1\n\t"          \
                                                                                   "subs %[left], #1\n\t"             \
                                                                                   "bne 3b\n"                         \
                                                                                   "4:"                               \
                : [columns] "+l"(columns_at), [values] "+l"(values_at), [left] "+l"(count), [a] "+h"(a), [b] "+h"(b), \
                  [c] "+h"(c), [d] "+h"(d), [code] "=&l"(code_), [word] "=&l"(word_), [value] "=&l"(value_)           \
                : [codes] "l"(codes_at)                                                                               \
                : "cc", "memory");                                                                                    \
    } while (false)
#endif

/** Where a layer of blocks stands. */
struct tb_block_cursor {
    const uint8_t *count;
    const uint8_t *column;
    const int8_t *value;
};

/** Accumulator before the first product of the row `ahead` of `row`, where it is one of the `live` ones. */
TB_INLINE int32_t tb_blocks_bias(const struct tb_rows *rows, uint32_t row, uint32_t ahead, uint32_t live)
{
    return ahead < live ? tb_bias(rows, row + ahead) : 0;
}

/** Writes the code of the row `ahead` of `row`, where it is one of the `live` ones. */
TB_INLINE void tb_blocks_write(const struct tb_rows *rows, uint8_t *output, uint32_t row, uint32_t ahead, uint32_t live,
                               int32_t sum)
{
    if (ahead < live) {
        output[row + ahead] = (uint8_t)tb_requantize(&rows->requant, row + ahead, sum);
    }
}

/** `live` rows from `row` on, at most four. No array and no loop of four: gcc keeps neither in registers. */
TB_INLINE struct tb_block_cursor tb_blocks_rows(struct tb_source input, uint8_t *output, uint32_t width,
                                                const struct tb_rows *rows, uint32_t row, uint32_t live,
                                                struct tb_block_cursor at)
{
    int32_t a = tb_blocks_bias(rows, row, 0, live);
    int32_t b = tb_blocks_bias(rows, row, 1, live);
    int32_t c = tb_blocks_bias(rows, row, 2, live);
    int32_t d = tb_blocks_bias(rows, row, 3, live);
    for (uint32_t base = 0; base < width; base += TB_TILE) {
        const struct tb_source tile = {input.data + base, input.is_signed};
        uint32_t left = *at.count++;
#if defined(TB_COLUMN_BLOCKS)
        if (tile.is_signed) {
            TB_COLUMN_BLOCKS("ldrsb", tile.data, at.column, at.value, left);
        } else {
            TB_COLUMN_BLOCKS("ldrb", tile.data, at.column, at.value, left);
        }
#else
        for (; left > 0U; left--) {
            const int32_t code = tb_load(tile, *at.column++);
            a += at.value[0] * code;
            b += at.value[1] * code;
            c += at.value[2] * code;
            d += at.value[3] * code;
            at.value += 4;
        }
#endif
    }
    tb_blocks_write(rows, output, row, 0, live, a);
    tb_blocks_write(rows, output, row, 1, live, b);
    tb_blocks_write(rows, output, row, 2, live, c);
    tb_blocks_write(rows, output, row, 3, live, d);
    return at;
}

/** Blocks of four rows by one column: the rows share each activation. */
TB_INLINE void tb_linear_blocks4x1(struct tb_source input, uint8_t *output, struct tb_blocks4x1 weights,
                                   struct tb_rows rows)
{
    struct tb_block_cursor at = {weights.counts, weights.columns, weights.values};
    uint32_t row = 0;
    for (; row + 4U <= rows.count; row += 4U) {
        at = tb_blocks_rows(input, output, weights.width, &rows, row, 4U, at);
    }
    if (rows.count % 4U != 0U) {
        (void)tb_blocks_rows(input, output, weights.width, &rows, row, rows.count % 4U, at);
    }
}

#if defined(__ARM_FEATURE_SIMD32)
/** Products of four activations in %[x] with four weights in %[w], two an instruction. */
#define TB_ROW_PRODUCTS(extend, x, w)                                                \
    "sxtb16 %[t], %[" w "]\n\t" extend " %[u], %[" x "]\n\t"                         \
    "smlad %[sum], %[t], %[u], %[sum]\n\t"                                           \
    "sxtb16 %[" w "], %[" w "], ror #8\n\t" extend " %[" x "], %[" x "], ror #8\n\t" \
    "smlad %[sum], %[" w "], %[" x "], %[sum]\n\t"

/** Two blocks: all loads right behind each other, then the products. */
#define TB_ROW_TWO(extend)                     \
    "ldrb.w %[a], [%[places], #1]\n\t"         \
    "ldrb.w %[b], [%[places]], #2\n\t"         \
    "ldr.w %[c], [%[values], #4]\n\t"          \
    "ldr.w %[d], [%[values]], #8\n\t"          \
    "ldr.w %[a], [%[codes], %[a], lsl #2]\n\t" \
    "ldr.w %[b], [%[codes], %[b], lsl #2]\n\t" TB_ROW_PRODUCTS(extend, "a", "c") TB_ROW_PRODUCTS(extend, "b", "d")

/** `count` blocks of four columns: four at a time, then two, then one. */
#define TB_ROW_BLOCKS(extend, codes_at, places_at, values_at, count, total)                                    \
    do {                                                                                                       \
        uint32_t a_, b_, c_, d_, t_, u_;                                                                       \
        __asm__("subs.w %[left], %[left], #4\n\t"                                                              \
                "blo.w 2f\n\t"                                                                                 \
                ".p2align 2\n"                                                                                 \
                "1:\n\t" TB_ROW_TWO(extend)                                                                    \
                    TB_ROW_TWO(extend) "subs.w %[left], %[left], #4\n\t"                                       \
                                       "bhs.w 1b\n"                                                            \
                                       "2:\n\t"                                                                \
                                       "lsls.w %[left], %[left], #31\n\t"                                      \
                                       "bcc.w 3f\n\t" TB_ROW_TWO(                                              \
                                           extend) "3:\n\t"                                                    \
                                                   "cbz %[left], 4f\n\t"                                       \
                                                   "ldrb.w %[a], [%[places]], #1\n\t"                          \
                                                   "ldr.w %[c], [%[values]], #4\n\t"                           \
                                                   "ldr.w %[a], [%[codes], %[a], lsl #2]\n\t" TB_ROW_PRODUCTS( \
                                                       extend, "a", "c") "4:"                                  \
                : [places] "+r"(places_at), [values] "+r"(values_at), [left] "+l"(count), [sum] "+r"(total),   \
                  [a] "=&r"(a_), [b] "=&r"(b_), [c] "=&r"(c_), [d] "=&r"(d_), [t] "=&r"(t_), [u] "=&r"(u_)     \
                : [codes] "r"(codes_at)                                                                        \
                : "cc", "memory");                                                                             \
    } while (false)
#endif

/** All rows of blocks of four columns; `aligned` is a constant, so that each kind of input has a loop of its own. */
TB_INLINE void tb_rows_of_blocks(struct tb_source input, uint8_t *output, struct tb_blocks1x4 weights,
                                 const struct tb_rows *rows, bool aligned)
{
    for (uint32_t row = 0; row < rows->count; row++) {
        int32_t sum = tb_bias(rows, row);
        for (uint32_t base = 0; base < weights.width; base += TB_WIDE_TILE) {
            const struct tb_source tile = {input.data + base, input.is_signed};
            uint32_t left = *weights.counts++;
#if defined(TB_ROW_BLOCKS)
            if (aligned) {
                if (tile.is_signed) {
                    TB_ROW_BLOCKS("sxtb16", tile.data, weights.places, weights.values, left, sum);
                } else {
                    TB_ROW_BLOCKS("uxtb16", tile.data, weights.places, weights.values, left, sum);
                }
                continue;
            }
#endif
            (void)aligned;
            for (; left > 0U; left--) {
                const uint32_t column = 4U * *weights.places++;
                for (uint32_t i = 0; i < 4U; i++) {
                    sum += *weights.values++ * tb_load(tile, column + i);
                }
            }
        }
        for (uint32_t i = 0; i < weights.tail; i++) {
            sum += *weights.tails++ * tb_load(input, weights.width - weights.tail + i);
        }
        output[row] = (uint8_t)tb_requantize(&rows->requant, row, sum);
    }
}

/** Blocks of one row by four columns, and the columns behind the last whole four of a row one by one. */
TB_INLINE void tb_linear_blocks1x4(struct tb_source input, uint8_t *output, struct tb_blocks1x4 weights,
                                   struct tb_rows rows)
{
#if defined(TB_ROW_BLOCKS)
    /* The caller's input may lie anywhere; what lies in the arena is aligned. */
    if (((uintptr_t)input.data & 3U) == 0U) {
        tb_rows_of_blocks(input, output, weights, &rows, true);
        return;
    }
#endif
    tb_rows_of_blocks(input, output, weights, &rows, false);
}

#if defined(__ARM_FEATURE_MVE) && (__ARM_FEATURE_MVE & 1)
/** `count` blocks of signed codes: a vector of activations and one of weights each. */
#define TB_VECTOR_SIGNED                                                                   \
    __asm__("wls lr, %[count], 2f\n"                                                       \
            "1:\n\t"                                                                       \
            "ldrb.w %[at], [%[places]], #1\n\t"                                            \
            "vldrb.8 q1, [%[values]], #16\n\t"                                             \
            "add.w %[at], %[codes], %[at]\n\t"                                             \
            "vldrb.8 q0, [%[at]]\n\t"                                                      \
            "vmladava.s8 %[sum], q0, q1\n\t"                                               \
            "le lr, 1b\n"                                                                  \
            "2:"                                                                           \
            : [places] "+r"(place), [values] "+l"(value), [sum] "+Te"(sum), [at] "=&l"(at) \
            : [codes] "r"(tile.data), [count] "r"(left)                                    \
            : "lr", "q0", "q1", "cc", "memory")

/** `count` blocks of unsigned codes: vectors multiply like with like, so both are widened, by halves. */
#define TB_VECTOR_UNSIGNED                                                                 \
    __asm__("wls lr, %[count], 2f\n"                                                       \
            "1:\n\t"                                                                       \
            "ldrb.w %[at], [%[places]], #1\n\t"                                            \
            "vldrb.s16 q1, [%[values]], #8\n\t"                                            \
            "add.w %[at], %[codes], %[at]\n\t"                                             \
            "vldrb.u16 q0, [%[at]]\n\t"                                                    \
            "vmladava.s16 %[sum], q0, q1\n\t"                                              \
            "vldrb.s16 q3, [%[values]], #8\n\t"                                            \
            "vldrb.u16 q2, [%[at], #8]\n\t"                                                \
            "vmladava.s16 %[sum], q2, q3\n\t"                                              \
            "le lr, 1b\n"                                                                  \
            "2:"                                                                           \
            : [places] "+r"(place), [values] "+l"(value), [sum] "+Te"(sum), [at] "=&l"(at) \
            : [codes] "r"(tile.data), [count] "r"(left)                                    \
            : "lr", "q0", "q1", "q2", "q3", "cc", "memory")
#endif

/** Blocks of one row by sixteen columns, from any column on. */
TB_INLINE void tb_linear_blocks1x16(struct tb_source input, uint8_t *output, struct tb_blocks1x16 weights,
                                    struct tb_rows rows)
{
    const uint8_t *count = weights.counts;
    const uint8_t *place = weights.places;
    const int8_t *value = weights.values;
    for (uint32_t row = 0; row < rows.count; row++) {
        int32_t sum = tb_bias(&rows, row);
        for (uint32_t base = 0; base < weights.width; base += TB_TILE) {
            const struct tb_source tile = {input.data + base, input.is_signed};
            uint32_t left = *count++;
#if defined(TB_VECTOR_SIGNED)
            uint32_t at;
            if (tile.is_signed) {
                TB_VECTOR_SIGNED;
            } else {
                TB_VECTOR_UNSIGNED;
            }
#else
            for (; left > 0U; left--) {
                const uint32_t column = *place++;
                for (uint32_t i = 0; i < 16U; i++) {
                    sum += *value++ * tb_load(tile, column + i);
                }
            }
#endif
        }
        output[row] = (uint8_t)tb_requantize(&rows.requant, row, sum);
    }
}

#endif
