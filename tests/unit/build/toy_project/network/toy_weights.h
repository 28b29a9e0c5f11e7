#ifndef TOY_WEIGHTS_H
#define TOY_WEIGHTS_H

#include <stdint.h>

extern const int8_t toy_weights_1[33];
extern const int8_t toy_weights_2[5 * 32];
extern const int32_t toy_bias_2[5];

#endif
