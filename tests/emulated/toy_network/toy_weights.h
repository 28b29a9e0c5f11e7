#ifndef TOY_WEIGHTS_H
#define TOY_WEIGHTS_H

#include <stdint.h>

extern const uint8_t toy_weights[7];

#endif
