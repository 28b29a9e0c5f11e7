/**
 * @file
 * Integer arithmetic shared by all kernels: loads, clamps without branches, requantization.
 *
 * Run time never depends on the data: there is no branch on an activation.
 * Right shifts of negative numbers are arithmetic on every compiler this code is built with (checked below).
 */
#ifndef TB_ARITH_H
#define TB_ARITH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

_Static_assert((-3 >> 1) == -2, "right shifts of negative numbers must be arithmetic");

/*
 * No access of more than a byte at an address that is no multiple of its size, so that a program may have such accesses
 * trap (CCR.UNALIGN_TRP). gcc 12 would make them on its own on Armv7-M and later: it turns bytes that are written or
 * copied one behind the other into words, and loops that fill memory into stores that overlap.
 */
#if defined(__arm__) && !defined(__clang__)
#pragma GCC optimize("no-store-merging", "no-tree-loop-distribute-patterns", "no-tree-slp-vectorize")
#if !defined(__ARM_FEATURE_MVE)
#pragma GCC optimize("no-tree-loop-vectorize")
#endif
/* Most instructions of loops are 32 bits wide there, and slower where they lie across two words. */
#if defined(__thumb2__)
#pragma GCC optimize("align-loops=4")
#endif
#endif

/** Kernels are inlined into one function per layer, where their constant parameters fold away. */
#define TB_INLINE static inline __attribute__((always_inline))

/**
 * A layer stays a function of its own, so that its code and its instructions can be told from the others'.
 *
 * `noipa` is for gcc 12, which can take a store for an access of address 0 after it has rewritten induction variables
 * (`MEM[0 + &multipliers + 2 * row]`), conclude that the layer's function has no effect, and drop the call.
 */
#if defined(__clang__)
#define TB_STEP static __attribute__((noinline))
#else
#define TB_STEP static __attribute__((noipa))
#endif

/** An activation in memory: `is_signed` tells int8 codes from uint8 codes. */
struct tb_source {
    const uint8_t *data;
    bool is_signed;
};

/** Requantization of one layer; see the reference for its definition. `multipliers` is NULL for one per layer. */
struct tb_requant {
    const int16_t *multipliers;
    int32_t multiplier;
    uint32_t pre_shift;
    uint32_t post_shift;
    int32_t low;
    int32_t high;
    bool saturate; /**< the shifted accumulator must be clamped to 16 bits */
};

/** What every row of a layer needs besides its weights. Exactly one of the bias pointers is not NULL. */
struct tb_rows {
    uint32_t count;
    const int8_t *bias8;
    const int16_t *bias16;
    const int32_t *bias32;
    uint32_t bias_shift;
    struct tb_requant requant;
};

/** One activation code as an integer. */
TB_INLINE int32_t tb_load(struct tb_source source, uint32_t index)
{
    const uint8_t *address = source.data + index;
    return source.is_signed ? (int32_t) * (const int8_t *)address : (int32_t)*address;
}

/** Larger of two values whose difference fits 32 bits. */
TB_INLINE int32_t tb_max(int32_t a, int32_t b)
{
    const int32_t difference = a - b;
    return a - (difference & (difference >> 31));
}

/** Smaller of two values whose difference fits 32 bits. */
TB_INLINE int32_t tb_min(int32_t a, int32_t b)
{
    const int32_t difference = a - b;
    return b + (difference & (difference >> 31));
}

/** Accumulator before the first product of row `row`. */
TB_INLINE int32_t tb_bias(const struct tb_rows *rows, uint32_t row)
{
    const int32_t unit = (int32_t)(1U << rows->bias_shift);
    if (rows->bias8 != NULL) {
        return rows->bias8[row] * unit;
    }
    return (rows->bias16 != NULL ? rows->bias16[row] : rows->bias32[row]) * unit;
}

/** `value` clamped to `low` .. `high`: one instruction where there is one for it. */
TB_INLINE int32_t tb_clamp(int32_t value, int32_t low, int32_t high)
{
#if defined(__ARM_FEATURE_SAT)
    int32_t clamped;
    if (low == 0 && high == UINT8_MAX) {
        __asm__("usat %0, #8, %1" : "=r"(clamped) : "r"(value));
        return clamped;
    }
    if (low == INT8_MIN && high == INT8_MAX) {
        __asm__("ssat %0, #8, %1" : "=r"(clamped) : "r"(value));
        return clamped;
    }
    if (low == INT16_MIN && high == INT16_MAX) {
        __asm__("ssat %0, #16, %1" : "=r"(clamped) : "r"(value));
        return clamped;
    }
#else
    if (high - low == UINT8_MAX) {
        /* A byte: what is negative becomes zero, and what is larger all ones. */
        int32_t byte = value - low;
        byte &= ~(byte >> 31);
        byte |= (UINT8_MAX - byte) >> 31;
        return (int32_t)(uint8_t)byte + low;
    }
#endif
    return tb_max(tb_min(value, high), low);
}

/** `value >> shift` clamped to `low..high`; the bounds are constants of the layer. */
TB_INLINE int32_t tb_shift_clamp(int32_t value, uint32_t shift, int32_t low, int32_t high)
{
#if defined(__OPTIMIZE__) && defined(__ARM_FEATURE_SAT)
    int32_t clamped;
    if (__builtin_constant_p(shift) && shift > 0U && (high & (high + 1)) == 0 && high > 0) {
        if (low == 0) {
            __asm__("usat %0, %1, %2, asr %3"
                    : "=r"(clamped)
                    : "i"(32 - __builtin_clz((uint32_t)high)), "r"(value), "i"(shift));
            return clamped;
        }
        if (low == -high - 1) {
            __asm__("ssat %0, %1, %2, asr %3"
                    : "=r"(clamped)
                    : "i"(33 - __builtin_clz((uint32_t)high)), "r"(value), "i"(shift));
            return clamped;
        }
    }
#endif
    return tb_clamp(value >> shift, low, high);
}

/** Code of channel `channel` for `accumulator`. */
TB_INLINE int32_t tb_requantize(const struct tb_requant *requant, uint32_t channel, int32_t accumulator)
{
    const int32_t multiplier = requant->multipliers != NULL ? requant->multipliers[channel] : requant->multiplier;
    const int32_t half = (int32_t)(1U << (requant->post_shift - 1U));
    const int32_t value = requant->saturate ? tb_shift_clamp(accumulator, requant->pre_shift, INT16_MIN, INT16_MAX)
                                            : accumulator >> requant->pre_shift;
    return tb_shift_clamp(value * multiplier + half, requant->post_shift, requant->low, requant->high);
}

#endif
