/**
 * @file protocol.h
 * @brief The device side of the link: requests in, replies out, in the order in which they came.
 *
 * docs/protocol.md is the description, byte for byte. Every request may be repeated without harm, so a client that
 * misses a reply asks again. What runs the network is told the CRC-32 of the input that it must run on, and repeats it:
 * a device that was reset in between, or missed a piece, says so instead of answering for another input.
 *
 * The network is known through network_binding.h, the line through port_write(), the stack through stack.h, the chip
 * through chip.h; the rest is plain C11 that runs on a host as well.
 */
#ifndef PROTOCOL_H
#define PROTOCOL_H

#include <stdint.h>

#include "fault.h"

#define PROTOCOL_VERSION 3u
/** @brief Version of what the network library offers: run, step and tensors. */
#define PROTOCOL_ABI_VERSION 1u

/** @brief Kind, then the payload of the request and that of the reply where its status is STATUS_DONE. */
enum protocol_request {
    REQUEST_HELLO = 1,       /**< -; what the device is: see answer_hello() */
    REQUEST_ECHO = 2,        /**< bytes; the same bytes */
    REQUEST_LOAD = 3,        /**< u32 offset, bytes of the input; - */
    REQUEST_RUN = 4,         /**< u32 CRC of the input; the same, u32 CRC of the output */
    REQUEST_READ_OUTPUT = 5, /**< u32 offset, u16 length; bytes */
    REQUEST_TRACE = 6,       /**< u32 last step, u32 CRC of the input; the same CRC, u32 CRC of every step's tensor */
    REQUEST_INFER = 7,       /**< the whole input; u32 its CRC, u32 CRC of every step's tensor, the output */
    REQUEST_READ_TENSOR = 8, /**< u32 step, u32 offset, u16 length; u32 length of the tensor, bytes of it */
    REQUEST_STACK = 9,       /**< -; u32 bytes reserved, u32 bytes used at most */
    REQUEST_PROFILE = 10,   /**< u32 CRC of the input; the same, u32 what counts (cycles.h), u32 cycles of every step */
    REQUEST_PREDICT = 11,   /**< u32 offset, u32 CRC of the input, the last bytes of it; the same CRC, the output */
    REQUEST_SELF_TEST = 12, /**< u32 vector; the same, u32 first wrong step or NO_STEP, u32 CRC wanted, u32 CRC got */
    REQUEST_LAST_FAULT = 13,     /**< -; u32 status (0: there was none), eight words as in a fault report */
    REQUEST_RESET = 14,          /**< -; -, then the device starts anew */
    REQUEST_BOOT_LOADER = 15,    /**< -; -, then the chip's boot loader takes over */
    REQUEST_INJECT_FAULT = 0x70, /**< only with LINK_FAULT_INJECTION, to test what follows */
    REPLY_BIT = 0x80,
    REPLY_BROKEN = 0xFE, /**< what arrived was no frame, or the device has just started */
    REPLY_FAULT = 0xFF,  /**< eight words; sent once, then again after every delimiter received */
};

enum protocol_status {
    STATUS_DONE = 0,
    STATUS_UNKNOWN_REQUEST = 1,
    STATUS_WRONG_LENGTH = 2,   /**< the payload is too short or too long for the request */
    STATUS_OUT_OF_RANGE = 3,   /**< an offset, length, step or vector does not exist */
    STATUS_NOT_TRACED = 4,     /**< the tensor asked for is not in the arena: trace up to its step first */
    STATUS_BROKEN_FRAME = 5,   /**< what arrived was no frame */
    STATUS_STACK_OVERFLOW = 6, /**< the stack was too small, and nothing can be trusted any more; as STATUS_FAULT where
                                    a fault record follows */
    STATUS_FAULT = 7,          /**< a fault record follows; the device takes nothing but a reset any more */
    STATUS_NO_COUNTER = 8,     /**< nothing on the device counts cycles */
    STATUS_SETUP_FAILED = 9,   /**< as STATUS_FAULT, but what failed is step number pc of the board's set-up, which
                                    waits for the register at address in vain */
    STATUS_OTHER_INPUT = 10,   /**< the input in memory has another CRC, which is the payload: load it again */
    STATUS_NO_BOOT_LOADER = 11,
};

/** @brief Bits of what a device can do, in its answer to hello. */
#define FEATURE_BOOT_LOADER (1u << 0)

/** @brief For a step: none. */
#define NO_STEP 0xFFFFFFFFu

/** @brief Sends bytes over the line. Defined by each image. */
void port_write(const uint8_t *bytes, uint32_t length);

/** @brief Makes ready for the first byte. */
void protocol_start(void);

/** @brief Tells the client that what it sent just now is lost: ask again. */
void protocol_report_loss(void);

/** @brief Takes one byte from the line; answers when it ends a frame. */
void protocol_receive(uint8_t byte);

/**
 * @brief Sends a fault record; safe at any moment, in the middle of a reply too.
 *
 * @param status STATUS_FAULT, STATUS_STACK_OVERFLOW or STATUS_SETUP_FAILED
 */
void protocol_report_fault(const struct fault_record *record, enum protocol_status status);

/** @brief After a fault: takes one byte, reports the fault again at a delimiter, and resets where it is asked to. */
void protocol_receive_after_fault(uint8_t byte, const struct fault_record *record, enum protocol_status status);

#endif
