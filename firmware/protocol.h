/**
 * @file protocol.h
 * @brief The device side of the link: requests in, replies out, one at a time.
 *
 * Every request may be repeated without harm, so a client that misses a reply asks again. The network is known
 * through network_binding.h, the line through port_write(), the stack through stack.h; the rest is plain C11 that
 * runs on a host as well.
 *
 * Kind and payload of requests, and the payload of their replies where the status is STATUS_DONE:
 *
 *     hello        -                              see protocol.c, answer_hello()
 *     echo         bytes                          the same bytes
 *     load         u32 offset, bytes              -
 *     run          -                              -
 *     read output  u32 offset, u16 length         bytes
 *     trace        u32 last step                  u32 CRC-32 of the tensor of every step up to it
 *     infer        the whole input                u32 CRC-32 of the tensor of every step, then the whole output
 *     read tensor  u32 step, u32 offset, u16 n    u32 length of the tensor, n bytes; after a trace up to that step
 *     stack        -                              u32 bytes reserved, u32 bytes used at most
 *     profile      -                              u32 what counts (cycles.h), u32 cycles of every step
 *
 * A frame that does not check is answered by kind REPLY_BROKEN and sequence 0xFFFF, so that the client need not
 * wait; a fault by kind REPLY_FAULT, then again after every delimiter received. A device that has just started says
 * REPLY_BROKEN, for what came before is lost.
 */
#ifndef PROTOCOL_H
#define PROTOCOL_H

#include <stdint.h>

#include "fault.h"

#define PROTOCOL_VERSION 2u
/** @brief Version of what the network library offers: run, step and tensors. */
#define PROTOCOL_ABI_VERSION 1u

enum protocol_request {
    REQUEST_HELLO = 1,
    REQUEST_ECHO = 2,
    REQUEST_LOAD = 3,
    REQUEST_RUN = 4,
    REQUEST_READ_OUTPUT = 5,
    REQUEST_TRACE = 6,
    REQUEST_INFER = 7,
    REQUEST_READ_TENSOR = 8,
    REQUEST_STACK = 9,
    REQUEST_PROFILE = 10,
    REQUEST_INJECT_FAULT = 0x70, /**< only with LINK_FAULT_INJECTION, to test what follows */
    REPLY_BIT = 0x80,
    REPLY_BROKEN = 0xFE,
    REPLY_FAULT = 0xFF,
};

enum protocol_status {
    STATUS_DONE = 0,
    STATUS_UNKNOWN_REQUEST = 1,
    STATUS_WRONG_LENGTH = 2,   /**< the payload is too short or too long for the request */
    STATUS_OUT_OF_RANGE = 3,   /**< an offset, length or step does not exist */
    STATUS_NOT_TRACED = 4,     /**< the tensor asked for is not in the arena: trace up to its step first */
    STATUS_BROKEN_FRAME = 5,   /**< what arrived was no frame */
    STATUS_STACK_OVERFLOW = 6, /**< the stack was too small, and nothing can be trusted any more; as STATUS_FAULT where
                                    a fault record follows */
    STATUS_FAULT = 7,          /**< a fault record follows; the device does nothing else any more */
    STATUS_NO_COUNTER = 8,     /**< nothing on the device counts cycles */
    STATUS_SETUP_FAILED = 9,   /**< as STATUS_FAULT, but what failed is step number pc of the board's set-up, which
                                    waits for the register at address in vain */
};

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

#endif
