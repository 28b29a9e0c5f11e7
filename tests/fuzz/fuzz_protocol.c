/* The frame parser and every command as one translation unit, fed by libFuzzer.

   An input is a row of records: a byte of length, then so many bytes. A record is a request: its first byte is the
   kind, its second says what is done to it on the way, the rest is the payload. So the fuzzer reaches the commands
   without having to find a CRC-32, and the parser with any bytes at all. */
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "frame.c"
#include "golden.c"
#include "inference.c"
#include "protocol.c"

/* Nothing but whole and right frames may come back. */
static uint8_t answer_bytes[65536 + 64];
static struct frame_decoder answer_decoder;
static uint32_t answers_seen;
static jmp_buf reset;

void port_write(const uint8_t *bytes, uint32_t length)
{
    for (uint32_t i = 0; i < length; ++i) {
        switch (frame_decode(&answer_decoder, bytes[i])) {
        case FRAME_READY:
            ++answers_seen;
            break;
        case FRAME_BROKEN:
            abort();
        case FRAME_NOTHING:
            break;
        }
    }
}

uint32_t stack_size_bytes(void)
{
    return 4096;
}

uint32_t stack_used_bytes(void)
{
    return 321;
}

bool stack_intact(void)
{
    return true;
}

enum cycles_source cycles_source(void)
{
    return CYCLES_DWT;
}

uint32_t cycles_now(void)
{
    return 0;
}

uint32_t cycles_since(uint32_t begin)
{
    return begin;
}

_Noreturn void chip_reset(void)
{
    longjmp(reset, 1);
}

bool chip_has_boot_loader(void)
{
    return true;
}

void chip_enter_boot_loader(void)
{
}

uint32_t chip_last_fault(struct fault_record *record)
{
    *record = (struct fault_record){.pc = 1};
    return STATUS_FAULT;
}

static uint8_t line[1024];
static uint32_t line_length;

static void to_line(const uint8_t *bytes, uint32_t length)
{
    memcpy(line + line_length, bytes, length);
    line_length += length;
}

/* What is done to a record: 0 a right frame; 1 its payload begins with the CRC of the input; 2 its second word is
   that; 3 one bit of the frame is flipped; 4 it is cut short; else the bytes are sent as they are. */
static void send_record(const uint8_t *record, uint32_t length)
{
    if (length < 2u) {
        return;
    }
    const uint8_t change = record[1] % 6u;
    uint8_t payload[264] = {0};
    uint32_t size = length - 2u;
    memcpy(payload, record + 2, size);
    const uint32_t crc = frame_crc32(0, (const uint8_t *)input, NET_INPUT_LEN);
    if (change == 1u || change == 2u) {
        const uint32_t at = change == 1u ? 0u : 4u;
        memcpy(payload + at, &crc, sizeof crc);
        size = size < at + 4u ? at + 4u : size;
    }
    line_length = 0;
    if (change == 5u) {
        to_line(payload, size);
    } else {
        struct frame_encoder encoder = {.send = to_line};
        frame_begin(&encoder, record[0], 0, (uint16_t)length, (uint16_t)size);
        frame_put(&encoder, payload, size);
        frame_end(&encoder);
    }
    if (change == 3u) {
        line[payload[0] % line_length] ^= (uint8_t)(1u << (payload[1] % 8u));
    }
    if (change == 4u) {
        line_length = payload[0] % line_length;
    }
    const uint32_t before = answers_seen;
    for (uint32_t i = 0; i < line_length; ++i) {
        protocol_receive(line[i]);
    }
    /* Behind whatever came before, a right frame is answered exactly once. */
    if (change <= 2u && answers_seen == before) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    frame_decoder_start(&answer_decoder, answer_bytes, sizeof answer_bytes);
    volatile size_t at = 0;
    /* After a reset, and at the start, the device begins anew in the middle of what is sent. */
    (void)setjmp(reset);
    frame_decoder_start(&answer_decoder, answer_bytes, sizeof answer_bytes);
    protocol_start();
    while (at < size) {
        const uint8_t length = data[at];
        const size_t left = size - at - 1u;
        const uint32_t taken = length < left ? length : (uint32_t)left;
        const size_t begin = at + 1u;
        at = begin + taken;
        send_record(data + begin, taken);
    }
    const struct fault_record record = {.pc = 1};
    protocol_report_fault(&record, STATUS_FAULT);
    protocol_receive_after_fault(1, &record, STATUS_FAULT);
    protocol_receive_after_fault(0, &record, STATUS_FAULT);
    return 0;
}
