/**
 * @file
 * Dense fully connected layers: several rows share each activation that is fetched.
 *
 * Rows lie one behind the other, or by fours: then each four columns of four rows are one block of 16 bytes, row by
 * row, and what is left of the rows follows one behind the other; columns are padded to a multiple of four.
 */
#ifndef TB_LINEAR_DENSE_H
#define TB_LINEAR_DENSE_H

#include "tb_arith.h"
#include "tb_formats.h"

/** Adds the products of four rows with `count` columns, count <= 4, of one block. */
TB_INLINE void tb_block_columns(struct tb_source input, const int8_t *block, uint32_t count, int32_t sums[4])
{
    for (uint32_t column = 0; column < count; column++) {
        const int32_t code = tb_load(input, column);
        sums[0] += block[column] * code;
        sums[1] += block[4U + column] * code;
        sums[2] += block[8U + column] * code;
        sums[3] += block[12U + column] * code;
    }
}

#if defined(__ARM_FEATURE_SIMD32)
/** Two rows of a block: sums += weights * activations, two products an instruction. */
#define TB_DENSE_ROW(word, sum)                          \
    "sxtb16 %[pair], %[" word "]\n\t"                    \
    "smlad %[" sum "], %[pair], %[even], %[" sum "]\n\t" \
    "sxtb16 %[" word "], %[" word "], ror #8\n\t"        \
    "smlad %[" sum "], %[" word "], %[odd], %[" sum "]\n\t"

/** Adds four rows' products with `twice` times eight aligned columns; `extend` unpacks two activations. */
#define TB_DENSE_BLOCKS(extend, data, block, twice, sums)                                                         \
    do {                                                                                                          \
        uint32_t even_, odd_, pair_, one_, other_;                                                                \
        __asm__(".p2align 2\n"                                                                                    \
                "1:\n\t"                                                                                          \
                ".rept 2\n\t"                                                                                     \
                "ldr.w %[odd], [%[codes]], #4\n\t"                                                                \
                "ldr.w %[one], [%[weights]], #16\n\t"                                                             \
                "ldr.w %[other], [%[weights], #-12]\n\t" extend " %[even], %[odd]\n\t" extend                     \
                " %[odd], %[odd], ror #8\n\t" TB_DENSE_ROW("one", "a")                                            \
                    TB_DENSE_ROW("other", "b") "ldr.w %[one], [%[weights], #-8]\n\t"                              \
                                               "ldr.w %[other], [%[weights], #-4]\n\t" TB_DENSE_ROW("one", "c")   \
                                                   TB_DENSE_ROW("other", "d") ".endr\n\t"                         \
                                                                              "subs.w %[count], %[count], #1\n\t" \
                                                                              "bne.w 1b"                          \
                : [codes] "+r"(data), [weights] "+r"(block), [count] "+r"(twice), [a] "+r"((sums)[0]),            \
                  [b] "+r"((sums)[1]), [c] "+r"((sums)[2]), [d] "+r"((sums)[3]), [even] "=&r"(even_),             \
                  [odd] "=&r"(odd_), [pair] "=&r"(pair_), [one] "=&r"(one_), [other] "=&r"(other_)                \
                :                                                                                                 \
                : "cc", "memory");                                                                                \
    } while (false)
#elif defined(__thumb2__)
/** One column of a block: loads right behind each other, then the products. */
#define TB_DENSE_COLUMN(load, column)                       \
    load ".w %[code], [%[codes], #" column "]\n\t"          \
         "ldrsb.w %[w], [%[weights], #" column "]\n\t"      \
         "ldrsb.w %[x], [%[weights], #4 + " column "]\n\t"  \
         "ldrsb.w %[y], [%[weights], #8 + " column "]\n\t"  \
         "ldrsb.w %[z], [%[weights], #12 + " column "]\n\t" \
         "mla %[a], %[code], %[w], %[a]\n\t"                \
         "mla %[b], %[code], %[x], %[b]\n\t"                \
         "mla %[c], %[code], %[y], %[c]\n\t"                \
         "mla %[d], %[code], %[z], %[d]\n\t"

/** Adds four rows' products with `fours` times four columns; `load` fetches an activation. */
#define TB_DENSE_BLOCKS(load, data, block, fours, sums)                                                              \
    do {                                                                                                             \
        int32_t code_, w_, x_, y_, z_;                                                                               \
        __asm__(".p2align 2\n"                                                                                       \
                "1:\n\t" TB_DENSE_COLUMN(load, "0") TB_DENSE_COLUMN(load, "1") TB_DENSE_COLUMN(load, "2")            \
                    TB_DENSE_COLUMN(load, "3") "add.w %[codes], %[codes], #4\n\t"                                    \
                                               "add.w %[weights], %[weights], #16\n\t"                               \
                                               "subs.w %[count], %[count], #1\n\t"                                   \
                                               "bne.w 1b"                                                            \
                : [codes] "+r"(data), [weights] "+r"(block), [count] "+r"(fours), [a] "+r"((sums)[0]),               \
                  [b] "+r"((sums)[1]), [c] "+r"((sums)[2]), [d] "+r"((sums)[3]), [code] "=&r"(code_), [w] "=&r"(w_), \
                  [x] "=&r"(x_), [y] "=&r"(y_), [z] "=&r"(z_)                                                        \
                :                                                                                                    \
                : "cc", "memory");                                                                                   \
    } while (false)
#endif

/** Four rows at once; moves `weights` behind them. */
TB_INLINE const int8_t *tb_dense_four(struct tb_source input, const int8_t *weights, uint32_t columns, int32_t sums[4])
{
    uint32_t left = columns;
#if defined(__ARM_FEATURE_SIMD32)
    /* The caller's input may lie anywhere; what lies in the arena is aligned. */
    if (columns >= 8U && ((uintptr_t)input.data & 3U) == 0U) {
        uint32_t twice = columns / 8U;
        left = columns % 8U;
        if (input.is_signed) {
            TB_DENSE_BLOCKS("sxtb16", input.data, weights, twice, sums);
        } else {
            TB_DENSE_BLOCKS("uxtb16", input.data, weights, twice, sums);
        }
    }
#elif defined(__thumb2__)
    if (columns >= 4U) {
        uint32_t fours = columns / 4U;
        left = columns % 4U;
        if (input.is_signed) {
            TB_DENSE_BLOCKS("ldrsb", input.data, weights, fours, sums);
        } else {
            TB_DENSE_BLOCKS("ldrb", input.data, weights, fours, sums);
        }
    }
#endif
    for (; left >= 4U; left -= 4U) {
        tb_block_columns(input, weights, 4U, sums);
        input.data += 4;
        weights += 16;
    }
    if (left > 0U) {
        tb_block_columns(input, weights, left, sums);
        weights += 16;
    }
    return weights;
}

/** One row of weights that lie one behind the other. */
TB_INLINE int32_t tb_dense_row(struct tb_source input, const int8_t *weight, uint32_t columns, int32_t sum)
{
    uint32_t column = 0;
    for (; column + 4U <= columns; column += 4U) {
        sum += weight[column] * tb_load(input, column);
        sum += weight[column + 1U] * tb_load(input, column + 1U);
        sum += weight[column + 2U] * tb_load(input, column + 2U);
        sum += weight[column + 3U] * tb_load(input, column + 3U);
    }
    for (; column < columns; column++) {
        sum += weight[column] * tb_load(input, column);
    }
    return sum;
}

/** Two rows of weights that lie one behind the other. */
TB_INLINE void tb_dense_two(struct tb_source input, const int8_t *weights, uint32_t columns, int32_t sums[2])
{
#if defined(__thumb__) && !defined(__thumb2__)
    /* Armv6-M loads signed bytes with an index only: it counts from minus the columns up to zero, for all three. */
#define TB_DENSE_COLUMN(load)                         \
    load " %[code], [%[codes], %[index]]\n\t"         \
         "ldrsb %[weight], [%[first], %[index]]\n\t"  \
         "muls %[weight], %[code]\n\t"                \
         "add %[a], %[weight]\n\t"                    \
         "ldrsb %[weight], [%[second], %[index]]\n\t" \
         "muls %[weight], %[code]\n\t"                \
         "add %[b], %[weight]\n\t"                    \
         "adds %[index], #1\n\t"
#define TB_DENSE_COLUMNS(load, index)                                                                            \
    __asm__(".syntax unified\n1:\n\t" TB_DENSE_COLUMN(load) TB_DENSE_COLUMN(load) TB_DENSE_COLUMN(load)          \
                TB_DENSE_COLUMN(load) "bne 1b"                                                                   \
            : [a] "+h"(sum_a), [b] "+h"(sum_b), [index] "+l"(index), [code] "=&l"(code), [weight] "=&l"(product) \
            : [codes] "l"(end), [first] "l"(first), [second] "l"(second)                                         \
            : "cc", "memory")
    const uint32_t fours = columns / 4U * 4U;
    const uint8_t *end = input.data + fours;
    const int8_t *first = weights + fours;
    const int8_t *second = first + columns;
    int32_t sum_a = sums[0];
    int32_t sum_b = sums[1];
    if (fours > 0U) {
        int32_t index = -(int32_t)fours;
        int32_t code, product;
        if (input.is_signed) {
            TB_DENSE_COLUMNS("ldrsb", index);
        } else {
            TB_DENSE_COLUMNS("ldrb", index);
        }
    }
    input.data = end;
    for (uint32_t column = 0; column < columns % 4U; column++) {
        const int32_t code = tb_load(input, column);
        sum_a += first[column] * code;
        sum_b += second[column] * code;
    }
    sums[0] = sum_a;
    sums[1] = sum_b;
#else
    sums[0] = tb_dense_row(input, weights, columns, sums[0]);
    sums[1] = tb_dense_row(input, weights + columns, columns, sums[1]);
#endif
}

#if defined(__ARM_FEATURE_MVE) && (__ARM_FEATURE_MVE & 1)
/** Four rows of signed codes, 16 columns at a time: each vector of activations is loaded once. */
#define TB_DENSE_SIGNED                                                                                    \
    __asm__("wlstp.8 lr, %[count], 2f\n"                                                                   \
            "1:\n\t"                                                                                       \
            "vldrb.8 q0, [%[codes]], #16\n\t"                                                              \
            "vldrb.8 q1, [%[r0]], #16\n\t"                                                                 \
            "vmladava.s8 %[a], q0, q1\n\t"                                                                 \
            "vldrb.8 q2, [%[r1]], #16\n\t"                                                                 \
            "vmladava.s8 %[b], q0, q2\n\t"                                                                 \
            "vldrb.8 q1, [%[r2]], #16\n\t"                                                                 \
            "vmladava.s8 %[c], q0, q1\n\t"                                                                 \
            "vldrb.8 q2, [%[r3]], #16\n\t"                                                                 \
            "vmladava.s8 %[d], q0, q2\n\t"                                                                 \
            "letp lr, 1b\n"                                                                                \
            "2:"                                                                                           \
            : [a] "+Te"(sum_a), [b] "+Te"(sum_b), [c] "+Te"(sum_c), [d] "+Te"(sum_d), [codes] "+r"(codes), \
              [r0] "+r"(row_a), [r1] "+r"(row_b), [r2] "+r"(row_c), [r3] "+r"(row_d)                       \
            : [count] "r"(columns)                                                                         \
            : "lr", "q0", "q1", "q2", "cc", "memory")

/** Two rows of unsigned codes, 8 columns at a time: vectors multiply like with like, so both are widened. */
#define TB_DENSE_UNSIGNED(first, second, sum_first, sum_second)                                                      \
    do {                                                                                                             \
        const uint8_t *codes_ = input.data;                                                                          \
        __asm__(                                                                                                     \
            "wlstp.16 lr, %[count], 2f\n"                                                                            \
            "1:\n\t"                                                                                                 \
            "vldrb.u16 q0, [%[codes]], #8\n\t"                                                                       \
            "vldrb.s16 q1, [%[r0]], #8\n\t"                                                                          \
            "vmladava.s16 %[a], q0, q1\n\t"                                                                          \
            "vldrb.s16 q2, [%[r1]], #8\n\t"                                                                          \
            "vmladava.s16 %[b], q0, q2\n\t"                                                                          \
            "letp lr, 1b\n"                                                                                          \
            "2:"                                                                                                     \
            : [a] "+Te"(sum_first), [b] "+Te"(sum_second), [codes] "+l"(codes_), [r0] "+l"(first), [r1] "+l"(second) \
            : [count] "r"(columns)                                                                                   \
            : "lr", "q0", "q1", "q2", "cc", "memory");                                                               \
    } while (false)
#endif

/** Four rows of weights that lie one behind the other. */
TB_INLINE void tb_dense_four_rows(struct tb_source input, const int8_t *weights, uint32_t columns, int32_t sums[4])
{
#if defined(__ARM_FEATURE_MVE) && (__ARM_FEATURE_MVE & 1)
    const uint8_t *codes = input.data;
    const int8_t *row_a = weights;
    const int8_t *row_b = row_a + columns;
    const int8_t *row_c = row_b + columns;
    const int8_t *row_d = row_c + columns;
    int32_t sum_a = sums[0];
    int32_t sum_b = sums[1];
    int32_t sum_c = sums[2];
    int32_t sum_d = sums[3];
    if (input.is_signed) {
        TB_DENSE_SIGNED;
    } else {
        TB_DENSE_UNSIGNED(row_a, row_b, sum_a, sum_b);
        TB_DENSE_UNSIGNED(row_c, row_d, sum_c, sum_d);
    }
    sums[0] = sum_a;
    sums[1] = sum_b;
    sums[2] = sum_c;
    sums[3] = sum_d;
#else
    tb_dense_two(input, weights, columns, sums);
    tb_dense_two(input, weights + 2U * columns, columns, sums + 2);
#endif
}

/** Dense int8: `output[r] = requantize(bias[r] + sum(weights[r][c] * input[c]))`. */
TB_INLINE void tb_linear_dense(struct tb_source input, uint8_t *output, struct tb_dense weights, struct tb_rows rows)
{
    const int8_t *weight = weights.values;
    const uint32_t stride = weights.by_fours ? (weights.columns + 3U) / 4U * 4U : weights.columns;
    uint32_t row = 0;
    for (; row + 4U <= rows.count; row += 4U) {
        int32_t sums[4];
        for (uint32_t i = 0; i < 4U; i++) {
            sums[i] = tb_bias(&rows, row + i);
        }
        if (weights.by_fours) {
            weight = tb_dense_four(input, weight, weights.columns, sums);
        } else {
            tb_dense_four_rows(input, weight, weights.columns, sums);
            weight += 4U * stride;
        }
        for (uint32_t i = 0; i < 4U; i++) {
            output[row + i] = (uint8_t)tb_requantize(&rows.requant, row + i, sums[i]);
        }
    }
    for (uint32_t left = rows.count % 4U; left > 0U; left--, row++) {
        const int32_t sum = tb_dense_row(input, weight, weights.columns, tb_bias(&rows, row));
        output[row] = (uint8_t)tb_requantize(&rows.requant, row, sum);
        weight += stride;
    }
}

#endif
