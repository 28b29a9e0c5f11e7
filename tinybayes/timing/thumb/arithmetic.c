/**
 * @file arithmetic.c
 * @brief Conditions, the flexible second operand, moves, logic, additions and comparisons.
 */
#include "machine.h"

bool condition_holds(const struct machine *m, uint8_t condition, bool *unknown)
{
    static const uint8_t needs[8] = {
        FLAG_NZ, FLAG_C, FLAG_NZ, FLAG_V, FLAG_NZ | FLAG_C, FLAG_NZ | FLAG_V, FLAG_NZ | FLAG_V, 0,
    };
    bool holds = true;
    switch (condition >> 1) {
    case 0:
        holds = m->z;
        break;
    case 1:
        holds = m->c;
        break;
    case 2:
        holds = m->n;
        break;
    case 3:
        holds = m->v;
        break;
    case 4:
        holds = m->c && !m->z;
        break;
    case 5:
        holds = m->n == m->v;
        break;
    case 6:
        holds = m->n == m->v && !m->z;
        break;
    default:
        break;
    }
    *unknown = (m->flags_unknown & needs[condition >> 1]) != 0;
    return (condition & 1U) != 0U && condition < ALWAYS ? !holds : holds;
}

struct word shifted(const struct machine *m, const struct instruction *i, bool *carry, bool *carry_unknown)
{
    const struct word word = get(m, i->rm);
    const bool by_register = (i->bits & BIT_AMOUNT_IN_REG) != 0;
    const struct word by = by_register ? get(m, i->amount) : (struct word){i->amount, false};
    const uint32_t amount = by.value & 0xFFU;
    const uint32_t value = word.value;
    const bool unknown = word.unknown || by.unknown;
    uint32_t result = value;
    if (i->shift == SHIFT_RRX) {
        const bool in = m->c;
        const bool in_unknown = (m->flags_unknown & FLAG_C) != 0;
        *carry = (value & 1U) != 0U;
        *carry_unknown = unknown;
        return (struct word){value >> 1 | (in ? UINT32_C(1) << 31 : 0U), unknown || in_unknown};
    }
    *carry = m->c;
    *carry_unknown = (m->flags_unknown & FLAG_C) != 0 || by.unknown;
    if (amount != 0U) {
        *carry_unknown = unknown;
        switch (i->shift) {
        case SHIFT_LSL:
            result = amount < 32U ? value << amount : 0U;
            *carry = amount <= 32U && (value >> (32U - amount) % 32U & 1U) != 0U;
            break;
        case SHIFT_LSR:
            result = amount < 32U ? value >> amount : 0U;
            *carry = amount <= 32U && (value >> (amount - 1U) & 1U) != 0U;
            break;
        case SHIFT_ASR: {
            const uint32_t sign = value >> 31 != 0U ? UINT32_MAX : 0U;
            result = amount < 32U ? value >> amount | (sign != 0U ? ~(UINT32_MAX >> amount) : 0U) : sign;
            *carry = (amount <= 32U ? value >> (amount - 1U) & 1U : sign & 1U) != 0U;
            break;
        }
        default:
            result = rotated_right(value, amount);
            *carry = result >> 31 != 0U;
            break;
        }
    }
    return (struct word){result, unknown};
}

static struct word second_operand(const struct machine *m, const struct instruction *i, bool *carry,
                                  bool *carry_unknown)
{
    if ((i->bits & BIT_IMMEDIATE) != 0) {
        /* A constant above 255 that is no repeated byte was rotated into place: its top bit goes to the carry. */
        const uint32_t value = i->immediate, byte = value & 0xFFU, high = value >> 8 & 0xFFU;
        const bool repeated =
            value == byte || value == byte * 0x00010001U || value == high * 0x01000100U || value == byte * 0x01010101U;
        *carry = repeated ? m->c : value >> 31 != 0U;
        *carry_unknown = repeated && (m->flags_unknown & FLAG_C) != 0;
        return (struct word){value, false};
    }
    return shifted(m, i, carry, carry_unknown);
}

/** @brief Moves, logic, additions and comparisons. */
void run_arithmetic(struct machine *m, const struct instruction *i)
{
    bool carry, carry_unknown;
    const struct word b = second_operand(m, i, &carry, &carry_unknown);
    const bool unary = i->operation == OP_mov || i->operation == OP_mvn;
    const struct word a = unary ? (struct word){0, false} : get(m, i->rn);
    const bool in_unknown = (m->flags_unknown & FLAG_C) != 0;
    bool unknown = a.unknown || b.unknown;
    uint32_t x = a.value, y = b.value, result = 0, in = 0;
    bool sum = false;
    switch (i->operation) {
    case OP_mov:
        result = y;
        break;
    case OP_mvn:
        result = ~y;
        break;
    case OP_and:
    case OP_tst:
        result = x & y;
        break;
    case OP_orr:
        result = x | y;
        break;
    case OP_orn:
        result = x | ~y;
        break;
    case OP_eor:
    case OP_teq:
        result = x ^ y;
        break;
    case OP_bic:
        result = x & ~y;
        break;
    case OP_add:
    case OP_cmn:
        sum = true;
        break;
    case OP_adc:
        sum = true;
        in = m->c;
        unknown |= in_unknown;
        break;
    case OP_sub:
    case OP_cmp:
        sum = true;
        y = ~y;
        in = 1;
        break;
    case OP_sbc:
        sum = true;
        y = ~y;
        in = m->c;
        unknown |= in_unknown;
        break;
    default: /* rsb */
        sum = true;
        x = ~x;
        in = 1;
        break;
    }
    if (sum) {
        const uint64_t wide = (uint64_t)x + y + in;
        result = (uint32_t)wide;
        if ((i->bits & BIT_SETS) != 0) {
            m->c = wide >> 32 != 0U;
            m->v = (~(x ^ y) & (x ^ result)) >> 31 != 0U;
            set_flags_unknown(m, FLAG_C | FLAG_V, unknown);
        }
    } else if ((i->bits & BIT_SETS) != 0) {
        m->c = carry;
        set_flags_unknown(m, FLAG_C, carry_unknown);
    }
    if ((i->bits & BIT_SETS) != 0) {
        set_nz(m, result, unknown);
    }
    if (i->rd != NO_REGISTER) {
        put(m, i->rd, result, unknown);
    }
}

/** @brief 64-bit shifts of Armv8.1-M: ra:rd by a constant or a register, whose sign is the direction. */
void run_long_shift(struct machine *m, const struct instruction *i)
{
    const struct word low = get(m, i->rd), high = get(m, i->ra);
    const bool by_register = (i->bits & BIT_AMOUNT_IN_REG) != 0;
    const struct word by = by_register ? get(m, i->rm) : (struct word){i->amount, false};
    const int32_t signed_amount = by_register ? (int32_t)sign_extended(by.value, 8) : (int32_t)by.value;
    const bool right = (i->operation == OP_lsll) == (signed_amount < 0);
    const uint32_t amount = (uint32_t)(signed_amount < 0 ? -signed_amount : signed_amount);
    const uint64_t value = (uint64_t)high.value << 32 | low.value;
    const uint64_t sign = i->operation == OP_asrl && high.value >> 31 != 0U ? UINT64_MAX : 0U;
    uint64_t result = value;
    if (amount != 0U) {
        if (!right) {
            result = amount < 64U ? value << amount : 0U;
        } else {
            result = amount < 64U ? value >> amount | (sign != 0U ? ~(UINT64_MAX >> amount) : 0U) : sign;
        }
    }
    const bool unknown = low.unknown || high.unknown || by.unknown;
    put(m, i->rd, (uint32_t)result, unknown);
    put(m, i->ra, (uint32_t)(result >> 32), unknown);
}
