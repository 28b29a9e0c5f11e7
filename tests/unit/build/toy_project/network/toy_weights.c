#include "toy_weights.h"

const int32_t toy_bias_2[5] = {100, -200, 300, -400, 500};
const int8_t toy_weights_2[5 * 32] = {1, 2, 3, [40] = 7, [70] = -5, [100] = 11, [159] = -128};
/* An odd length, so that the linker has something to pad. */
const int8_t toy_weights_1[33] = {3,  -1, 4,  -1, 5,  -9, 2,  -6, 5,  -3, 5,  -8, 9,  -7, 9,  -3, 2,
                                  -3, 8,  -4, 6,  -2, 6,  -4, 3,  -3, 8,  -3, 2,  -7, 9,  -5, 1};
