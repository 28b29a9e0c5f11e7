#include "toy_weights.h"

const uint8_t toy_weights[7] = {1, 3, 5, 7, 11, 13, 17};
