/**
 * @file protocol.c
 * @brief The device side of the link.
 */
#include "protocol.h"

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "board.h"
#include "cycles.h"
#include "frame.h"
#include "network_binding.h"
#include "stack.h"

/** @brief name_tensors[] says this of the last step, which writes the output array. */
#define OFFSET_OF_OUTPUT 0xFFFFFFFFu
#define NOT_TRACED 0xFFFFFFFFu
#define NO_SEQUENCE 0xFFFFu
#define LARGEST_REPLY_BYTES 0xFFFFu

static_assert(LINK_REQUEST_BYTES >= 64u && LINK_REQUEST_BYTES <= 0xFFFFu, "frames have a 16-bit length");
static_assert(4u + 4u * NET_STEPS <= LARGEST_REPLY_BYTES, "one reply holds the checksums or cycles of all steps");

/** @brief A request whose frame has been checked. */
struct request {
    uint8_t kind;
    uint16_t sequence;
    uint16_t length;
    const uint8_t *payload;
};

static uint8_t received[LINK_REQUEST_BYTES + FRAME_OVERHEAD_BYTES];
static struct frame_decoder decoder;
static struct frame_encoder encoder;

static _Alignas(16) uint8_t arena[NET_ARENA_BYTES];
static int8_t input[NET_INPUT_LEN];
static int8_t output[NET_OUTPUT_LEN];
static uint32_t traced_step;

static void reply_begin(const struct request *request, uint32_t length)
{
    frame_begin(&encoder, (uint8_t)(request->kind | REPLY_BIT), STATUS_DONE, request->sequence, (uint16_t)length);
}

static void refuse(const struct request *request, enum protocol_status status)
{
    frame_begin(&encoder, (uint8_t)(request->kind | REPLY_BIT), (uint8_t)status, request->sequence, 0);
    frame_end(&encoder);
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

static uint32_t counted_length(const char *text)
{
    return 1u + (uint32_t)strlen(text);
}

static void put_counted(const char *text)
{
    const uint8_t length = (uint8_t)strlen(text);
    frame_put(&encoder, &length, 1);
    frame_put(&encoder, (const uint8_t *)text, length);
}

static void answer_hello(const struct request *request)
{
    static const uint8_t digest[NET_DIGEST_BYTES] = NET_DIGEST;
    static_assert(sizeof BOARD_NAME <= 256 && sizeof NET_NAME <= 256, "names have an 8-bit length");
    if (request->length != 0u) {
        refuse(request, STATUS_WRONG_LENGTH);
        return;
    }
    reply_begin(request, 2u * 2u + 8u * 4u + NET_DIGEST_BYTES + counted_length(BOARD_NAME) + counted_length(NET_NAME));
    frame_put_u16(&encoder, PROTOCOL_VERSION);
    frame_put_u16(&encoder, PROTOCOL_ABI_VERSION);
    frame_put_u32(&encoder, BOARD_CLOCK_HZ);
    frame_put_u32(&encoder, LINK_REQUEST_BYTES);
    frame_put_u32(&encoder, LARGEST_REPLY_BYTES);
    frame_put_u32(&encoder, NET_INPUT_LEN);
    frame_put_u32(&encoder, NET_OUTPUT_LEN);
    frame_put_u32(&encoder, NET_ARENA_BYTES);
    frame_put_u32(&encoder, NET_STEPS);
    frame_put_u32(&encoder, (uint32_t)cycles_source());
    frame_put(&encoder, digest, sizeof digest);
    put_counted(BOARD_NAME);
    put_counted(NET_NAME);
    frame_end(&encoder);
}

static void answer_echo(const struct request *request)
{
    reply_begin(request, request->length);
    frame_put(&encoder, request->payload, request->length);
    frame_end(&encoder);
}

static void answer_load(const struct request *request)
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
    reply_begin(request, 0);
    frame_end(&encoder);
}

static void answer_run(const struct request *request)
{
    if (request->length != 0u) {
        refuse(request, STATUS_WRONG_LENGTH);
        return;
    }
    traced_step = NOT_TRACED;
    net_run(input, output, arena);
    reply_begin(request, 0);
    frame_end(&encoder);
}

static void answer_read_output(const struct request *request)
{
    if (request->length != 6u) {
        refuse(request, STATUS_WRONG_LENGTH);
        return;
    }
    const uint32_t offset = frame_get_u32(request->payload);
    const uint32_t length = frame_get_u16(request->payload + 4);
    if (!within(offset, length, NET_OUTPUT_LEN)) {
        refuse(request, STATUS_OUT_OF_RANGE);
        return;
    }
    reply_begin(request, length);
    frame_put(&encoder, (const uint8_t *)output + offset, length);
    frame_end(&encoder);
}

/** @brief Runs the steps up to @p last and sends the checksum of what each leaves behind. */
static void trace(uint32_t last)
{
    traced_step = NOT_TRACED;
    for (uint32_t step = 0; step <= last; ++step) {
        net_step(step, input, output, arena);
        frame_put_u32(&encoder, frame_crc32(0, tensor_of(step), net_tensors[step].length));
    }
    traced_step = last;
}

static void answer_trace(const struct request *request)
{
    if (request->length != 4u) {
        refuse(request, STATUS_WRONG_LENGTH);
        return;
    }
    const uint32_t last = frame_get_u32(request->payload);
    if (last >= NET_STEPS) {
        refuse(request, STATUS_OUT_OF_RANGE);
        return;
    }
    reply_begin(request, 4u * (last + 1u));
    trace(last);
    frame_end(&encoder);
}

static void answer_infer(const struct request *request)
{
    if (request->length != NET_INPUT_LEN) {
        refuse(request, STATUS_WRONG_LENGTH);
        return;
    }
    if (4u * NET_STEPS + NET_OUTPUT_LEN > LARGEST_REPLY_BYTES) {
        refuse(request, STATUS_OUT_OF_RANGE);
        return;
    }
    memcpy(input, request->payload, NET_INPUT_LEN);
    reply_begin(request, 4u * NET_STEPS + NET_OUTPUT_LEN);
    trace(NET_STEPS - 1u);
    frame_put(&encoder, (const uint8_t *)output, NET_OUTPUT_LEN);
    frame_end(&encoder);
}

static void answer_read_tensor(const struct request *request)
{
    if (request->length != 10u) {
        refuse(request, STATUS_WRONG_LENGTH);
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
    frame_put_u32(&encoder, net_tensors[step].length);
    frame_put(&encoder, tensor_of(step) + offset, length);
    frame_end(&encoder);
}

static void answer_stack(const struct request *request)
{
    if (request->length != 0u) {
        refuse(request, STATUS_WRONG_LENGTH);
        return;
    }
    reply_begin(request, 8);
    frame_put_u32(&encoder, stack_size_bytes());
    frame_put_u32(&encoder, stack_used_bytes());
    frame_end(&encoder);
}

static void answer_profile(const struct request *request)
{
    if (request->length != 0u) {
        refuse(request, STATUS_WRONG_LENGTH);
        return;
    }
    if (cycles_source() == CYCLES_NONE) {
        refuse(request, STATUS_NO_COUNTER);
        return;
    }
    traced_step = NOT_TRACED;
    reply_begin(request, 4u + 4u * NET_STEPS);
    frame_put_u32(&encoder, (uint32_t)cycles_source());
    for (uint32_t step = 0; step < NET_STEPS; ++step) {
        const uint32_t begin = cycles_now();
        net_step(step, input, output, arena);
        frame_put_u32(&encoder, cycles_since(begin));
    }
    frame_end(&encoder);
}

#ifdef LINK_FAULT_INJECTION
void protocol_inject_fault(uint8_t kind);

static void answer_inject_fault(const struct request *request)
{
    if (request->length != 1u) {
        refuse(request, STATUS_WRONG_LENGTH);
        return;
    }
    /* In the middle of a reply, which is the hardest moment to report a fault. */
    reply_begin(request, 2);
    protocol_inject_fault(request->payload[0]);
    frame_put_u16(&encoder, 0);
    frame_end(&encoder);
}
#endif

static const struct {
    uint8_t kind;
    void (*answer)(const struct request *request);
} answers[] = {
    {REQUEST_HELLO, answer_hello},
    {REQUEST_ECHO, answer_echo},
    {REQUEST_LOAD, answer_load},
    {REQUEST_RUN, answer_run},
    {REQUEST_READ_OUTPUT, answer_read_output},
    {REQUEST_TRACE, answer_trace},
    {REQUEST_INFER, answer_infer},
    {REQUEST_READ_TENSOR, answer_read_tensor},
    {REQUEST_STACK, answer_stack},
    {REQUEST_PROFILE, answer_profile},
#ifdef LINK_FAULT_INJECTION
    {REQUEST_INJECT_FAULT, answer_inject_fault},
#endif
};

static void answer(const struct request *request)
{
    /* Checked before each answer: whatever the last run broke is said before anything that it computed is used. */
    if (!stack_intact()) {
        refuse(request, STATUS_STACK_OVERFLOW);
        return;
    }
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; ++i) {
        if (answers[i].kind == request->kind) {
            answers[i].answer(request);
            return;
        }
    }
    refuse(request, STATUS_UNKNOWN_REQUEST);
}

void protocol_start(void)
{
    traced_step = NOT_TRACED;
    encoder.send = port_write;
    frame_decoder_start(&decoder, received, sizeof received);
}

void protocol_report_loss(void)
{
    frame_begin(&encoder, REPLY_BROKEN, STATUS_BROKEN_FRAME, NO_SEQUENCE, 0);
    frame_end(&encoder);
}

void protocol_receive(uint8_t byte)
{
    switch (frame_decode(&decoder, byte)) {
    case FRAME_READY: {
        const struct request request = {
            .kind = received[0],
            .sequence = frame_get_u16(received + 2),
            .length = frame_get_u16(received + 4),
            .payload = received + FRAME_HEADER_BYTES,
        };
        answer(&request);
        break;
    }
    case FRAME_BROKEN:
        protocol_report_loss();
        break;
    case FRAME_NOTHING:
        break;
    }
}

void protocol_report_fault(const struct fault_record *record, enum protocol_status status)
{
    encoder.send = port_write;
    frame_begin(&encoder, REPLY_FAULT, (uint8_t)status, NO_SEQUENCE, 8u * 4u);
    frame_put_u32(&encoder, record->pc);
    frame_put_u32(&encoder, record->lr);
    frame_put_u32(&encoder, record->xpsr);
    frame_put_u32(&encoder, record->sp);
    frame_put_u32(&encoder, record->exception);
    frame_put_u32(&encoder, record->configurable_status);
    frame_put_u32(&encoder, record->hard_status);
    frame_put_u32(&encoder, record->address);
    frame_end(&encoder);
}
