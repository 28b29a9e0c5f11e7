/**
 * @file vectors.c
 * @brief MVE, as far as addresses and loop counts can depend on it; other results are just unknown.
 *
 * Lanes that are loaded from constants, counted up or copied from a known register stay known, since they may be
 * offsets of a gather. Which lanes are active is known within loops with tail predication and after VCTP. Predication
 * does not change how long an instruction takes, but it does decide what is accessed, so there it must be known.
 */
#include "machine.h"

#define VECTOR_BYTES 16U

/** @brief One bit for each byte of a vector that the instruction works on. */
static int active_bytes(const struct machine *m, const struct instruction *i, uint32_t *mask)
{
    *mask = 0xFFFFU;
    if (m->tail_bytes != 0U) {
        if (m->r_unknown[14] != 0) {
            return STOP_CONDITION;
        }
        const uint32_t bytes = m->r[14] >= VECTOR_BYTES / m->tail_bytes ? VECTOR_BYTES : m->r[14] * m->tail_bytes;
        *mask = (UINT32_C(1) << bytes) - 1U;
    }
    if (i->predicate != PREDICATE_NONE) {
        if (m->lanes_unknown) {
            return STOP_CONDITION;
        }
        *mask &= i->predicate == PREDICATE_THEN ? m->lanes : ~m->lanes;
    }
    return STOP_END;
}

static void put_lane(struct machine *m, uint8_t first, uint32_t at, uint32_t size_bytes, struct word lane)
{
    uint32_t *const word = &m->s[first + at / 4U];
    const uint32_t shift = at % 4U * 8U;
    const uint32_t mask = (size_bytes == 4U ? UINT32_MAX : (UINT32_C(1) << 8U * size_bytes) - 1U) << shift;
    *word = (*word & ~mask) | (lane.value << shift & mask);
    m->s_unknown[first + at / 4U] |= lane.unknown;
}

static struct word get_lane(const struct machine *m, uint8_t first, uint32_t at, uint32_t size_bytes)
{
    const uint32_t value = m->s[first + at / 4U] >> at % 4U * 8U;
    const uint32_t mask = size_bytes == 4U ? UINT32_MAX : (UINT32_C(1) << 8U * size_bytes) - 1U;
    return (struct word){value & mask, m->s_unknown[first + at / 4U] != 0};
}

static void clear_vector(struct machine *m, uint8_t first)
{
    for (uint32_t k = 0; k < 4U; k++) {
        m->s[first + k] = 0;
        m->s_unknown[first + k] = 0;
    }
}

/** @brief VLDR and VSTR: contiguous, or at offsets in a vector whose first single register is `rm`. */
int run_vector_access(struct machine *m, const struct instruction *i)
{
    uint32_t active;
    const int stop = active_bytes(m, i, &active);
    const struct word base = get(m, i->rn);
    if (stop != STOP_END) {
        return stop;
    }
    if (base.unknown) {
        return STOP_ADDRESS;
    }
    const bool is_load = i->operation == OP_vectorload;
    const bool offsets = i->rm != NO_REGISTER;
    const uint32_t moved = base.value + i->immediate;
    uint32_t at = (i->bits & BIT_POST) != 0 || offsets ? base.value : moved;
    uint32_t addresses[VECTOR_BYTES];
    bool looked_up = false;
    for (uint32_t byte = 0; byte < VECTOR_BYTES; byte += i->lane_bytes, at += i->width_bytes) {
        if (!offsets || (active >> byte & 1U) == 0U) {
            addresses[byte] = at;
            continue;
        }
        const struct word offset = get_lane(m, i->rm, byte, i->lane_bytes);
        looked_up |= offset.unknown;
        if (offset.unknown && !(is_load && look_up(m, base.value, i->width_bytes))) {
            return STOP_ADDRESS;
        }
        addresses[byte] = base.value + (offset.value << i->amount);
    }
    if (is_load) {
        clear_vector(m, i->rd); /* lanes that are not active become zero */
    }
    if (looked_up) {
        for (uint32_t k = 0; k < VECTOR_BYTES / 4U; k++) {
            m->s_unknown[i->rd + k] = 1;
        }
        return STOP_END;
    }
    for (uint32_t byte = 0; byte < VECTOR_BYTES; byte += i->lane_bytes) {
        struct word lane = get_lane(m, i->rd, byte, i->lane_bytes);
        if ((active >> byte & 1U) == 0U) {
            continue;
        }
        if (!is_load) {
            if (!write_memory(m, addresses[byte], i->width_bytes, lane)) {
                return STOP_NO_MEMORY;
            }
            continue;
        }
        if (!read_memory(m, addresses[byte], i->width_bytes, &lane)) {
            return STOP_NO_MEMORY;
        }
        if ((i->bits & BIT_SIGNED) != 0) {
            lane.value = sign_extended(lane.value, 8U * i->width_bytes);
        }
        put_lane(m, i->rd, byte, i->lane_bytes, lane);
    }
    if ((i->bits & BIT_WRITEBACK) != 0) {
        m->r[i->rn] = moved;
    }
    return STOP_END;
}

/** @brief VDUP, VMOV of a constant, VIDUP and VDDUP: lane k is rn + k * immediate, or just the immediate. */
void run_vector_fill(struct machine *m, const struct instruction *i)
{
    const bool counts = i->operation == OP_vectorcount;
    struct word lane = i->rn != NO_REGISTER ? get(m, i->rn) : (struct word){i->immediate, false};
    const bool whole = i->predicate == PREDICATE_NONE && m->tail_bytes == 0U;
    for (uint32_t byte = 0; byte < VECTOR_BYTES; byte += i->lane_bytes) {
        if (byte % 4U == 0U) {
            m->s_unknown[i->rd + byte / 4U] = !whole; /* else some lanes keep what they held */
        }
        put_lane(m, i->rd, byte, i->lane_bytes, lane);
        lane.value += counts ? i->immediate : 0U;
    }
    if (counts) {
        put(m, i->rn, lane.value, lane.unknown);
    }
}

/** @brief Everything else: what it writes is unknown. */
void run_vector(struct machine *m, const struct instruction *i)
{
    for (uint32_t k = 0; k < 32U; k++) {
        m->s_unknown[k] |= (uint8_t)(i->floats >> k & 1U);
    }
    for (uint32_t k = 0; k < 15U; k++) {
        m->r_unknown[k] |= (uint8_t)(i->immediate >> k & 1U);
    }
    m->lanes_unknown |= (i->immediate >> 15U & 1U) != 0U;
}

/** @brief VCTP: the first rn lanes are active. */
int run_vector_predicate(struct machine *m, const struct instruction *i)
{
    const struct word count = get(m, i->rn);
    m->lanes_unknown = count.unknown || i->predicate != PREDICATE_NONE;
    const uint32_t bytes = count.value >= VECTOR_BYTES / i->lane_bytes ? VECTOR_BYTES : count.value * i->lane_bytes;
    m->lanes = (UINT32_C(1) << bytes) - 1U;
    return STOP_END;
}
