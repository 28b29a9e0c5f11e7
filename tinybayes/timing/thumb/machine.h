/**
 * @file machine.h
 * @brief What the parts of the interpreter share: values, registers, flags, memory.
 *
 * Instructions are those of the Armv8-M Architecture Reference Manual (DDI 0553), part C2.
 */
#ifndef MACHINE_H
#define MACHINE_H

#include "interpreter.h"

/** @brief A value, and whether it is unknown. */
struct word {
    uint32_t value;
    bool unknown;
};

static inline uint32_t sign_extended(uint32_t value, uint32_t bits)
{
    const uint32_t sign = UINT32_C(1) << (bits - 1U);
    const uint32_t low = bits == 32U ? value : value & ((UINT32_C(1) << bits) - 1U);
    return (low ^ sign) - sign;
}

static inline int64_t as_signed(uint32_t value)
{
    return (int64_t)(int32_t)value;
}

static inline uint32_t low_half(uint32_t value)
{
    return sign_extended(value, 16);
}

static inline uint32_t high_half(uint32_t value)
{
    return sign_extended(value >> 16, 16);
}

static inline uint32_t rotated_right(uint32_t value, uint32_t amount)
{
    return amount % 32U == 0U ? value : value >> amount % 32U | value << (32U - amount % 32U);
}

static inline struct word get(const struct machine *m, uint8_t reg)
{
    return (struct word){m->r[reg], m->r_unknown[reg] != 0};
}

static inline void put(struct machine *m, uint8_t reg, uint32_t value, bool unknown)
{
    m->r[reg] = value;
    m->r_unknown[reg] = unknown;
}

static inline void set_flags_unknown(struct machine *m, uint8_t which, bool unknown)
{
    m->flags_unknown = (uint8_t)(unknown ? m->flags_unknown | which : m->flags_unknown & ~which);
}

static inline void set_nz(struct machine *m, uint32_t value, bool unknown)
{
    m->n = value >> 31 != 0U;
    m->z = value == 0U;
    set_flags_unknown(m, FLAG_NZ, unknown);
}

/** @brief Reads little-endian from memory; false, with the address as detail, where there is none. */
bool read_memory(struct machine *m, uint32_t address, uint32_t size_bytes, struct word *result);
/** @brief Writes likewise; constants cannot be written. */
bool write_memory(struct machine *m, uint32_t address, uint32_t size_bytes, struct word word);

/** @brief Loads from somewhere behind `table`, unknown where: false unless constants lie there. The result is unknown.
 */
bool look_up(struct machine *m, uint32_t table, uint32_t size_bytes);

/** @brief Whether a condition holds by the flags, and whether that is unknown. */
bool condition_holds(const struct machine *m, uint8_t condition, bool *unknown);
/** @brief Register rm, shifted, and the shifter's carry. */
struct word shifted(const struct machine *m, const struct instruction *i, bool *carry, bool *carry_unknown);
uint32_t saturated(int64_t value, int64_t low, int64_t high);

/* Each runs one instruction. Those that can stop return an enum stop; `next` is the address that is executed next. */
void run_arithmetic(struct machine *m, const struct instruction *i);
void run_product(struct machine *m, const struct instruction *i);
void run_lanes(struct machine *m, const struct instruction *i);
void run_other(struct machine *m, const struct instruction *i);
void run_long_shift(struct machine *m, const struct instruction *i);
int run_access(struct machine *m, const struct instruction *i, uint32_t *next);
int run_multiple(struct machine *m, const struct instruction *i, uint32_t *next);
int run_float(struct machine *m, const struct instruction *i);
int run_vector_access(struct machine *m, const struct instruction *i);
void run_vector_fill(struct machine *m, const struct instruction *i);
void run_vector(struct machine *m, const struct instruction *i);
int run_vector_predicate(struct machine *m, const struct instruction *i);
int run_branch(struct machine *m, const struct instruction *i, uint32_t *next);

#endif
