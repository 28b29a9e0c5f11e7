/**
 * @file network_binding.h
 * @brief The network `three_formats` under the names that the firmware uses.
 */
#ifndef NETWORK_BINDING_H
#define NETWORK_BINDING_H

#include "three_formats.h"

#define NET_NAME "three_formats"
#define NET_INPUT_LEN THREE_FORMATS_INPUT_LEN
#define NET_OUTPUT_LEN THREE_FORMATS_OUTPUT_LEN
#define NET_ARENA_BYTES THREE_FORMATS_ARENA_BYTES
#define NET_OUTPUT_SCALE THREE_FORMATS_OUTPUT_SCALE
#define NET_OUTPUT_ZERO_POINT THREE_FORMATS_OUTPUT_ZERO_POINT
#define net_run three_formats_run
#ifdef THREE_FORMATS_QUANTIZE
#define net_quantize three_formats_quantize
#endif

#ifdef THREE_FORMATS_TRACE
#define NET_STEPS THREE_FORMATS_STEPS
#define net_step three_formats_step
#define net_tensors three_formats_tensors
#endif

/** @brief The network that this image was made for, so that a client knows it again. */
#define NET_DIGEST_BYTES 16u
#define NET_DIGEST \
    { 0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09, 0x0A, 0x0B, 0x0C, 0x0D, 0x0E, 0x0F }

/** @brief Self-tests that the image holds (golden.h). */
#define NET_GOLDEN_VECTORS 0u

#endif
