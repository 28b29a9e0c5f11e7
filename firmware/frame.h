/**
 * @file frame.h
 * @brief Frames on a serial line: COBS between zero bytes, with a length and a CRC-32 inside.
 *
 * A frame, before COBS takes its zeros away, all numbers little-endian:
 *
 *     uint8   kind       what is asked; a reply has bit 7 set
 *     uint8   status     0 in a request; in a reply, what came of it
 *     uint16  sequence   chosen by the one who asks, repeated in the reply
 *     uint16  length     bytes of payload
 *     uint8   payload[length]
 *     uint32  crc        CRC-32 (IEEE 802.3) of all that stands before it
 *
 * Nothing here waits, allocates or recurses, and any bytes at all may be fed in.
 */
#ifndef FRAME_H
#define FRAME_H

#include <stdbool.h>
#include <stdint.h>

#define FRAME_HEADER_BYTES 6u
#define FRAME_CRC_BYTES 4u
#define FRAME_OVERHEAD_BYTES (FRAME_HEADER_BYTES + FRAME_CRC_BYTES)

/** @brief CRC-32 (IEEE 802.3, reflected, as zlib has it) of more bytes; begin with crc 0. */
uint32_t frame_crc32(uint32_t crc, const uint8_t *bytes, uint32_t length);

/** @brief The 16-bit number at @p bytes. */
uint16_t frame_get_u16(const uint8_t *bytes);

/** @brief The 32-bit number at @p bytes. */
uint32_t frame_get_u32(const uint8_t *bytes);

/** @brief What a byte brought. */
enum frame_event {
    FRAME_NOTHING, /**< the frame goes on, or there was none */
    FRAME_READY,   /**< a whole and right frame lies in the buffer until the next byte is fed */
    FRAME_BROKEN,  /**< something ended that was no frame: truncated, damaged or too long */
};

/** @brief Receiver of frames; the buffer belongs to the caller. */
struct frame_decoder {
    uint8_t *buffer;
    uint32_t capacity;  /**< of buffer, in bytes */
    uint32_t length;    /**< bytes decoded so far */
    uint8_t block_left; /**< bytes still to come of the current COBS block */
    bool zero_due;      /**< a zero stands between the last block and the next, if there is one */
    bool begun;         /**< at least one byte since the last delimiter */
    bool too_long;      /**< more than capacity: the rest is dropped up to the delimiter */
};

/** @brief Makes @p decoder wait for a frame of at most @p capacity bytes, header and CRC included. */
void frame_decoder_start(struct frame_decoder *decoder, uint8_t *buffer, uint32_t capacity);

/** @brief Takes one byte from the line. */
enum frame_event frame_decode(struct frame_decoder *decoder, uint8_t byte);

/** @brief Sender of one frame; collects one COBS block at a time. */
struct frame_encoder {
    void (*send)(const uint8_t *bytes, uint32_t length);
    uint32_t crc;
    uint8_t block[255]; /**< the block's code, then its bytes */
    uint8_t block_length;
};

/** @brief Sends a delimiter and the header; exactly @p length bytes of payload must follow. */
void frame_begin(struct frame_encoder *encoder, uint8_t kind, uint8_t status, uint16_t sequence, uint16_t length);

/** @brief Sends bytes of the payload. */
void frame_put(struct frame_encoder *encoder, const uint8_t *bytes, uint32_t length);

/** @brief Sends a 16-bit number of the payload. */
void frame_put_u16(struct frame_encoder *encoder, uint16_t value);

/** @brief Sends a 32-bit number of the payload. */
void frame_put_u32(struct frame_encoder *encoder, uint32_t value);

/** @brief Sends the CRC and the delimiter. */
void frame_end(struct frame_encoder *encoder);

#endif
