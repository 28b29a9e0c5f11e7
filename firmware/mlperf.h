/**
 * @file mlperf.h
 * @brief The device side of MLPerf Tiny's serial protocol: ASCII commands that end in %, answers that end in m-ready.
 *
 * Written from the description in MLCommons' rules and benchmark/api of mlcommons/tiny. What the bytes of `db` are is
 * in mlperf_input.h: mostly the codes of the network's input, int8, one byte an element. Results are real numbers.
 * Performance and accuracy runs use the same commands: `infer` with many iterations, whose time is between two
 * m-lap-us, or with one, whose results are read.
 */
#ifndef MLPERF_H
#define MLPERF_H

#include <stdint.h>

/** @brief Sends bytes over the line. Defined by each image. */
void port_write(const uint8_t *bytes, uint32_t length);

/** @brief Says that the device is ready. */
void mlperf_start(void);

/** @brief Takes one byte from the line; answers when it ends a command. */
void mlperf_receive(uint8_t byte);

/** @brief Sends text. */
void mlperf_say(const char *text);

#endif
