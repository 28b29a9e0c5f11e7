/**
 * @file protocol.c
 * @brief The device side of the link: frames, who answers them, and what is not about the network.
 */
#include "protocol.h"

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "board.h"
#include "chip.h"
#include "commands.h"
#include "cycles.h"
#include "frame.h"
#include "network_binding.h"
#include "stack.h"

#define NO_SEQUENCE 0xFFFFu
#define FAULT_WORDS 8u
#define DEEPEST_FIFO_BYTES 32u /* the PL011's, in its revision r1p5 (DDI 0183G) */

static_assert(LINK_REQUEST_BYTES >= 64u && LINK_REQUEST_BYTES <= 0xFFFFu, "frames have a 16-bit length");

struct frame_encoder reply;

static uint8_t received[LINK_REQUEST_BYTES + FRAME_OVERHEAD_BYTES];
static struct frame_decoder decoder;

void reply_begin(const struct request *request, uint32_t length)
{
    frame_begin(&reply, (uint8_t)(request->kind | REPLY_BIT), STATUS_DONE, request->sequence, (uint16_t)length);
}

void reply_empty(const struct request *request)
{
    reply_begin(request, 0);
    frame_end(&reply);
}

void refuse(const struct request *request, enum protocol_status status)
{
    frame_begin(&reply, (uint8_t)(request->kind | REPLY_BIT), (uint8_t)status, request->sequence, 0);
    frame_end(&reply);
}

void refuse_with(const struct request *request, enum protocol_status status, uint32_t word)
{
    frame_begin(&reply, (uint8_t)(request->kind | REPLY_BIT), (uint8_t)status, request->sequence, 4);
    frame_put_u32(&reply, word);
    frame_end(&reply);
}

bool has_length(const struct request *request, uint32_t wanted)
{
    if (request->length != wanted) {
        refuse(request, STATUS_WRONG_LENGTH);
    }
    return request->length == wanted;
}

static uint32_t counted_length(const char *text)
{
    return 1u + (uint32_t)strlen(text);
}

static void put_counted(const char *text)
{
    const uint8_t length = (uint8_t)strlen(text);
    frame_put(&reply, &length, 1);
    frame_put(&reply, (const uint8_t *)text, length);
}

static void answer_hello(const struct request *request)
{
    static const uint8_t digest[NET_DIGEST_BYTES] = NET_DIGEST;
    static_assert(sizeof BOARD_NAME <= 256 && sizeof NET_NAME <= 256 && sizeof BOARD_CORE <= 256, "8-bit lengths");
    if (!has_length(request, 0)) {
        return;
    }
    reply_begin(request, 2u * 2u + 11u * 4u + NET_DIGEST_BYTES + counted_length(BOARD_NAME) + counted_length(NET_NAME) +
                             counted_length(BOARD_CORE));
    frame_put_u16(&reply, PROTOCOL_VERSION);
    frame_put_u16(&reply, PROTOCOL_ABI_VERSION);
    frame_put_u32(&reply, BOARD_CLOCK_HZ);
    frame_put_u32(&reply, LINK_REQUEST_BYTES);
    frame_put_u32(&reply, LARGEST_REPLY_BYTES);
    frame_put_u32(&reply, LINK_WINDOW_BYTES);
    frame_put_u32(&reply, NET_INPUT_LEN);
    frame_put_u32(&reply, NET_OUTPUT_LEN);
    frame_put_u32(&reply, NET_ARENA_BYTES);
    frame_put_u32(&reply, NET_STEPS);
    frame_put_u32(&reply, (uint32_t)cycles_source());
    frame_put_u32(&reply, chip_has_boot_loader() ? FEATURE_BOOT_LOADER : 0u);
    frame_put_u32(&reply, NET_GOLDEN_VECTORS);
    frame_put(&reply, digest, sizeof digest);
    put_counted(BOARD_NAME);
    put_counted(NET_NAME);
    put_counted(BOARD_CORE);
    frame_end(&reply);
}

static void answer_echo(const struct request *request)
{
    reply_begin(request, request->length);
    frame_put(&reply, request->payload, request->length);
    frame_end(&reply);
}

static void answer_stack(const struct request *request)
{
    if (!has_length(request, 0)) {
        return;
    }
    reply_begin(request, 8);
    frame_put_u32(&reply, stack_size_bytes());
    frame_put_u32(&reply, stack_used_bytes());
    frame_end(&reply);
}

static void put_fault(const struct fault_record *record)
{
    frame_put_u32(&reply, record->pc);
    frame_put_u32(&reply, record->lr);
    frame_put_u32(&reply, record->xpsr);
    frame_put_u32(&reply, record->sp);
    frame_put_u32(&reply, record->exception);
    frame_put_u32(&reply, record->configurable_status);
    frame_put_u32(&reply, record->hard_status);
    frame_put_u32(&reply, record->address);
}

static void answer_last_fault(const struct request *request)
{
    if (!has_length(request, 0)) {
        return;
    }
    struct fault_record record;
    const uint32_t status = chip_last_fault(&record);
    reply_begin(request, 4u + FAULT_WORDS * 4u);
    frame_put_u32(&reply, status);
    put_fault(&record);
    frame_end(&reply);
}

/** @brief Zeros, which mean nothing between frames, until the reply before them has left the deepest FIFO there is. */
static void push_reply_out(void)
{
    static const uint8_t zeros[DEEPEST_FIFO_BYTES + 2u]; /* one is being shifted out, and one more waits for that */
    port_write(zeros, sizeof zeros);
}

static void answer_reset(const struct request *request)
{
    if (has_length(request, 0)) {
        reply_empty(request);
        push_reply_out();
        chip_reset();
    }
}

static void answer_boot_loader(const struct request *request)
{
    if (!has_length(request, 0)) {
        return;
    }
    if (!chip_has_boot_loader()) {
        refuse(request, STATUS_NO_BOOT_LOADER);
        return;
    }
    reply_empty(request);
    push_reply_out();
    chip_enter_boot_loader();
}

#ifdef LINK_FAULT_INJECTION
void protocol_inject_fault(uint8_t kind);

static void answer_inject_fault(const struct request *request)
{
    if (!has_length(request, 1)) {
        return;
    }
    /* In the middle of a reply, which is the hardest moment to report a fault. */
    reply_begin(request, 2);
    protocol_inject_fault(request->payload[0]);
    frame_put_u16(&reply, 0);
    frame_end(&reply);
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
    {REQUEST_PREDICT, answer_predict},
    {REQUEST_SELF_TEST, answer_self_test},
    {REQUEST_LAST_FAULT, answer_last_fault},
    {REQUEST_RESET, answer_reset},
    {REQUEST_BOOT_LOADER, answer_boot_loader},
#ifdef LINK_FAULT_INJECTION
    {REQUEST_INJECT_FAULT, answer_inject_fault},
#endif
};

static void answer(const struct request *request)
{
    /* Checked before each answer: whatever the last run broke is said before anything that it computed is used. */
    if (!stack_intact() && request->kind != REQUEST_RESET) {
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
    inference_start();
    reply.send = port_write;
    frame_decoder_start(&decoder, received, sizeof received);
}

void protocol_report_loss(void)
{
    frame_begin(&reply, REPLY_BROKEN, STATUS_BROKEN_FRAME, NO_SEQUENCE, 0);
    frame_end(&reply);
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
    /* From here on nothing is taken for granted that the fault may have broken. */
    reply.send = port_write;
    frame_decoder_start(&decoder, received, sizeof received);
    frame_begin(&reply, REPLY_FAULT, (uint8_t)status, NO_SEQUENCE, FAULT_WORDS * 4u);
    put_fault(record);
    frame_end(&reply);
}

void protocol_receive_after_fault(uint8_t byte, const struct fault_record *record, enum protocol_status status)
{
    const enum frame_event event = frame_decode(&decoder, byte);
    if (event == FRAME_READY && received[0] == REQUEST_RESET) {
        chip_reset();
    }
    if (event != FRAME_NOTHING) {
        protocol_report_fault(record, status);
    }
}
