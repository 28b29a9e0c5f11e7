/**
 * @file commands.h
 * @brief What protocol.c and the commands share: the request, and ways to answer it.
 */
#ifndef COMMANDS_H
#define COMMANDS_H

#include <stdbool.h>
#include <stdint.h>

#include "frame.h"
#include "protocol.h"

#define LARGEST_REPLY_BYTES 0xFFFFu

/** @brief A request whose frame has been checked. */
struct request {
    uint8_t kind;
    uint16_t sequence;
    uint16_t length;
    const uint8_t *payload;
};

/** @brief The reply on its way. */
extern struct frame_encoder reply;

/** @brief Begins a reply of @p length bytes; exactly so many frame_put() must follow, then frame_end(). */
void reply_begin(const struct request *request, uint32_t length);

/** @brief The whole reply, without a payload. */
void reply_empty(const struct request *request);

/** @brief The whole reply to a request that is not carried out. */
void refuse(const struct request *request, enum protocol_status status);

/** @brief As refuse(), with one word as payload. */
void refuse_with(const struct request *request, enum protocol_status status, uint32_t word);

/** @brief Refuses a payload of another length than @p wanted; whether it had that length. */
bool has_length(const struct request *request, uint32_t wanted);

/** @brief Forgets what earlier requests left behind. */
void inference_start(void);

void answer_load(const struct request *request);
void answer_run(const struct request *request);
void answer_read_output(const struct request *request);
void answer_trace(const struct request *request);
void answer_infer(const struct request *request);
void answer_read_tensor(const struct request *request);
void answer_profile(const struct request *request);
void answer_predict(const struct request *request);
void answer_self_test(const struct request *request);

#endif
