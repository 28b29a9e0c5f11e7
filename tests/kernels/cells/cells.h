/**
 * @file cells.h
 * @brief Networks of one layer and what they must give; where they run and where their arrays lie.
 *
 * networks.c, which is generated, has the table of cells; cells_host.c and cells_board.c are the two places.
 */
#ifndef CELLS_H
#define CELLS_H

#include <stdbool.h>
#include <stdint.h>

/** @brief A network and the outputs of all samples, one behind the other. */
struct cell {
    void (*run)(const int8_t *input, int8_t *output, uint8_t *arena);
    const int8_t *expected;
    uint32_t input_len;
    uint32_t output_len;
    uint32_t arena_bytes;
};

/** @brief The arrays of one run: input and output at odd addresses, the arena aligned to 16 bytes. */
struct arrays {
    int8_t *input;
    int8_t *output;
    uint8_t *arena;
};

extern const struct cell cells[];
extern const uint32_t cells_count;
extern const uint32_t cells_samples;

/** @brief Runs all samples of a cell and says "cell NUMBER exact", or what is wrong instead of the last word. */
void cell_judge(uint32_t number);

/** @brief Says a word or a line to whoever reads the verdicts. */
void place_say(const char *text);

/** @brief Arrays for one run, filled with @p pattern, and nothing else behind their ends. */
struct arrays place_arrays(const struct cell *cell, uint8_t pattern);

/** @brief Whether nothing was written around the arrays, whose run is over. */
bool place_is_intact(const struct cell *cell, struct arrays arrays, uint8_t pattern);

#endif
