/**
 * @file golden.h
 * @brief What the network must leave behind for inputs that the device makes itself.
 */
#ifndef GOLDEN_H
#define GOLDEN_H

#include <stdint.h>

#include "network_binding.h"

#if NET_GOLDEN_VECTORS > 0u
/** @brief CRC-32 of the tensor of every step, by vector; golden.c, made with the network. */
extern const uint32_t golden_crcs[NET_GOLDEN_VECTORS][NET_STEPS];
#endif

#endif
