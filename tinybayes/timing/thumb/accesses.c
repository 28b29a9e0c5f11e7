/**
 * @file accesses.c
 * @brief Memory, loads and stores, and moves of floating-point registers.
 */
#include "machine.h"

static struct memory *find_memory(struct machine *m, uint32_t address, uint32_t size_bytes)
{
    for (uint32_t k = 0; k < m->memory_count; k++) {
        struct memory *const memory = &m->memories[k];
        const uint32_t offset = address - memory->base;
        if (offset < memory->size_bytes && size_bytes <= memory->size_bytes - offset) {
            return memory;
        }
    }
    m->detail = address;
    return NULL;
}

bool read_memory(struct machine *m, uint32_t address, uint32_t size_bytes, struct word *result)
{
    const struct memory *const memory = find_memory(m, address, size_bytes);
    if (memory == NULL) {
        return false;
    }
    const uint32_t offset = address - memory->base;
    m->loads_now++;
    m->flash_bytes_now += memory->unknown == NULL ? size_bytes : 0U;
    *result = (struct word){0, false};
    for (uint32_t k = 0; k < size_bytes; k++) {
        result->value |= (uint32_t)memory->bytes[offset + k] << 8U * k;
        result->unknown |= memory->unknown != NULL && memory->unknown[offset + k] != 0;
    }
    return true;
}

bool write_memory(struct machine *m, uint32_t address, uint32_t size_bytes, struct word word)
{
    struct memory *const memory = find_memory(m, address, size_bytes);
    if (memory == NULL || memory->unknown == NULL) {
        m->detail = address;
        return false;
    }
    const uint32_t offset = address - memory->base;
    m->stores_now++;
    for (uint32_t k = 0; k < size_bytes; k++) {
        memory->bytes[offset + k] = (uint8_t)(word.value >> 8U * k);
        memory->unknown[offset + k] = word.unknown;
    }
    return true;
}

bool look_up(struct machine *m, uint32_t table, uint32_t size_bytes)
{
    const struct memory *const memory = find_memory(m, table, size_bytes);
    if (memory == NULL || memory->unknown != NULL) {
        return false;
    }
    m->loads_now++;
    m->flash_bytes_now += size_bytes;
    return true;
}

static struct word base_of(const struct machine *m, const struct instruction *i)
{
    const struct word base = get(m, i->rn);
    return i->rn == 15U ? (struct word){base.value & ~UINT32_C(3), false} : base;
}

int run_access(struct machine *m, const struct instruction *i, uint32_t *next)
{
    bool ignored, ignored_too;
    const struct word base = base_of(m, i);
    const struct word offset =
        i->rm == NO_REGISTER ? (struct word){i->immediate, false} : shifted(m, i, &ignored, &ignored_too);
    if (base.unknown || offset.unknown) {
        const bool plain = i->operation == OP_load && i->rm != NO_REGISTER && (i->bits & BIT_WRITEBACK) == 0;
        const uint32_t table = base.unknown ? offset.value : base.value;
        if (!plain || i->rd == 15U || (base.unknown && offset.unknown) || !look_up(m, table, i->width_bytes)) {
            return STOP_ADDRESS;
        }
        put(m, i->rd, 0, true);
        return STOP_END;
    }
    const uint32_t moved = base.value + offset.value;
    const uint32_t address = (i->bits & BIT_POST) != 0 ? base.value : moved;
    const bool is_pair = i->operation == OP_loadpair || i->operation == OP_storepair;
    if (i->operation == OP_store || i->operation == OP_storepair) {
        if (!write_memory(m, address, i->width_bytes, get(m, i->rd)) ||
            (is_pair && !write_memory(m, address + 4U, 4, get(m, i->ra)))) {
            return STOP_NO_MEMORY;
        }
        if ((i->bits & BIT_WRITEBACK) != 0) {
            m->r[i->rn] = moved;
        }
        return STOP_END;
    }
    struct word first, second = {0, false};
    if (!read_memory(m, address, i->width_bytes, &first) || (is_pair && !read_memory(m, address + 4U, 4, &second))) {
        return STOP_NO_MEMORY;
    }
    if ((i->bits & BIT_WRITEBACK) != 0) {
        m->r[i->rn] = moved;
    }
    if ((i->bits & BIT_SIGNED) != 0) {
        first.value = sign_extended(first.value, 8U * i->width_bytes);
    }
    if (is_pair) {
        put(m, i->ra, second.value, second.unknown);
    }
    if (i->rd == 15U) {
        *next = first.value & ~UINT32_C(1);
        return first.unknown ? STOP_TARGET : STOP_END;
    }
    put(m, i->rd, first.value, first.unknown);
    return STOP_END;
}

/** @brief LDM and STM; `immediate` is the mask of registers, `amount` 1 where the base goes down before. */
int run_multiple(struct machine *m, const struct instruction *i, uint32_t *next)
{
    const struct word base = get(m, i->rn);
    if (base.unknown) {
        return STOP_ADDRESS;
    }
    uint32_t count = 0;
    for (uint32_t k = 0; k < 16U; k++) {
        count += i->immediate >> k & 1U;
    }
    uint32_t at = i->amount != 0U ? base.value - 4U * count : base.value;
    const uint32_t moved = i->amount != 0U ? at : base.value + 4U * count;
    bool loads_base = false;
    for (uint8_t k = 0; k < 16U; k++) {
        if ((i->immediate >> k & 1U) == 0U) {
            continue;
        }
        if (i->operation == OP_stm) {
            if (!write_memory(m, at, 4, get(m, k))) {
                return STOP_NO_MEMORY;
            }
        } else {
            struct word word;
            if (!read_memory(m, at, 4, &word)) {
                return STOP_NO_MEMORY;
            }
            loads_base |= k == i->rn;
            if (k == 15U) {
                *next = word.value & ~UINT32_C(1);
                if (word.unknown) {
                    return STOP_TARGET;
                }
            } else {
                put(m, k, word.value, word.unknown);
            }
        }
        at += 4U;
    }
    if ((i->bits & BIT_WRITEBACK) != 0 && !loads_base) {
        m->r[i->rn] = moved;
    }
    return STOP_END;
}

/** @brief Moves, loads and stores of floating-point registers, as the compiler uses them to keep integers. */
int run_float(struct machine *m, const struct instruction *i)
{
    const uint32_t words = i->width_bytes / 4U;
    if (i->operation == OP_vmov) { /* `immediate`: 0 to a core register, 1 from one, 2 among themselves */
        for (uint32_t k = 0; k < words; k++) {
            const struct word from =
                i->immediate == 1U ? get(m, i->rn) : (struct word){m->s[i->rn + k], m->s_unknown[i->rn + k] != 0};
            if (i->immediate == 0U) {
                put(m, i->rd, from.value, from.unknown);
            } else {
                m->s[i->rd + k] = from.value;
                m->s_unknown[i->rd + k] = from.unknown;
            }
        }
        return STOP_END;
    }
    if (i->operation == OP_vmovtwo) { /* `immediate`: 0 to core registers rd and ra, 1 from them */
        const uint8_t core[2] = {i->rd, i->ra};
        for (uint32_t k = 0; k < 2U; k++) {
            if (i->immediate == 0U) {
                put(m, core[k], m->s[i->rn + k], m->s_unknown[i->rn + k] != 0);
            } else {
                m->s[i->rn + k] = m->r[core[k]];
                m->s_unknown[i->rn + k] = m->r_unknown[core[k]];
            }
        }
        return STOP_END;
    }
    const struct word base = base_of(m, i);
    if (base.unknown) {
        return STOP_ADDRESS;
    }
    const bool down = i->amount != 0U;
    uint32_t at = base.value + (down ? 0U - 4U * words : i->immediate);
    for (uint32_t k = 0; k < words; k++, at += 4U) {
        struct word word = {m->s[i->rd + k], m->s_unknown[i->rd + k] != 0};
        if (i->operation == OP_vstore || i->operation == OP_vstm) {
            if (!write_memory(m, at, 4, word)) {
                return STOP_NO_MEMORY;
            }
        } else {
            if (!read_memory(m, at, 4, &word)) {
                return STOP_NO_MEMORY;
            }
            m->s[i->rd + k] = word.value;
            m->s_unknown[i->rd + k] = word.unknown;
        }
    }
    if ((i->bits & BIT_WRITEBACK) != 0) {
        m->r[i->rn] = down ? base.value - 4U * words : at;
    }
    return STOP_END;
}
