/**
 * @file bench.h
 * @brief Marks around an inference: what lies between them is counted.
 */
#ifndef BENCH_H
#define BENCH_H

/** @brief Called right before each inference. Does nothing. */
void bench_begin(void);

/** @brief Called right after each inference. Does nothing. */
void bench_end(void);

#endif
