/**
 * @file frame.c
 * @brief COBS and CRC-32, byte by byte.
 */
#include "frame.h"

/* Four bits at a time: 64 bytes of table instead of 1024. Entry n is the remainder of n by 0xEDB88320. */
static const uint32_t crc_of_nibble[16] = {
    0x00000000u, 0x1DB71064u, 0x3B6E20C8u, 0x26D930ACu, 0x76DC4190u, 0x6B6B51F4u, 0x4DB26158u, 0x5005713Cu,
    0xEDB88320u, 0xF00F9344u, 0xD6D6A3E8u, 0xCB61B38Cu, 0x9B64C2B0u, 0x86D3D2D4u, 0xA00AE278u, 0xBDBDF21Cu,
};

uint32_t frame_crc32(uint32_t crc, const uint8_t *bytes, uint32_t length)
{
    crc = ~crc;
    for (uint32_t i = 0; i < length; ++i) {
        crc ^= bytes[i];
        crc = (crc >> 4) ^ crc_of_nibble[crc & 15u];
        crc = (crc >> 4) ^ crc_of_nibble[crc & 15u];
    }
    return ~crc;
}

uint16_t frame_get_u16(const uint8_t *bytes)
{
    return (uint16_t)(bytes[0] | ((uint32_t)bytes[1] << 8));
}

uint32_t frame_get_u32(const uint8_t *bytes)
{
    return (uint32_t)frame_get_u16(bytes) | ((uint32_t)frame_get_u16(bytes + 2) << 16);
}

static void decoder_rewind(struct frame_decoder *decoder)
{
    decoder->length = 0;
    decoder->block_left = 0;
    decoder->zero_due = false;
    decoder->begun = false;
    decoder->too_long = false;
}

void frame_decoder_start(struct frame_decoder *decoder, uint8_t *buffer, uint32_t capacity)
{
    decoder->buffer = buffer;
    decoder->capacity = capacity;
    decoder_rewind(decoder);
}

static void decoder_store(struct frame_decoder *decoder, uint8_t byte)
{
    if (decoder->length < decoder->capacity) {
        decoder->buffer[decoder->length++] = byte;
    } else {
        decoder->too_long = true;
    }
}

static bool decoder_holds_frame(const struct frame_decoder *decoder)
{
    if (decoder->too_long || decoder->block_left != 0u || decoder->length < FRAME_OVERHEAD_BYTES) {
        return false;
    }
    const uint32_t covered = decoder->length - FRAME_CRC_BYTES;
    return frame_get_u16(decoder->buffer + 4) == covered - FRAME_HEADER_BYTES &&
           frame_crc32(0, decoder->buffer, covered) == frame_get_u32(decoder->buffer + covered);
}

enum frame_event frame_decode(struct frame_decoder *decoder, uint8_t byte)
{
    if (byte == 0u) {
        enum frame_event event = FRAME_NOTHING;
        if (decoder->begun) {
            event = decoder_holds_frame(decoder) ? FRAME_READY : FRAME_BROKEN;
        }
        decoder_rewind(decoder);
        return event;
    }
    decoder->begun = true;
    if (decoder->block_left != 0u) {
        --decoder->block_left;
        decoder_store(decoder, byte);
        return FRAME_NOTHING;
    }
    if (decoder->zero_due) {
        decoder_store(decoder, 0u);
    }
    decoder->block_left = (uint8_t)(byte - 1u);
    decoder->zero_due = byte != 0xFFu;
    return FRAME_NOTHING;
}

static void encoder_flush(struct frame_encoder *encoder)
{
    encoder->block[0] = (uint8_t)(encoder->block_length + 1u);
    encoder->send(encoder->block, (uint32_t)encoder->block_length + 1u);
    encoder->block_length = 0;
}

static void encoder_put(struct frame_encoder *encoder, uint8_t byte)
{
    if (byte == 0u) {
        encoder_flush(encoder);
        return;
    }
    encoder->block[++encoder->block_length] = byte;
    if (encoder->block_length == 254u) {
        encoder_flush(encoder);
    }
}

void frame_begin(struct frame_encoder *encoder, uint8_t kind, uint8_t status, uint16_t sequence, uint16_t length)
{
    static const uint8_t delimiter = 0;
    const uint8_t head[2] = {kind, status};
    encoder->crc = 0;
    encoder->block_length = 0;
    encoder->send(&delimiter, 1);
    frame_put(encoder, head, sizeof head);
    frame_put_u16(encoder, sequence);
    frame_put_u16(encoder, length);
}

void frame_put(struct frame_encoder *encoder, const uint8_t *bytes, uint32_t length)
{
    encoder->crc = frame_crc32(encoder->crc, bytes, length);
    for (uint32_t i = 0; i < length; ++i) {
        encoder_put(encoder, bytes[i]);
    }
}

void frame_put_u16(struct frame_encoder *encoder, uint16_t value)
{
    const uint8_t bytes[2] = {(uint8_t)value, (uint8_t)(value >> 8)};
    frame_put(encoder, bytes, sizeof bytes);
}

void frame_put_u32(struct frame_encoder *encoder, uint32_t value)
{
    frame_put_u16(encoder, (uint16_t)value);
    frame_put_u16(encoder, (uint16_t)(value >> 16));
}

void frame_end(struct frame_encoder *encoder)
{
    static const uint8_t delimiter = 0;
    frame_put_u32(encoder, encoder->crc);
    encoder_flush(encoder);
    encoder->send(&delimiter, 1);
}
