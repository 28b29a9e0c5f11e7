/**
 * @file
 * How weights lie in flash. A weight matrix has one row for each output; a convolution's row consists of one segment
 * for each kernel row, each segment `columns` wide.
 */
#ifndef TB_FORMATS_H
#define TB_FORMATS_H

#include "tb_arith.h"

/** Width of a tile of the index stream: what one byte can address. */
#define TB_TILE 256U

/** Dense int8, row by row, or four columns of four rows together (`tb_linear_dense.h`), aligned to four bytes. */
struct tb_dense {
    const int8_t *values;
    uint32_t columns;
    bool by_fours;
};

/** Index stream: `counts[row][segment][tile]`, then pairs of bytes (column in tile, value) in the same order. */
struct tb_index {
    const uint8_t *counts;
    const uint8_t *entries;
    uint32_t columns;
};

/**
 * Index stream in words: `counts[row][tile]` words, each of two nonzeros. From its lowest byte a word holds column in
 * tile, value, column in tile, value; a lone nonzero goes with column 0 of its tile times 0.
 */
struct tb_index_words {
    const uint8_t *counts;
    const uint32_t *words;
    uint32_t columns;
};

/** Nonzeros of `counts[row][tile]`, their columns in the tile and their values apart. */
struct tb_gather {
    const uint8_t *counts;
    const uint8_t *offsets;
    const int8_t *values;
    uint32_t columns;
};

/** Width of a tile of 1x4 blocks: what one byte can address in fours. */
#define TB_WIDE_TILE 1024U

/**
 * Blocks of four rows by one column: `counts[row / 4][tile]`, the column in its tile of each block, and four values a
 * block, aligned to four bytes. Rows that there are not have zeros.
 */
struct tb_blocks4x1 {
    const uint8_t *counts;
    const uint8_t *columns;
    const int8_t *values;
    uint32_t width; /**< columns of the matrix */
};

/**
 * Blocks of one row by four columns: `counts[row][tile]`, the place in its tile of each block in units of four columns,
 * and four values a block, aligned to four bytes. `tail` columns of every row, those behind the last whole four, are in
 * `tails` row by row.
 */
struct tb_blocks1x4 {
    const uint8_t *counts;
    const uint8_t *places;
    const int8_t *values;
    const int8_t *tails;
    uint32_t tail;
    uint32_t width; /**< columns of the matrix */
};

/** Blocks of one row by sixteen columns: `counts[row][tile]`, the first column of each, and sixteen values a block. */
struct tb_blocks1x16 {
    const uint8_t *counts;
    const uint8_t *places;
    const int8_t *values;
    uint32_t width; /**< columns of the matrix */
};

/**
 * Index stream of gaps: words of each row, and in a word gap, value, gap, value from its lowest byte. The first gap of
 * a row is its first column; a gap too long for a byte is spread over entries with the value 0. Exactly one of the
 * pointers to counts is not NULL.
 */
struct tb_delta {
    const uint8_t *counts8;
    const uint16_t *counts16;
    const uint32_t *words;
};

/** Nonzeros by level: `counts[row][tile][level]`, and their columns in the tile in the same order. */
struct tb_grouped {
    const uint8_t *counts;
    const uint8_t *offsets;
    const int8_t *levels;
    uint32_t level_count;
    uint32_t columns;
};

/** Nonzeros row by row; stands in for straight-line code, whose weights are its instructions. */
struct tb_pairs {
    const uint32_t *counts;
    const uint16_t *columns;
    const int8_t *values;
};

/**
 * Canonical Huffman codes, decoded through one lookup per symbol.
 *
 * The stream holds, for each nonzero but the first in row order, the code of its gap's bucket, the bucket's extra bits,
 * and the code of its value. A gap is the distance from the nonzero before it, counted over all rows as if they were
 * one; a gap of bucket b lies in 2^b .. 2^(b+1)-1 and has b extra bits. One last gap reaches past the end. An entry of
 * the gaps' table is `(31 - b - value_bits) << 3 | (code length - 1)`, one of the values' `weight << 8 | (code length +
 * 32 - value_bits)`. The stream runs from the top bit of its first word to the lowest, then on in the second; there are
 * two words from the one on in which its last bit is followed.
 */
struct tb_huffman {
    const uint32_t *stream;
    const uint8_t *gap_table;
    const int16_t *value_table;
    uint32_t gap_bits;   /**< index width of `gap_table` */
    uint32_t value_bits; /**< index width of `value_table` */
    uint32_t columns;
    uint32_t first_column; /**< of the first nonzero, counted as gaps are: it may lie in a later row */
    int32_t first_value;
};

#endif
