/**
 * @file
 * Recurrent operators: GRU and LSTM over a series, from a state of zeros.
 *
 * States have 15 binary places and 16 bits, pre-activations of gates 16 bits. At every position the rows of both
 * matrices are walked once; the matrix of the state is walked twice in row order where states are multiplied with all
 * 16 bits, for their high and their low bytes. Run time does not depend on the data.
 */
#ifndef TB_RECURRENT_H
#define TB_RECURRENT_H

#include "tb_arith.h"
#include "tb_formats.h"
#include "tb_gates.h"

/** Geometry, curve and working memory of a recurrent operator. Memory is aligned to 4 bytes. */
struct tb_recurrent {
    uint32_t positions, channels, units;
    bool last_only;         /**< only the state behind the last position is written */
    bool backward;          /**< the last position comes first; each state is written where its inputs were read */
    bool wide;              /**< states are multiplied with 16 bits, otherwise as codes of the output */
    uint32_t widen;         /**< shift of pre-activations to 12 binary places */
    uint32_t output_shift;  /**< shift of states to codes of the output */
    uint32_t cell_fraction; /**< binary places of cells */
    const int16_t *curve;   /**< tanh(k / 16) 2^15 for k = 0 .. 128 */
    uint8_t *given;         /**< the position's inputs: `channels` bytes */
    int16_t *gates;         /**< pre-activations: one for each row */
    int16_t *held;          /**< GRU: what the state gives to gate n, `units` */
    int16_t *kept;          /**< LSTM: cells; GRU: states, where they are not wide; `units` */
    uint8_t *operand;       /**< states as they are multiplied: codes, or high bytes; `units` */
    uint8_t *low;           /**< low bytes of wide states, `units` */
};

/** An entry of the curve, by one load whose address is the table plus an offset: all that depends on the data is that.
 */
TB_INLINE int32_t tb_curve_entry(const int16_t *curve, uint32_t index)
{
#if defined(__thumb2__)
    int32_t entry;
    __asm__("ldrsh.w %0, [%1, %2, lsl #1]" : "=r"(entry) : "r"(curve), "r"(index));
    return entry;
#elif defined(__thumb__)
    int32_t entry;
    __asm__("ldrsh %0, [%1, %2]" : "=l"(entry) : "l"(curve), "l"(2U * index));
    return entry;
#else
    return curve[index];
#endif
}

/** The curve at `code`, odd, an entry every 2^bits codes; |code| < 2^(bits + 7). */
TB_INLINE int32_t tb_curve(const int16_t *curve, int32_t code, uint32_t bits)
{
    const int32_t sign = code >> 31;
    const uint32_t magnitude = (uint32_t)((code ^ sign) - sign);
    const int32_t inside = (int32_t)(magnitude & ((1U << bits) - 1U));
    const int32_t start = tb_curve_entry(curve, magnitude >> bits);
    const int32_t slope = tb_curve_entry(curve, (magnitude >> bits) + 1U) - start;
    const int32_t value = start + ((slope * inside + (int32_t)(1U << (bits - 1U))) >> bits);
    return (value ^ sign) - sign;
}

/** tanh with 15 binary places of a code with 12 that may lie beyond 16 bits. */
TB_INLINE int32_t tb_tanh(const int16_t *curve, int32_t code)
{
    return tb_curve(curve, tb_max(tb_min(code, INT16_MAX), -INT16_MAX), 8U);
}

/** The logistic function with 15 binary places of a 16-bit code with 12 - widen: (1 + tanh(x / 2)) / 2. */
TB_INLINE int32_t tb_sigmoid(const int16_t *curve, int32_t code, uint32_t widen)
{
    if (widen > 0U) {
        code = tb_max(tb_min(code * (int32_t)(1U << widen), UINT16_MAX), -UINT16_MAX);
    }
    return ((INT16_MAX + 1) + tb_curve(curve, code, 9U)) >> 1;
}

/** Code of a state. */
TB_INLINE int32_t tb_narrow(int32_t state, uint32_t shift)
{
    return tb_clamp((state + (int32_t)(1U << (shift - 1U))) >> shift, INT8_MIN, INT8_MAX);
}

/** The state of a unit as it was stored. */
TB_INLINE int32_t tb_state(const struct tb_recurrent *layer, uint32_t unit)
{
    if (!layer->wide) {
        return layer->kept[unit];
    }
    return (int8_t)layer->operand[unit] * 256 + layer->low[unit];
}

/** Stores the state of a unit, and its code where `output` is not NULL. */
TB_INLINE void tb_store_state(const struct tb_recurrent *layer, uint32_t unit, int32_t state, uint8_t *output)
{
    if (layer->wide) {
        layer->operand[unit] = (uint8_t)(state >> 8);
        layer->low[unit] = (uint8_t)state;
    } else {
        layer->operand[unit] = (uint8_t)tb_narrow(state, layer->output_shift);
    }
    if (output != NULL) {
        output[unit] = layer->wide ? (uint8_t)tb_narrow(state, layer->output_shift) : layer->operand[unit];
    }
}

/** States and cells of zero, and the inputs of the first position. */
TB_INLINE void tb_recurrent_begin(const struct tb_recurrent *layer)
{
    for (uint32_t unit = 0; unit < layer->units; unit++) {
        layer->operand[unit] = 0;
        if (layer->wide) {
            layer->low[unit] = 0;
        }
        if (layer->kept != NULL) {
            layer->kept[unit] = 0;
        }
    }
}

/** The inputs of a position, copied to where they are aligned. */
TB_INLINE const uint8_t *tb_recurrent_take(const struct tb_recurrent *layer, const uint8_t *input)
{
    for (uint32_t i = 0; i < layer->channels; i++) {
        layer->given[i] = input[i];
    }
    return layer->given;
}

/** New states of gated recurrent units from their gates r, z, n: h = n + z (h - n). */
TB_INLINE void tb_gru_update(const struct tb_recurrent *layer, uint8_t *output)
{
    const int16_t *gates = layer->gates;
    const int32_t half = 1 << 14;
    for (uint32_t unit = 0; unit < layer->units; unit++) {
        const int32_t reset = tb_sigmoid(layer->curve, gates[unit], layer->widen);
        const int32_t keep = tb_sigmoid(layer->curve, gates[layer->units + unit], layer->widen);
        const int32_t sum = gates[2U * layer->units + unit] + ((reset * layer->held[unit] + half) >> 15);
        const int32_t fresh = tb_tanh(layer->curve, sum * (int32_t)(1U << layer->widen));
        /* States lie within -INT16_MAX .. INT16_MAX, so the product stays below 2^31. */
        const int32_t state = fresh + ((keep * (tb_state(layer, unit) - fresh) + half) >> 15);
        if (!layer->wide) {
            layer->kept[unit] = (int16_t)state;
        }
        tb_store_state(layer, unit, state, output);
    }
}

/** New cells and states of long short-term memory from its gates i, f, g, o: c = f c + i g, h = o tanh(c). */
TB_INLINE void tb_lstm_update(const struct tb_recurrent *layer, uint8_t *output)
{
    const int16_t *gates = layer->gates;
    const int32_t half = 1 << 14;
    for (uint32_t unit = 0; unit < layer->units; unit++) {
        const int32_t take = tb_sigmoid(layer->curve, gates[unit], layer->widen);
        const int32_t keep = tb_sigmoid(layer->curve, gates[layer->units + unit], layer->widen);
        const int32_t fresh = tb_tanh(layer->curve, gates[2U * layer->units + unit] * (int32_t)(1U << layer->widen));
        const int32_t show = tb_sigmoid(layer->curve, gates[3U * layer->units + unit], layer->widen);
        const int32_t brought = (take * fresh) >> (15U - layer->cell_fraction);
        const int32_t cell = tb_clamp((keep * layer->kept[unit] + brought + half) >> 15, INT16_MIN, INT16_MAX);
        layer->kept[unit] = (int16_t)cell;
        const int32_t seen = tb_tanh(layer->curve, cell * (int32_t)(1U << (12U - layer->cell_fraction)));
        tb_store_state(layer, unit, (show * seen + half) >> 15, output);
    }
}

/** One operator for each weight format: both matrices, then the update, at every position. */
#define TB_RECURRENT(name, format, weights_type)                                                             \
    TB_INLINE void tb_##name##_##format(struct tb_source input, uint8_t *output, weights_type given_weights, \
                                        struct tb_rows given_rows, weights_type state_weights,               \
                                        struct tb_rows state_rows, struct tb_recurrent layer)                \
    {                                                                                                        \
        const struct tb_operand states = {{layer.operand, true}, layer.wide ? layer.low : NULL};             \
        const struct tb_gates held = {layer.gates, layer.held,                                               \
                                      state_rows.count - (layer.held != NULL ? layer.units : 0U), true};     \
        const struct tb_gates given = {layer.gates, NULL, given_rows.count, false};                          \
        tb_recurrent_begin(&layer);                                                                          \
        for (uint32_t position = 0; position < layer.positions; position++) {                                \
            const uint32_t at = layer.backward ? layer.positions - 1U - position : position;                 \
            const struct tb_operand inputs = {                                                               \
                {tb_recurrent_take(&layer, input.data + at * layer.channels), input.is_signed}, NULL};       \
            tb_gates_##format(inputs, given, given_weights, &given_rows);                                    \
            tb_gates_##format(states, held, state_weights, &state_rows);                                     \
            const bool written = !layer.last_only || position + 1U == layer.positions;                       \
            const uint32_t place = layer.last_only ? 0U : at * layer.units;                                  \
            tb_##name##_update(&layer, written ? output + place : NULL);                                     \
        }                                                                                                    \
    }

TB_RECURRENT(gru, dense, struct tb_dense)
TB_RECURRENT(gru, index, struct tb_index_words)
TB_RECURRENT(gru, huffman, struct tb_huffman)
TB_RECURRENT(lstm, dense, struct tb_dense)
TB_RECURRENT(lstm, index, struct tb_index_words)
TB_RECURRENT(lstm, huffman, struct tb_huffman)

#endif
