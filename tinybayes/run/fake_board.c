/**
 * @file fake_board.c
 * @brief A board without hardware: the firmware's own protocol code behind a line with a speed, a FIFO and faults.
 *
 * One thread is the line and the receiver: bytes come no faster than the baud rate allows, and what the FIFO has no
 * room for is lost. The other is the processor; its stack is painted, so that its use is measured as on a chip. A reset
 * is an exec of the same program, which keeps the line open and the record of a fault. A boot loader that is entered is
 * the end of the program, with a status of its own. The linker lets the steps of the network pass through here
 * (--wrap), so that one of them can be made to compute wrongly.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "board.h"
#include "chip.h"
#include "cycles.h"
#include "network_binding.h"
#include "protocol.h"
#include "stack.h"

#define STACK_BYTES 131072u
#define STACK_PATTERN 0xC5u
#define GUARD_BYTES 64u
#define BITS_A_BYTE 10u /* start, eight, stop */
#define PIECE_BYTES 32u
#define KEPT "FAKE_BOARD_KEPT"
#define CONNECTION "FAKE_BOARD_CONNECTION"
#define BOOT_LOADER_STATUS 42
#define OFFSET_OF_OUTPUT 0xFFFFFFFFu /* what net_tensors says of the last step */

/** @brief What the user asked for; numbers of faults are in a million bytes. */
static struct {
    int listener;  /**< socket to accept connections from, or -1 */
    int terminal;  /**< descriptor that is the line itself, or -1 */
    uint32_t baud; /**< 0: as fast as it goes */
    uint32_t fifo_bytes;
    uint32_t latency_us; /**< before each answer */
    uint32_t flips;
    uint32_t drops;
    uint32_t seed;
    uint32_t fault_after; /**< answers until a fault; 0: none */
    uint32_t reset_after; /**< answers until a reset; 0: none */
    uint32_t wrong_step;  /**< counted from 1: leaves a wrong bit in the middle of its tensor; 0: none */
} options = {.listener = -1, .terminal = -1, .fifo_bytes = LINK_WINDOW_BYTES};

static char **arguments;
static uint8_t *fifo;
static uint32_t fifo_first;
static uint32_t fifo_count;
static pthread_mutex_t fifo_mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t fifo_filled = PTHREAD_COND_INITIALIZER;
static pthread_cond_t fifo_emptied = PTHREAD_COND_INITIALIZER;
static atomic_int connection = -1;
static uint8_t *stack;
static uint64_t begun_ns;

static uint64_t now_ns(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static void sleep_until(uint64_t when_ns)
{
    const struct timespec time = {(time_t)(when_ns / 1000000000u), (long)(when_ns % 1000000000u)};
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time, NULL) == EINTR) {
    }
}

/** @brief One direction of the line. */
struct direction {
    uint64_t free_at_ns;
    uint64_t overslept_ns; /**< longer than was meant: no wire is that late, so the next bytes make up for it */
    uint32_t dice;
};

/** @brief Waits as long as @p count bytes take. */
static void pace(struct direction *direction, uint64_t count)
{
    if (options.baud != 0u) {
        const uint64_t now = now_ns() - direction->overslept_ns;
        const uint64_t begin = direction->free_at_ns > now ? direction->free_at_ns : now;
        direction->free_at_ns = begin + count * BITS_A_BYTE * 1000000000u / options.baud;
        sleep_until(direction->free_at_ns);
        direction->overslept_ns = now_ns() - direction->free_at_ns;
    }
}

static struct direction inward;
static struct direction outward;

/** @brief Whether something that happens @p millionth times in a million happens now. */
static bool happens(struct direction *direction, uint32_t millionth)
{
    /* xorshift32 */
    direction->dice ^= direction->dice << 13;
    direction->dice ^= direction->dice >> 17;
    direction->dice ^= direction->dice << 5;
    return direction->dice % 1000000u < millionth;
}

/** @brief Damages bytes in place; how many are left. */
static uint32_t damage(uint8_t *bytes, uint32_t count, struct direction *direction)
{
    if (options.flips == 0u && options.drops == 0u) {
        return count;
    }
    uint32_t kept = 0;
    for (uint32_t i = 0; i < count; ++i) {
        uint8_t byte = bytes[i];
        if (happens(direction, options.flips)) {
            byte = (uint8_t)(byte ^ (1u << (direction->dice % 8u)));
        }
        if (!happens(direction, options.drops)) {
            bytes[kept++] = byte;
        }
    }
    return kept;
}

static void fifo_put(const uint8_t *bytes, uint32_t count)
{
    pthread_mutex_lock(&fifo_mutex);
    for (uint32_t i = 0; i < count; ++i) {
        /* A line without a speed has no clock that could run on: it waits. */
        while (options.baud == 0u && fifo_count == options.fifo_bytes) {
            pthread_cond_signal(&fifo_filled);
            pthread_cond_wait(&fifo_emptied, &fifo_mutex);
        }
        if (fifo_count == options.fifo_bytes) {
            break;
        }
        fifo[(fifo_first + fifo_count++) % options.fifo_bytes] = bytes[i];
    }
    pthread_cond_signal(&fifo_filled);
    pthread_mutex_unlock(&fifo_mutex);
}

static uint8_t fifo_take(void)
{
    pthread_mutex_lock(&fifo_mutex);
    while (fifo_count == 0u) {
        pthread_cond_wait(&fifo_filled, &fifo_mutex);
    }
    const uint8_t byte = fifo[fifo_first];
    fifo_first = (fifo_first + 1u) % options.fifo_bytes;
    --fifo_count;
    pthread_cond_signal(&fifo_emptied);
    pthread_mutex_unlock(&fifo_mutex);
    return byte;
}

/** @brief Receives until the connection ends. */
static void receive_from(int line)
{
    uint8_t bytes[PIECE_BYTES];
    for (;;) {
        const ssize_t count = read(line, bytes, sizeof bytes);
        if (count < 0 && errno == EINTR) {
            continue;
        }
        if (count <= 0) {
            return;
        }
        pace(&inward, (uint64_t)count);
        fifo_put(bytes, damage(bytes, (uint32_t)count, &inward));
    }
}

static void receive_for_ever(void)
{
    if (options.terminal >= 0) {
        connection = options.terminal;
        receive_from(options.terminal);
        exit(0);
    }
    int line = connection;
    for (;;) {
        if (line < 0) {
            line = accept(options.listener, NULL, NULL);
        }
        if (line < 0) {
            exit(errno == EINTR ? 0 : 1);
        }
        const int at_once = 1; /* no byte waits for another */
        (void)setsockopt(line, IPPROTO_TCP, TCP_NODELAY, &at_once, sizeof at_once);
        connection = line;
        receive_from(line);
        connection = -1;
        close(line);
        line = -1;
    }
}

void port_write(const uint8_t *bytes, uint32_t length)
{
    uint8_t piece[PIECE_BYTES];
    while (length != 0u) {
        const uint32_t count = length < sizeof piece ? length : (uint32_t)sizeof piece;
        memcpy(piece, bytes, count);
        bytes += count;
        length -= count;
        pace(&outward, count);
        const uint8_t *rest = piece;
        uint32_t left = damage(piece, count, &outward);
        while (left != 0u) {
            /* Without a connection the bytes go where those of a UART go that nobody has plugged into. */
            const ssize_t written = connection < 0 ? (ssize_t)left : write(connection, rest, left);
            if (written < 0 && errno != EINTR) {
                break;
            }
            rest += written > 0 ? written : 0;
            left -= written > 0 ? (uint32_t)written : 0u;
        }
    }
}

uint32_t stack_size_bytes(void)
{
    return STACK_BYTES;
}

uint32_t stack_used_bytes(void)
{
    uint32_t unused = 0;
    while (unused < STACK_BYTES && stack[unused] == STACK_PATTERN) {
        ++unused;
    }
    return STACK_BYTES - unused;
}

bool stack_intact(void)
{
    return stack_used_bytes() <= STACK_BYTES - GUARD_BYTES;
}

enum cycles_source cycles_source(void)
{
    static const enum cycles_source best_first[] = {BOARD_CYCLE_COUNTERS};
    return best_first[0];
}

/* The host's time in cycles of the board's clock. */
uint32_t cycles_now(void)
{
    return (uint32_t)(uint64_t)((double)(now_ns() - begun_ns) * 1e-9 * BOARD_CLOCK_HZ);
}

uint32_t cycles_since(uint32_t begin)
{
    return cycles_now() - begin;
}

_Noreturn void chip_reset(void)
{
    char text[16];
    (void)snprintf(text, sizeof text, "%d", (int)connection);
    setenv(CONNECTION, text, 1);
    execv("/proc/self/exe", arguments);
    _exit(1);
}

bool chip_has_boot_loader(void)
{
    return BOARD_HAS_BOOT_LOADER != 0;
}

void chip_enter_boot_loader(void)
{
    exit(BOOT_LOADER_STATUS);
}

void chip_keep_fault(const struct fault_record *record, uint32_t status)
{
    uint32_t words[8];
    char text[9 * 9 + 1];
    memcpy(words, record, sizeof words);
    (void)snprintf(text, sizeof text, "%x %x %x %x %x %x %x %x %x", status, words[0], words[1], words[2], words[3],
                   words[4], words[5], words[6], words[7]);
    setenv(KEPT, text, 1);
}

uint32_t chip_last_fault(struct fault_record *record)
{
    uint32_t words[9] = {0};
    const char *text = getenv(KEPT);
    for (uint32_t i = 0; text != NULL && i < 9u; ++i) {
        char *end;
        words[i] = (uint32_t)strtoul(text, &end, 16);
        text = end;
    }
    memcpy(record, words + 1, sizeof *record);
    return words[0];
}

/* The network's functions under the names that the linker gives them. */
void REAL_STEP(uint32_t step, const int8_t *input, int8_t *output, uint8_t *memory);
void REAL_RUN(const int8_t *input, int8_t *output, uint8_t *memory);
void WRAPPED_STEP(uint32_t step, const int8_t *input, int8_t *output, uint8_t *memory);
void WRAPPED_RUN(const int8_t *input, int8_t *output, uint8_t *memory);

void WRAPPED_STEP(uint32_t step, const int8_t *input, int8_t *output, uint8_t *memory)
{
    REAL_STEP(step, input, output, memory);
    if (step + 1u == options.wrong_step) {
        const uint32_t offset = net_tensors[step].offset;
        uint8_t *const tensor = offset == OFFSET_OF_OUTPUT ? (uint8_t *)output : memory + offset;
        tensor[net_tensors[step].length / 2u] ^= 1u;
    }
}

void WRAPPED_RUN(const int8_t *input, int8_t *output, uint8_t *memory)
{
    if (options.wrong_step == 0u) {
        REAL_RUN(input, output, memory);
        return;
    }
    for (uint32_t step = 0; step < NET_STEPS; ++step) {
        WRAPPED_STEP(step, input, output, memory);
    }
}

static _Noreturn void fail(void)
{
    const struct fault_record record = {.pc = 0x1234, .lr = 0x5678, .xpsr = 0x01000000, .exception = 3};
    chip_keep_fault(&record, STATUS_FAULT);
    protocol_report_fault(&record, STATUS_FAULT);
    for (;;) {
        protocol_receive_after_fault(fifo_take(), &record, STATUS_FAULT);
    }
}

static void *processor(void *nothing)
{
    uint32_t answers = 0;
    bool begun = false;
    protocol_start();
    protocol_report_loss();
    for (;;) {
        const uint8_t byte = fifo_take();
        if (byte == 0u && begun) {
            ++answers;
            if (options.latency_us != 0u) {
                sleep_until(now_ns() + options.latency_us * 1000u);
            }
            if (answers == options.fault_after) {
                fail();
            }
            if (answers == options.reset_after) {
                chip_reset();
            }
        }
        begun = byte != 0u;
        protocol_receive(byte);
    }
    return nothing;
}

static void read_options(int count, char **texts)
{
    static const struct {
        const char *name;
        void *value;
    } known[] = {
        {"--listener", &options.listener},
        {"--terminal", &options.terminal},
        {"--baud", &options.baud},
        {"--fifo", &options.fifo_bytes},
        {"--latency-us", &options.latency_us},
        {"--flips", &options.flips},
        {"--drops", &options.drops},
        {"--seed", &options.seed},
        {"--fault-after", &options.fault_after},
        {"--reset-after", &options.reset_after},
        {"--wrong-step", &options.wrong_step},
    };
    for (int i = 1; i + 1 < count; i += 2) {
        for (size_t k = 0; k < sizeof known / sizeof known[0]; ++k) {
            if (strcmp(texts[i], known[k].name) == 0) {
                const uint32_t value = (uint32_t)strtoul(texts[i + 1], NULL, 10);
                memcpy(known[k].value, &value, sizeof value);
            }
        }
    }
}

int main(int count, char **texts)
{
    arguments = texts;
    begun_ns = now_ns();
    read_options(count, texts);
    inward.dice = 2u * options.seed + 1u;
    outward.dice = 2u * options.seed + 2u;
    signal(SIGPIPE, SIG_IGN);
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* nobody is left to end it, then */
    const char *const left_open = getenv(CONNECTION);
    if (left_open != NULL) {
        connection = atoi(left_open);
        options.fault_after = 0; /* once is enough */
        options.reset_after = 0;
    }
    fifo = malloc(options.fifo_bytes);
    stack = aligned_alloc(4096, STACK_BYTES);
    if (fifo == NULL || stack == NULL) {
        return 1;
    }
    memset(stack, STACK_PATTERN, STACK_BYTES);
    pthread_attr_t attributes;
    pthread_t thread;
    pthread_attr_init(&attributes);
    pthread_attr_setstack(&attributes, stack, STACK_BYTES);
    if (pthread_create(&thread, &attributes, processor, NULL) != 0) {
        return 1;
    }
    receive_for_ever();
}
