/**
 * @file interpreter.c
 * @brief Runs and counts instructions; see interpreter.h.
 */
#include "machine.h"

#include <stdlib.h>
#include <string.h>

static const char *const names[OPERATION_COUNT] = {
#define X(name) #name,
    OPERATIONS(X)
#undef X
};

const char *operation_name(uint32_t operation)
{
    return operation < OPERATION_COUNT ? names[operation] : NULL;
}

static bool grow_edges(struct machine *m)
{
    const uint32_t slots = m->edge_slots == 0U ? 1024U : 2U * m->edge_slots;
    struct edge *const table = calloc(slots, sizeof *table);
    if (table == NULL) {
        return false;
    }
    for (uint32_t k = 0; k < m->edge_slots; k++) {
        const struct edge edge = m->edges[k];
        if (edge.count != 0U) {
            uint32_t slot = (edge.source * 2654435761U + edge.target * 40503U + edge.owner) & (slots - 1U);
            while (table[slot].count != 0U) {
                slot = (slot + 1U) & (slots - 1U);
            }
            table[slot] = edge;
        }
    }
    free(m->edges);
    m->edges = table;
    m->edge_slots = slots;
    return true;
}

static bool count_edge(struct machine *m, uint32_t owner, uint32_t source, uint32_t target)
{
    if (2U * m->edge_count >= m->edge_slots && !grow_edges(m)) {
        return false;
    }
    uint32_t slot = (source * 2654435761U + target * 40503U + owner) & (m->edge_slots - 1U);
    for (;;) {
        struct edge *const edge = &m->edges[slot];
        if (edge->count == 0U) {
            *edge = (struct edge){.count = 1, .source = source, .target = target, .owner = owner};
            m->edge_count++;
            return true;
        }
        if (edge->source == source && edge->target == target && edge->owner == owner) {
            edge->count++;
            return true;
        }
        slot = (slot + 1U) & (m->edge_slots - 1U);
    }
}

void machine_release(struct machine *machine)
{
    free(machine->edges);
    machine->edges = NULL;
    machine->edge_slots = machine->edge_count = 0;
}

/** @brief Branches and loops. */
int run_branch(struct machine *m, const struct instruction *i, uint32_t *next)
{
    const uint32_t after = i->address + i->size_bytes;
    switch (i->operation) {
    case OP_b:
        *next = i->immediate;
        return STOP_END;
    case OP_bl:
        put(m, 14, after | 1U, false);
        *next = i->immediate;
        return STOP_END;
    case OP_bx:
    case OP_blx: {
        const struct word target = get(m, i->rm);
        if (target.unknown) {
            return STOP_TARGET;
        }
        if (i->operation == OP_blx) {
            put(m, 14, after | 1U, false);
        }
        *next = target.value & ~UINT32_C(1);
        return STOP_END;
    }
    case OP_cbz:
    case OP_cbnz: {
        const struct word word = get(m, i->rn);
        if (word.unknown) {
            return STOP_CONDITION;
        }
        if ((word.value == 0U) == (i->operation == OP_cbz)) {
            *next = i->immediate;
        }
        return STOP_END;
    }
    case OP_tbb:
    case OP_tbh: {
        const struct word base = get(m, i->rn), index = get(m, i->rm);
        const uint32_t width_bytes = i->operation == OP_tbb ? 1U : 2U;
        struct word entry;
        if (base.unknown || index.unknown) {
            return STOP_TARGET;
        }
        if (!read_memory(m, base.value + index.value * width_bytes, width_bytes, &entry)) {
            return STOP_NO_MEMORY;
        }
        *next = i->address + 4U + 2U * entry.value;
        return entry.unknown ? STOP_TARGET : STOP_END;
    }
    case OP_dls:
    case OP_wls: {
        const struct word count = get(m, i->rn);
        if (count.unknown) {
            return STOP_CONDITION;
        }
        if (i->operation == OP_wls && count.value == 0U) {
            *next = i->immediate;
        } else {
            put(m, 14, count.value, false);
            m->tail_bytes = i->lane_bytes;
        }
        return STOP_END;
    }
    case OP_letp: {
        const uint32_t lanes = 16U / (m->tail_bytes != 0U ? m->tail_bytes : 1U);
        if (m->r_unknown[14] != 0) {
            return STOP_CONDITION;
        }
        if (m->r[14] > lanes) {
            m->r[14] -= lanes;
            *next = i->immediate;
        } else {
            m->tail_bytes = 0;
        }
        return STOP_END;
    }
    default: /* le */
        if (m->r_unknown[14] != 0) {
            return STOP_CONDITION;
        }
        if (m->r[14] > 1U) {
            m->r[14]--;
            *next = i->immediate;
        }
        return STOP_END;
    }
}

/** @brief When the network is entered, only its arguments are known, constants, and the frames of its callers. */
static void forget_data(struct machine *m)
{
    memset(&m->r_unknown[3], 1, 10);
    memset(m->s_unknown, 1, sizeof m->s_unknown);
    m->flags_unknown = FLAGS_NZCV | FLAG_GE;
    m->lanes_unknown = true;
    for (uint32_t k = 0; k < m->memory_count; k++) {
        struct memory *const memory = &m->memories[k];
        if (memory->unknown != NULL) {
            const uint32_t below_stack = m->r[13] - memory->base;
            memset(memory->unknown, 1, below_stack <= memory->size_bytes ? below_stack : memory->size_bytes);
        }
    }
}

static bool operands_unknown(const struct machine *m, const struct instruction *i)
{
    return (i->rn != NO_REGISTER && m->r_unknown[i->rn] != 0) || (i->rm != NO_REGISTER && m->r_unknown[i->rm] != 0);
}

static int run_one(struct machine *m, const struct instruction *i, uint32_t *next)
{
    if ((i->bits & BIT_KNOWN_OPERANDS) != 0 && operands_unknown(m, i)) {
        return STOP_OPERAND;
    }
    switch (i->operation) {
    case OP_unknown:
        return STOP_UNKNOWN;
    case OP_nop:
        return STOP_END;
    case OP_mov:
    case OP_mvn:
    case OP_add:
    case OP_adc:
    case OP_sub:
    case OP_sbc:
    case OP_rsb:
    case OP_and:
    case OP_orr:
    case OP_orn:
    case OP_eor:
    case OP_bic:
    case OP_cmp:
    case OP_cmn:
    case OP_tst:
    case OP_teq:
        if (i->rd == 15U) {
            return STOP_UNKNOWN;
        }
        run_arithmetic(m, i);
        return STOP_END;
    case OP_mul:
    case OP_mla:
    case OP_mls:
    case OP_umull:
    case OP_smull:
    case OP_umlal:
    case OP_smlal:
    case OP_umaal:
    case OP_smulxy:
    case OP_smlaxy:
    case OP_smulwy:
    case OP_smlawy:
    case OP_smlalxy:
    case OP_smuad:
    case OP_smusd:
    case OP_smlad:
    case OP_smlsd:
    case OP_smlald:
    case OP_smlsld:
    case OP_smmul:
    case OP_smmla:
    case OP_smmls:
        run_product(m, i);
        return STOP_END;
    case OP_lanes:
        run_lanes(m, i);
        return STOP_END;
    case OP_load:
    case OP_store:
    case OP_loadpair:
    case OP_storepair:
        return run_access(m, i, next);
    case OP_ldm:
    case OP_stm:
        return run_multiple(m, i, next);
    case OP_b:
    case OP_bl:
    case OP_bx:
    case OP_blx:
    case OP_cbz:
    case OP_cbnz:
    case OP_tbb:
    case OP_tbh:
    case OP_dls:
    case OP_wls:
    case OP_le:
        return run_branch(m, i, next);
    case OP_letp:
        return run_branch(m, i, next);
    case OP_vector:
        run_vector(m, i);
        return STOP_END;
    case OP_vectorload:
    case OP_vectorstore:
        return run_vector_access(m, i);
    case OP_vectorfill:
    case OP_vectorcount:
        run_vector_fill(m, i);
        return STOP_END;
    case OP_vctp:
        return run_vector_predicate(m, i);
    case OP_lsll:
    case OP_lsrl:
    case OP_asrl:
        run_long_shift(m, i);
        return STOP_END;
    case OP_vmov:
    case OP_vmovtwo:
    case OP_vload:
    case OP_vstore:
    case OP_vldm:
    case OP_vstm:
        return run_float(m, i);
    default:
        run_other(m, i);
        return STOP_END;
    }
}

/** @brief Runs a conditional instruction. Where the condition is unknown, so is what the instruction may change. */
static int run_conditional(struct machine *m, const struct instruction *i, uint32_t *next)
{
    bool unknown;
    const bool holds = condition_holds(m, i->condition, &unknown);
    if (unknown && (i->bits & BIT_ONE_CYCLE) == 0) {
        return STOP_CONDITION;
    }
    if (holds) {
        const int stop = run_one(m, i, next);
        if (stop != STOP_END) {
            return stop;
        }
    }
    if (unknown) {
        if (i->rd != NO_REGISTER) {
            m->r_unknown[i->rd] = 1;
        }
        if ((i->bits & BIT_SETS) != 0) {
            m->flags_unknown |= FLAGS_NZCV;
        }
    }
    return STOP_END;
}

/** @brief Adds the instruction that was just executed to what `owner` has executed. */
static bool count_instruction(struct machine *m, uint32_t owner, uint32_t index, uint32_t next)
{
    const struct instruction *const i = &m->code[index];
    const size_t slot = (size_t)owner * m->code_count + index;
    m->counts[slot]++;
    m->flash_bytes[slot] += m->flash_bytes_now;
    m->loads[owner] += m->loads_now;
    m->stores[owner] += m->stores_now;
    return next == i->address + i->size_bytes || count_edge(m, owner, i->address, next);
}

int machine_run(struct machine *m)
{
    uint32_t owner = 0;
    uint32_t address = m->r[15];
    for (;;) {
        m->stop_address = address;
        if (m->entered && address == m->return_address) {
            return STOP_END;
        }
        const uint32_t halfword = (address - m->code_base) / 2U;
        const int32_t index = halfword < m->code_halfwords ? m->index_of_halfword[halfword] : -1;
        if (index < 0) {
            m->detail = address;
            return STOP_NO_CODE;
        }
        const struct instruction *const i = &m->code[index];
        if (address == m->entry_address && !m->entered) {
            m->entered = true;
            m->return_address = m->r[14] & ~UINT32_C(1);
            forget_data(m);
        }
        if (m->executed++ >= m->limit) {
            return STOP_TOO_LONG;
        }
        if (i->owner != OWNER_SAME) {
            owner = (uint32_t)i->owner;
        }
        put(m, 15, address + 4U, false);
        m->loads_now = m->stores_now = m->flash_bytes_now = 0;
        uint32_t next = address + i->size_bytes;
        const int stop = i->condition == ALWAYS ? run_one(m, i, &next) : run_conditional(m, i, &next);
        if (stop != STOP_END) {
            return stop;
        }
        if (m->entered && !count_instruction(m, owner, (uint32_t)index, next)) {
            return STOP_FULL;
        }
        address = next;
    }
}
