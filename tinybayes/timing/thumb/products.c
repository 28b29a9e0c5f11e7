/**
 * @file products.c
 * @brief Products, with and without accumulation.
 */
#include "machine.h"

/** @brief Products; `immediate` says which halves: bit 0 top of rm (or exchanged), bit 1 top of rn, or rounding. */
void run_product(struct machine *m, const struct instruction *i)
{
    const struct word n = get(m, i->rn), o = get(m, i->rm);
    const struct word a = i->ra != NO_REGISTER ? get(m, i->ra) : (struct word){0, false};
    const struct word d = i->rd != NO_REGISTER ? get(m, i->rd) : (struct word){0, false};
    const uint32_t top = i->immediate;
    const uint32_t right = (top & 1U) != 0U ? rotated_right(o.value, 16) : o.value;
    const uint32_t left = (top & 2U) != 0U ? rotated_right(n.value, 16) : n.value;
    const int64_t half = as_signed(low_half(left)) * as_signed(low_half(right));
    const int64_t lows = as_signed(low_half(n.value)) * as_signed(low_half(right));
    const int64_t highs = as_signed(high_half(n.value)) * as_signed(high_half(right));
    const int64_t full = as_signed(n.value) * as_signed(o.value);
    const uint64_t round = (top & 1U) != 0U ? UINT64_C(0x80000000) : 0U;
    const uint64_t pair = (uint64_t)a.value << 32 | d.value; /* rd is the low word, ra the high one */
    const bool unknown = n.unknown || o.unknown;
    uint64_t wide = 0;
    bool is_long = true, accumulates = true;
    switch (i->operation) {
    case OP_mul:
        wide = n.value * o.value;
        is_long = false;
        break;
    case OP_mla:
        wide = a.value + n.value * o.value;
        is_long = false;
        break;
    case OP_mls:
        wide = a.value - n.value * o.value;
        is_long = false;
        break;
    case OP_smulxy:
        wide = (uint64_t)half;
        is_long = false;
        break;
    case OP_smlaxy:
        wide = (uint64_t)half + a.value;
        is_long = false;
        break;
    case OP_smulwy:
        wide = (uint64_t)((as_signed(n.value) * as_signed(low_half(right))) >> 16);
        is_long = false;
        break;
    case OP_smlawy:
        wide = (uint64_t)((as_signed(n.value) * as_signed(low_half(right))) >> 16) + a.value;
        is_long = false;
        break;
    case OP_smuad:
        wide = (uint64_t)(lows + highs);
        is_long = false;
        break;
    case OP_smusd:
        wide = (uint64_t)(lows - highs);
        is_long = false;
        break;
    case OP_smlad:
        wide = (uint64_t)(lows + highs) + a.value;
        is_long = false;
        break;
    case OP_smlsd:
        wide = (uint64_t)(lows - highs) + a.value;
        is_long = false;
        break;
    case OP_smmul:
        wide = ((uint64_t)full + round) >> 32;
        is_long = false;
        break;
    case OP_smmla:
        wide = (((uint64_t)a.value << 32) + (uint64_t)full + round) >> 32;
        is_long = false;
        break;
    case OP_smmls:
        wide = (((uint64_t)a.value << 32) - (uint64_t)full + round) >> 32;
        is_long = false;
        break;
    case OP_umull:
        wide = (uint64_t)n.value * o.value;
        accumulates = false;
        break;
    case OP_smull:
        wide = (uint64_t)full;
        accumulates = false;
        break;
    case OP_umlal:
        wide = pair + (uint64_t)n.value * o.value;
        break;
    case OP_smlal:
        wide = pair + (uint64_t)full;
        break;
    case OP_umaal:
        wide = (uint64_t)n.value * o.value + a.value + d.value;
        break;
    case OP_smlalxy:
        wide = pair + (uint64_t)half;
        break;
    case OP_smlald:
        wide = pair + (uint64_t)(lows + highs);
        break;
    default: /* smlsld */
        wide = pair + (uint64_t)(lows - highs);
        break;
    }
    if (is_long) {
        const bool both = unknown || (accumulates && (a.unknown || d.unknown));
        put(m, i->rd, (uint32_t)wide, both);
        put(m, i->ra, (uint32_t)(wide >> 32), both);
        return;
    }
    put(m, i->rd, (uint32_t)wide, unknown || a.unknown);
    if ((i->bits & BIT_SETS) != 0) {
        set_nz(m, (uint32_t)wide, unknown || a.unknown);
    }
}
