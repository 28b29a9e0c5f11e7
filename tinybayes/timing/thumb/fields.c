/**
 * @file fields.c
 * @brief Bit fields, extensions, saturation, packing, lanes, division and selection.
 */
#include "machine.h"

uint32_t saturated(int64_t value, int64_t low, int64_t high)
{
    return (uint32_t)(value < low ? low : value > high ? high : value);
}

/** @brief Additions and subtractions lane by lane; `immediate` is 8 * operation (add, sub, asx, sax) + kind. */
void run_lanes(struct machine *m, const struct instruction *i)
{
    enum { KIND_S, KIND_Q, KIND_SH, KIND_U, KIND_UQ, KIND_UH };
    const struct word n = get(m, i->rn), o = get(m, i->rm);
    const uint32_t kind = i->immediate & 7U, operation = i->immediate >> 3, bits = 8U * i->width_bytes;
    const bool is_signed = kind <= KIND_SH;
    const uint32_t mask = (UINT32_C(1) << bits) - 1U;
    uint32_t result = 0, ge = 0;
    for (uint32_t lane = 0; lane < 32U / bits; lane++) {
        const bool exchanged = operation >= 2U;
        const uint32_t a = n.value >> lane * bits & mask;
        const uint32_t b = o.value >> (exchanged ? 1U - lane : lane) * bits & mask;
        const int64_t x = is_signed ? as_signed(sign_extended(a, bits)) : (int64_t)a;
        const int64_t y = is_signed ? as_signed(sign_extended(b, bits)) : (int64_t)b;
        const bool subtracts = operation == 1U || (operation == 2U && lane == 0U) || (operation == 3U && lane == 1U);
        int64_t value = subtracts ? x - y : x + y;
        const bool greater = kind == KIND_U && !subtracts ? value > (int64_t)mask : value >= 0;
        if (kind == KIND_Q) {
            value = (int64_t)(int32_t)saturated(value, -((int64_t)mask + 1) / 2, (int64_t)mask / 2);
        } else if (kind == KIND_UQ) {
            value = (int64_t)saturated(value, 0, (int64_t)mask);
        } else if (kind == KIND_SH || kind == KIND_UH) {
            value >>= 1;
        }
        result |= ((uint32_t)value & mask) << lane * bits;
        ge |= greater ? (i->width_bytes == 1U ? 1U : 3U) << lane * i->width_bytes : 0U;
    }
    if (kind == KIND_S || kind == KIND_U) {
        m->ge = (uint8_t)ge;
        set_flags_unknown(m, FLAG_GE, n.unknown || o.unknown);
    }
    put(m, i->rd, result, n.unknown || o.unknown);
}

static uint32_t reversed_bits(uint32_t value)
{
    uint32_t result = 0;
    for (uint32_t k = 0; k < 32U; k++) {
        result |= (value >> k & 1U) << (31U - k);
    }
    return result;
}

static uint32_t leading_zeros(uint32_t value)
{
    uint32_t count = 0;
    while (count < 32U && (value >> (31U - count) & 1U) == 0U) {
        count++;
    }
    return count;
}

/** @brief What is left of the arithmetic: bit fields, extensions, saturation, packing, division, selection. */
void run_other(struct machine *m, const struct instruction *i)
{
    const bool has_n = i->rn != NO_REGISTER, has_m = i->rm != NO_REGISTER;
    const struct word n = has_n ? get(m, i->rn) : (struct word){0, false};
    const struct word o = has_m ? get(m, i->rm) : (struct word){0, false};
    const uint32_t x = n.value, y = o.value;
    const uint32_t width = i->width_bytes; /* of a bit field: in bits */
    const uint32_t field = width >= 32U ? UINT32_MAX : (UINT32_C(1) << width) - 1U;
    bool unknown = n.unknown || o.unknown, ignored, ignored_too;
    uint32_t result = 0;
    switch (i->operation) {
    case OP_movt:
        result = (get(m, i->rd).value & 0xFFFFU) | i->immediate << 16;
        unknown = m->r_unknown[i->rd];
        break;
    case OP_udiv:
        result = y == 0U ? 0U : x / y;
        break;
    case OP_sdiv:
        result = y == 0U ? 0U : (uint32_t)(as_signed(x) / as_signed(y));
        break;
    case OP_extend: {
        const uint32_t part = rotated_right(y, i->amount) & (i->width_bytes == 1U ? 0xFFU : 0xFFFFU);
        result = x + ((i->bits & BIT_SIGNED) != 0 ? sign_extended(part, 8U * i->width_bytes) : part);
        break;
    }
    case OP_extend16: {
        const uint32_t part = rotated_right(y, i->amount);
        const bool keeps = (i->bits & BIT_SIGNED) != 0;
        const uint32_t low = keeps ? sign_extended(part, 8) : part & 0xFFU;
        const uint32_t high = keeps ? sign_extended(part >> 16, 8) : part >> 16 & 0xFFU;
        result = ((x + low) & 0xFFFFU) | ((x >> 16) + high) << 16;
        break;
    }
    case OP_pkhbt:
        result = (x & 0xFFFFU) | (shifted(m, i, &ignored, &ignored_too).value & 0xFFFF0000U);
        break;
    case OP_pkhtb:
        result = (x & 0xFFFF0000U) | (shifted(m, i, &ignored, &ignored_too).value & 0xFFFFU);
        break;
    case OP_ssat: {
        const int64_t bound = INT64_C(1) << (i->immediate - 1U);
        result = saturated(as_signed(shifted(m, i, &ignored, &ignored_too).value), -bound, bound - 1);
        break;
    }
    case OP_usat: {
        const int64_t bound = INT64_C(1) << i->immediate;
        result = saturated(as_signed(shifted(m, i, &ignored, &ignored_too).value), 0, bound - 1);
        break;
    }
    case OP_ssat16:
    case OP_usat16: {
        const bool is_signed = i->operation == OP_ssat16;
        const int64_t bound = INT64_C(1) << (i->immediate - (is_signed ? 1U : 0U)), least = is_signed ? -bound : 0;
        result = (saturated(as_signed(low_half(y)), least, bound - 1) & 0xFFFFU) |
                 saturated(as_signed(high_half(y)), least, bound - 1) << 16;
        break;
    }
    case OP_qadd:
        result = saturated(as_signed(y) + as_signed(x), INT32_MIN, INT32_MAX);
        break;
    case OP_qsub:
        result = saturated(as_signed(y) - as_signed(x), INT32_MIN, INT32_MAX);
        break;
    case OP_qdadd:
    case OP_qdsub: {
        const int64_t twice = as_signed(saturated(2 * as_signed(x), INT32_MIN, INT32_MAX));
        result = saturated(as_signed(y) + (i->operation == OP_qdadd ? twice : -twice), INT32_MIN, INT32_MAX);
        break;
    }
    case OP_sel:
        unknown |= (m->flags_unknown & FLAG_GE) != 0;
        for (uint32_t k = 0; k < 4U; k++) {
            result |= ((m->ge >> k & 1U) != 0U ? x : y) & UINT32_C(0xFF) << 8U * k;
        }
        break;
    case OP_usad8: {
        const struct word a = i->ra != NO_REGISTER ? get(m, i->ra) : (struct word){0, false};
        result = a.value;
        unknown |= a.unknown;
        for (uint32_t k = 0; k < 32U; k += 8U) {
            const uint32_t p = x >> k & 0xFFU, q = y >> k & 0xFFU;
            result += p > q ? p - q : q - p;
        }
        break;
    }
    case OP_bfi:
    case OP_bfc: {
        const uint32_t mask = field << i->amount;
        result = (get(m, i->rd).value & ~mask) | ((has_n ? x << i->amount : 0U) & mask);
        unknown |= m->r_unknown[i->rd] != 0;
        break;
    }
    case OP_ubfx:
        result = x >> i->amount & field;
        break;
    case OP_sbfx:
        result = sign_extended(x >> i->amount, width);
        break;
    case OP_clz:
        result = leading_zeros(y);
        break;
    case OP_rbit:
        result = reversed_bits(y);
        break;
    case OP_rev:
        result = y << 24 | (y & 0xFF00U) << 8 | (y >> 8 & 0xFF00U) | y >> 24;
        break;
    case OP_rev16:
        result = (y & 0x00FF00FFU) << 8 | (y >> 8 & 0x00FF00FFU);
        break;
    case OP_revsh:
        result = sign_extended((y & 0xFFU) << 8 | (y >> 8 & 0xFFU), 16);
        break;
    default: { /* csel, csinc, csinv, csneg: `amount` is the condition; both ways take the same time */
        bool open;
        const bool first = condition_holds(m, i->amount, &open);
        const uint32_t other = i->operation == OP_csinc   ? y + 1U
                               : i->operation == OP_csinv ? ~y
                               : i->operation == OP_csneg ? 0U - y
                                                          : y;
        result = first ? x : other;
        unknown |= open;
        break;
    }
    }
    put(m, i->rd, result, unknown);
}
