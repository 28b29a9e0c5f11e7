/**
 * @file mlperf.c
 * @brief Commands and answers of MLPerf Tiny's serial protocol.
 */
#include "mlperf.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>

#include "board.h"
#include "cycles.h"
#include "mlperf_input.h"
#include "network_binding.h"

#define COMMAND_BYTES 80u
#define TERMINATOR '%'
#define DELIMITER ' '
#define WARM_UPS 10u
#define MEGA 1000000u
#define GIGA 1000000000u
#define BUFFER_ROW 8u
#define LARGEST_NUMBER 100000000u
#define LARGEST_REAL 4.29e6f /* thousandths of it are close to the end of 32 bits */

static _Alignas(16) uint8_t arena[NET_ARENA_BYTES];
static int8_t input[NET_INPUT_LEN];
static int8_t output[NET_OUTPUT_LEN];
#if MLPERF_TAKES_REALS
static_assert(NET_INPUT_LEN == NET_OUTPUT_LEN, "outputs are compared with inputs");
static float reals[NET_INPUT_LEN];
#define INPUT_BYTES ((uint32_t)sizeof reals)
#else
#define INPUT_BYTES NET_INPUT_LEN
#endif
static uint32_t expected_bytes;
static uint32_t loaded_bytes;
static char command[COMMAND_BYTES + 1u];
static uint32_t command_length;
static uint64_t passed_cycles;
static uint32_t looked_at;

void mlperf_say(const char *text)
{
    port_write((const uint8_t *)text, (uint32_t)strlen(text));
}

static void say_number(uint32_t number)
{
    char digits[11];
    uint32_t at = sizeof digits - 1u;
    digits[at] = '\0';
    do {
        digits[--at] = (char)('0' + (char)(number % 10u));
        number /= 10u;
    } while (number != 0u);
    mlperf_say(digits + at);
}

static void say_line(const char *before, uint32_t number, const char *after)
{
    mlperf_say(before);
    say_number(number);
    mlperf_say(after);
}

/** @brief Three decimals, as results are read by the runner. */
static void say_real(float value)
{
    if (value < 0.0f) {
        mlperf_say("-");
        value = -value;
    }
    const uint32_t thousandths = value < LARGEST_REAL ? (uint32_t)(value * 1000.0f + 0.5f) : UINT32_MAX;
    const uint32_t decimals = thousandths % 1000u;
    say_number(thousandths / 1000u);
    mlperf_say(decimals < 10u ? ".00" : decimals < 100u ? ".0" : ".");
    say_number(decimals);
}

/** @brief Adds up what has passed since the last look; the counter may go round in between once, and no more. */
static void look_at_clock(void)
{
    const uint32_t now = cycles_now();
    passed_cycles += now - looked_at;
    looked_at = now;
}

/** @brief In microseconds since the start; 64 bits, for 32 go round in 71 minutes and an accuracy run takes longer. */
static void say_time(void)
{
    look_at_clock();
    const uint64_t microseconds = passed_cycles * MEGA / BOARD_CLOCK_HZ;
    const uint32_t high = (uint32_t)(microseconds / GIGA);
    const uint32_t low = (uint32_t)(microseconds % GIGA);
    mlperf_say("m-lap-us-");
    if (high != 0u) {
        say_number(high);
        for (uint32_t place = GIGA / 10u; place > 1u && low < place; place /= 10u) {
            mlperf_say("0");
        }
    }
    say_number(low);
    mlperf_say("\r\n");
}

static float real_output(uint32_t i)
{
    return NET_OUTPUT_SCALE * (float)(output[i] - (NET_OUTPUT_ZERO_POINT));
}

static void say_results(void)
{
    mlperf_say("m-results-[");
#if MLPERF_TAKES_REALS
    float sum = 0.0f;
    for (uint32_t i = 0; i < NET_OUTPUT_LEN; ++i) {
        const float difference = real_output(i) - reals[i];
        sum += difference * difference;
    }
    say_real(sum / (float)NET_OUTPUT_LEN);
#else
    for (uint32_t i = 0; i < NET_OUTPUT_LEN; ++i) {
        if (i != 0u) {
            mlperf_say(",");
        }
        say_real(real_output(i));
    }
#endif
    mlperf_say("]\r\n");
}

/** @brief Takes byte number @p at of the input. */
static void take(uint32_t at, uint8_t byte)
{
#if MLPERF_TAKES_REALS
    memcpy((uint8_t *)reals + at, &byte, 1);
    if (at + 1u == INPUT_BYTES) {
        net_quantize(reals, input);
    }
#elif MLPERF_TAKES_PIXELS
    input[at] = mlperf_pixel_codes[at % MLPERF_CHANNELS][byte];
#else
    memcpy(input + at, &byte, 1);
#endif
}

/** @brief What was taken as byte number @p at; of a pixel, its code. */
static uint8_t taken(uint32_t at)
{
#if MLPERF_TAKES_REALS
    return ((const uint8_t *)reals)[at];
#else
    return (uint8_t)input[at];
#endif
}

static void infer(uint32_t iterations, uint32_t warm_ups)
{
    say_line("m-warmup-start-", warm_ups, "\r\n");
    for (uint32_t i = 0; i < warm_ups; ++i) {
        net_run(input, output, arena);
        look_at_clock();
    }
    mlperf_say("m-warmup-done\r\n");
    say_line("m-infer-start-", iterations, "\r\n");
    say_time();
    for (uint32_t i = 0; i < iterations; ++i) {
        net_run(input, output, arena);
        look_at_clock();
    }
    say_time();
    mlperf_say("m-infer-done\r\n");
    say_results();
}

/** @brief The next word of the command, ended by a zero; NULL where there is none. */
static char *next_word(char **rest)
{
    char *word = *rest;
    while (*word == DELIMITER) {
        ++word;
    }
    char *end = word;
    while (*end != '\0' && *end != DELIMITER) {
        ++end;
    }
    *rest = *end == '\0' ? end : end + 1;
    *end = '\0';
    return *word == '\0' ? NULL : word;
}

/** @brief A decimal number below LARGEST_NUMBER; whether it is one. */
static bool read_number(const char *word, uint32_t *number)
{
    *number = 0;
    for (; *word != '\0'; ++word) {
        if (*word < '0' || *word > '9' || *number >= LARGEST_NUMBER / 10u) {
            return false;
        }
        *number = *number * 10u + (uint32_t)(*word - '0');
    }
    return true;
}

static void answer_infer(char *rest)
{
    uint32_t iterations = 1;
    uint32_t warm_ups = WARM_UPS;
    const char *const first = next_word(&rest);
    const char *const second = first == NULL ? NULL : next_word(&rest);
    if (first != NULL && (!read_number(first, &iterations) || iterations == 0u)) {
        mlperf_say("e-[Inference iterations must be >0]\r\n");
    } else if (second != NULL && !read_number(second, &warm_ups)) {
        mlperf_say("e-[Inference warmup must be >=0]\r\n");
    } else if (loaded_bytes != INPUT_BYTES) {
        say_line("e-[Load an input first: ", loaded_bytes, " bytes are there, wanted ");
        say_line("", INPUT_BYTES, "]\r\n");
    } else {
        infer(iterations, warm_ups);
    }
}

static void answer_load(char *rest)
{
    const char *const word = next_word(&rest);
    uint32_t bytes = 0;
    if (word == NULL) {
        mlperf_say("e-[Command 'db load' requires the # of bytes]\r\n");
    } else if (!read_number(word, &bytes) || bytes == 0u) {
        mlperf_say("e-[Command 'db load' must be >0 bytes]\r\n");
    } else if (bytes != INPUT_BYTES) {
        say_line("e-[Supplied buffer size ", bytes, " is not that of the input, ");
        say_line("", INPUT_BYTES, "]\r\n");
    } else {
        expected_bytes = bytes;
        loaded_bytes = 0;
        say_line("m-[Expecting ", bytes, " bytes]\r\n");
    }
}

/** @brief The value of a digit, or 16 where it is none. */
static uint8_t value_of(char digit)
{
    if (digit >= '0' && digit <= '9') {
        return (uint8_t)(digit - '0');
    }
    if (digit >= 'a' && digit <= 'f') {
        return (uint8_t)(digit - 'a' + 10);
    }
    return digit >= 'A' && digit <= 'F' ? (uint8_t)(digit - 'A' + 10) : 16u;
}

static void answer_bytes(const char *digits)
{
    const size_t count = strlen(digits);
    if (count % 2u != 0u) {
        mlperf_say("e-[Insufficent number of hex digits]\r\n");
        return;
    }
    for (size_t i = 0; i < count && loaded_bytes < expected_bytes; i += 2u) {
        const uint8_t high = value_of(digits[i]);
        const uint8_t low = value_of(digits[i + 1u]);
        if (high > 15u || low > 15u) {
            const char shown[3] = {digits[i], digits[i + 1u], '\0'};
            mlperf_say("e-[Invalid hex digit '");
            mlperf_say(shown);
            mlperf_say("']\r\n");
            return;
        }
        const uint8_t byte = (uint8_t)(high << 4 | low);
        take(loaded_bytes++, byte);
        if (loaded_bytes == expected_bytes) {
            mlperf_say("m-load-done\r\n");
        }
    }
}

static void answer_print(void)
{
    static const char digits[] = "0123456789abcdef";
    for (uint32_t i = 0; i < loaded_bytes; ++i) {
        const uint8_t byte = taken(i);
        const char shown[3] = {digits[byte >> 4], digits[byte & 15u], '\0'};
        mlperf_say(i % BUFFER_ROW == 0u ? "m-buffer-" : "-");
        mlperf_say(shown);
        if (i % BUFFER_ROW == BUFFER_ROW - 1u || i + 1u == loaded_bytes) {
            mlperf_say("\r\n");
        }
    }
}

static void answer_buffer(char *rest)
{
    const char *const word = next_word(&rest);
    if (word == NULL) {
        mlperf_say("e-[Command 'db' requires a subcommand]\r\n");
    } else if (strcmp(word, "load") == 0) {
        answer_load(rest);
    } else if (strcmp(word, "print") == 0) {
        answer_print();
    } else {
        answer_bytes(word);
    }
}

static void answer(char *rest)
{
    const char *const word = next_word(&rest);
    if (word == NULL) {
        mlperf_say("e-[Unknown command: ]\r\n");
    } else if (strcmp(word, "name") == 0) {
        mlperf_say("m-name-dut-[tinybayes]\r\n");
    } else if (strcmp(word, "profile") == 0) {
        mlperf_say("m-profile-[ULPMark for tinyML Firmware V0.0.1]\r\nm-model-[" NET_NAME "]\r\n");
    } else if (strcmp(word, "help") == 0) {
        mlperf_say("name, profile, timestamp, db load N, db HH.., db print, infer N W, results\r\n");
    } else if (strcmp(word, "timestamp") == 0) {
        say_time();
    } else if (strcmp(word, "db") == 0) {
        answer_buffer(rest);
    } else if (strcmp(word, "infer") == 0) {
        answer_infer(rest);
    } else if (strcmp(word, "results") == 0) {
        say_results();
    } else {
        mlperf_say("e-[Unknown command: ");
        mlperf_say(word);
        mlperf_say("]\r\n");
    }
    mlperf_say("m-ready\r\n");
}

void mlperf_start(void)
{
    looked_at = cycles_now();
    mlperf_say("m-timestamp-mode-performance\r\n");
    say_time();
    mlperf_say("m-init-done\r\nm-ready\r\n");
}

void mlperf_receive(uint8_t byte)
{
    look_at_clock();
    if (byte == TERMINATOR) {
        command[command_length] = '\0';
        command_length = 0;
        answer(command);
    } else if (byte >= (uint8_t)' ' && command_length < COMMAND_BYTES) {
        command[command_length++] = (char)byte;
    }
}
