/**
 * @file inference.c
 * @brief The commands that load, run and look into the network.
 */
#include <assert.h>
#include <stddef.h>
#include <string.h>

#include "board.h"
#include "commands.h"
#include "cycles.h"
#include "golden.h"
#include "network_binding.h"

/** @brief name_tensors[] says this of the last step, which writes the output array. */
#define OFFSET_OF_OUTPUT 0xFFFFFFFFu

static_assert(8u + 4u * NET_STEPS <= LARGEST_REPLY_BYTES, "one reply holds the checksums or cycles of all steps");

static _Alignas(16) uint8_t arena[NET_ARENA_BYTES];
static int8_t input[NET_INPUT_LEN];
static int8_t output[NET_OUTPUT_LEN];
static uint32_t traced_step;

void inference_start(void)
{
    traced_step = NO_STEP;
}

/** @brief Whether length bytes from offset on lie within size bytes; no sum in it can overflow. */
static bool within(uint32_t offset, uint32_t length, uint32_t size)
{
    return offset <= size && length <= size - offset;
}

static const uint8_t *tensor_of(uint32_t step)
{
    const uint32_t offset = net_tensors[step].offset;
    return offset == OFFSET_OF_OUTPUT ? (const uint8_t *)output : arena + offset;
}

static uint32_t input_crc(void)
{
    return frame_crc32(0, (const uint8_t *)input, NET_INPUT_LEN);
}

/** @brief Whether the input in memory is the one with the CRC @p wanted; else says so. */
static bool holds_input(const struct request *request, uint32_t wanted)
{
    const uint32_t found = input_crc();
    if (found != wanted) {
        refuse_with(request, STATUS_OTHER_INPUT, found);
    }
    return found == wanted;
}

void answer_load(const struct request *request)
{
    if (request->length < 4u) {
        refuse(request, STATUS_WRONG_LENGTH);
        return;
    }
    const uint32_t offset = frame_get_u32(request->payload);
    const uint32_t length = request->length - 4u;
    if (!within(offset, length, NET_INPUT_LEN)) {
        refuse(request, STATUS_OUT_OF_RANGE);
        return;
    }
    memcpy(input + offset, request->payload + 4, length);
    reply_empty(request);
}

static void run(void)
{
    traced_step = NO_STEP;
    net_run(input, output, arena);
}

void answer_run(const struct request *request)
{
    if (!has_length(request, 4)) {
        return;
    }
    const uint32_t crc = frame_get_u32(request->payload);
    if (!holds_input(request, crc)) {
        return;
    }
    run();
    reply_begin(request, 8);
    frame_put_u32(&reply, crc);
    frame_put_u32(&reply, frame_crc32(0, (const uint8_t *)output, NET_OUTPUT_LEN));
    frame_end(&reply);
}

void answer_read_output(const struct request *request)
{
    if (!has_length(request, 6)) {
        return;
    }
    const uint32_t offset = frame_get_u32(request->payload);
    const uint32_t length = frame_get_u16(request->payload + 4);
    if (!within(offset, length, NET_OUTPUT_LEN)) {
        refuse(request, STATUS_OUT_OF_RANGE);
        return;
    }
    reply_begin(request, length);
    frame_put(&reply, (const uint8_t *)output + offset, length);
    frame_end(&reply);
}

/** @brief Runs the steps up to @p last and sends the checksum of what each leaves behind. */
static void trace(uint32_t last)
{
    traced_step = NO_STEP;
    for (uint32_t step = 0; step <= last; ++step) {
        net_step(step, input, output, arena);
        frame_put_u32(&reply, frame_crc32(0, tensor_of(step), net_tensors[step].length));
    }
    traced_step = last;
}

void answer_trace(const struct request *request)
{
    if (!has_length(request, 8)) {
        return;
    }
    const uint32_t last = frame_get_u32(request->payload);
    const uint32_t crc = frame_get_u32(request->payload + 4);
    if (last >= NET_STEPS) {
        refuse(request, STATUS_OUT_OF_RANGE);
        return;
    }
    if (!holds_input(request, crc)) {
        return;
    }
    reply_begin(request, 4u + 4u * (last + 1u));
    frame_put_u32(&reply, crc);
    trace(last);
    frame_end(&reply);
}

void answer_infer(const struct request *request)
{
    if (!has_length(request, NET_INPUT_LEN)) {
        return;
    }
    if (4u + 4u * NET_STEPS + NET_OUTPUT_LEN > LARGEST_REPLY_BYTES) {
        refuse(request, STATUS_OUT_OF_RANGE);
        return;
    }
    memcpy(input, request->payload, NET_INPUT_LEN);
    reply_begin(request, 4u + 4u * NET_STEPS + NET_OUTPUT_LEN);
    frame_put_u32(&reply, input_crc());
    trace(NET_STEPS - 1u);
    frame_put(&reply, (const uint8_t *)output, NET_OUTPUT_LEN);
    frame_end(&reply);
}

void answer_read_tensor(const struct request *request)
{
    if (!has_length(request, 10)) {
        return;
    }
    const uint32_t step = frame_get_u32(request->payload);
    const uint32_t offset = frame_get_u32(request->payload + 4);
    const uint32_t length = frame_get_u16(request->payload + 8);
    if (step >= NET_STEPS || !within(offset, length, net_tensors[step].length) || length > LARGEST_REPLY_BYTES - 4u) {
        refuse(request, STATUS_OUT_OF_RANGE);
        return;
    }
    if (step != traced_step) {
        refuse(request, STATUS_NOT_TRACED);
        return;
    }
    reply_begin(request, 4u + length);
    frame_put_u32(&reply, net_tensors[step].length);
    frame_put(&reply, tensor_of(step) + offset, length);
    frame_end(&reply);
}

void answer_profile(const struct request *request)
{
    if (!has_length(request, 4)) {
        return;
    }
    if (cycles_source() == CYCLES_NONE) {
        refuse(request, STATUS_NO_COUNTER);
        return;
    }
    const uint32_t crc = frame_get_u32(request->payload);
    if (!holds_input(request, crc)) {
        return;
    }
    traced_step = NO_STEP;
    reply_begin(request, 8u + 4u * NET_STEPS);
    frame_put_u32(&reply, crc);
    frame_put_u32(&reply, (uint32_t)cycles_source());
    for (uint32_t step = 0; step < NET_STEPS; ++step) {
        const uint32_t begin = cycles_now();
        net_step(step, input, output, arena);
        frame_put_u32(&reply, cycles_since(begin));
    }
    frame_end(&reply);
}

void answer_predict(const struct request *request)
{
    if (request->length < 8u) {
        refuse(request, STATUS_WRONG_LENGTH);
        return;
    }
    const uint32_t offset = frame_get_u32(request->payload);
    const uint32_t crc = frame_get_u32(request->payload + 4);
    const uint32_t length = request->length - 8u;
    /* The last piece ends where the input does. */
    if (!within(offset, length, NET_INPUT_LEN) || length != NET_INPUT_LEN - offset ||
        4u + NET_OUTPUT_LEN > LARGEST_REPLY_BYTES) {
        refuse(request, STATUS_OUT_OF_RANGE);
        return;
    }
    memcpy(input + offset, request->payload + 8, length);
    if (!holds_input(request, crc)) {
        return;
    }
    run();
    reply_begin(request, 4u + NET_OUTPUT_LEN);
    frame_put_u32(&reply, crc);
    frame_put(&reply, (const uint8_t *)output, NET_OUTPUT_LEN);
    frame_end(&reply);
}

#if NET_GOLDEN_VECTORS > 0u
/** @brief Fills the input with what xorshift32 (Marsaglia 2003) makes of seed @p vector + 1, low byte first. */
static void make_golden_input(uint32_t vector)
{
    uint32_t state = vector + 1u;
    for (uint32_t i = 0; i < NET_INPUT_LEN; ++i) {
        if (i % 4u == 0u) {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
        }
        const uint8_t byte = (uint8_t)(state >> (8u * (i % 4u)));
        memcpy(input + i, &byte, 1);
    }
}

void answer_self_test(const struct request *request)
{
    if (!has_length(request, 4)) {
        return;
    }
    const uint32_t vector = frame_get_u32(request->payload);
    if (vector >= NET_GOLDEN_VECTORS) {
        refuse(request, STATUS_OUT_OF_RANGE);
        return;
    }
    make_golden_input(vector);
    traced_step = NO_STEP;
    uint32_t wrong = NO_STEP;
    uint32_t wanted = 0;
    uint32_t got = 0;
    for (uint32_t step = 0; step < NET_STEPS && wrong == NO_STEP; ++step) {
        net_step(step, input, output, arena);
        wanted = golden_crcs[vector][step];
        got = frame_crc32(0, tensor_of(step), net_tensors[step].length);
        wrong = got == wanted ? NO_STEP : step;
    }
    reply_begin(request, 16);
    frame_put_u32(&reply, vector);
    frame_put_u32(&reply, wrong);
    frame_put_u32(&reply, wanted);
    frame_put_u32(&reply, got);
    frame_end(&reply);
}
#else
void answer_self_test(const struct request *request)
{
    if (has_length(request, 4)) {
        refuse(request, STATUS_OUT_OF_RANGE);
    }
}
#endif
