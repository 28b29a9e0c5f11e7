/**
 * @file interpreter.h
 * @brief Executes decoded Thumb instructions and follows, byte for byte, what depends on unknown data.
 *
 * Every register, flag and byte of memory has a mark that says whether its value is known. What is computed from
 * something unknown is unknown. A branch, an address or an operand that decides how long an instruction takes must be
 * known: then the trace, and with it the time, is the same for all data. Anything else stops the run. The one address
 * that may be unknown is that of a load at an unknown offset from a known address of constants: a table is looked up,
 * and wherever that reads, it reads the same memory.
 */
#ifndef INTERPRETER_H
#define INTERPRETER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** @brief Operations; Python reads the names from the library, so that there is one list. */
/* clang-format off */
#define OPERATIONS(X) \
    X(unknown) X(nop) X(mov) X(mvn) X(add) X(adc) X(sub) X(sbc) X(rsb) X(and) X(orr) X(orn) X(eor) X(bic) \
    X(cmp) X(cmn) X(tst) X(teq) X(movt) X(mul) X(mla) X(mls) X(umull) X(smull) X(umlal) X(smlal) X(umaal) \
    X(udiv) X(sdiv) X(smulxy) X(smlaxy) X(smulwy) X(smlawy) X(smlalxy) X(smuad) X(smusd) X(smlad) X(smlsd) \
    X(smlald) X(smlsld) X(smmul) X(smmla) X(smmls) X(extend) X(extend16) X(pkhbt) X(pkhtb) X(ssat) X(usat) \
    X(ssat16) X(usat16) X(qadd) X(qsub) X(qdadd) X(qdsub) X(lanes) X(sel) X(usad8) X(bfi) X(bfc) X(ubfx) \
    X(sbfx) X(clz) X(rbit) X(rev) X(rev16) X(revsh) X(load) X(store) X(loadpair) X(storepair) X(ldm) X(stm) \
    X(b) X(bl) X(bx) X(blx) X(cbz) X(cbnz) X(tbb) X(tbh) X(csel) X(csinc) X(csinv) X(csneg) X(dls) X(wls) X(le) \
    X(lsll) X(lsrl) X(asrl) X(vmov) X(vmovtwo) X(vload) X(vstore) X(vldm) X(vstm) \
    X(letp) X(vector) X(vectorload) X(vectorstore) X(vectorfill) X(vectorcount) X(vctp)
/* clang-format on */

enum operation {
#define X(name) OP_##name,
    OPERATIONS(X)
#undef X
        OPERATION_COUNT
};

/** @brief Bits of `struct instruction.bits`. */
enum {
    BIT_SETS = 1,            /**< sets the flags */
    BIT_IMMEDIATE = 2,       /**< the second operand is `immediate` */
    BIT_AMOUNT_IN_REG = 4,   /**< `amount` is the register that holds the shift amount */
    BIT_WRITEBACK = 8,       /**< the base register is updated */
    BIT_POST = 16,           /**< the base register is updated after the access */
    BIT_SIGNED = 32,         /**< loads and extensions keep the sign */
    BIT_KNOWN_OPERANDS = 64, /**< the core takes longer for some operands */
    BIT_ONE_CYCLE = 128,     /**< takes one cycle, whether its condition holds or not */
};

enum shift { SHIFT_LSL, SHIFT_LSR, SHIFT_ASR, SHIFT_ROR, SHIFT_RRX };

#define NO_REGISTER 0xFFu
#define ALWAYS 14u

/** @brief One instruction, as Python decoded it. Floating-point registers are numbered as single ones. */
struct instruction {
    uint32_t address;
    uint32_t immediate; /**< constant, branch target, or mask of registers */
    uint16_t operation;
    int16_t owner; /**< for whom instructions count from here on, or OWNER_SAME */
    uint8_t size_bytes, condition, bits;
    uint8_t rd, rn, rm, ra;
    uint8_t shift, amount;
    uint8_t width_bytes; /**< of a memory access or lane */
    uint8_t lane_bytes;  /**< of a vector */
    uint8_t predicate;   /**< PREDICATE_... */
    uint32_t floats;     /**< mask of the single registers that become unknown */
};

enum { PREDICATE_NONE, PREDICATE_THEN, PREDICATE_ELSE };

enum { OWNER_SAME = -1 };

/** @brief Memory; `unknown` has one byte for each byte and is NULL where everything is known and constant. */
struct memory {
    uint32_t base, size_bytes;
    uint8_t *bytes, *unknown;
};

/** @brief How often control went from one instruction to another that does not follow it. */
struct edge {
    uint64_t count;
    uint32_t source, target; /**< addresses; the entry is empty where count is 0 */
    uint32_t owner;
};

enum stop {
    STOP_END,       /**< the end was reached */
    STOP_CONDITION, /**< whether an instruction runs depends on unknown data */
    STOP_ADDRESS,   /**< an address depends on unknown data */
    STOP_OPERAND,   /**< how long an instruction takes depends on unknown data */
    STOP_TARGET,    /**< where a branch goes depends on unknown data */
    STOP_UNKNOWN,   /**< an instruction that this interpreter does not know */
    STOP_NO_CODE,   /**< control went to where there is no instruction; `detail` is the address */
    STOP_NO_MEMORY, /**< an access outside of all memories, or a store to constants; `detail` is the address */
    STOP_TOO_LONG,  /**< `limit` instructions were executed */
    STOP_FULL,      /**< the host ran out of memory */
};

struct machine {
    uint32_t r[16];
    uint32_t s[32];
    uint8_t r_unknown[16];
    uint8_t s_unknown[32];
    bool n, z, c, v;
    uint8_t ge;
    uint8_t flags_unknown; /**< FLAG_... */
    uint32_t lanes;        /**< VPR.P0: one bit for each byte of a vector */
    bool lanes_unknown;
    uint8_t tail_bytes; /**< of the lanes in a loop with tail predication, or 0 */

    const struct instruction *code;
    uint32_t code_count;
    const int32_t *index_of_halfword; /**< of the address minus code_base, -1 where no instruction starts */
    uint32_t code_base, code_halfwords;
    struct memory *memories;
    uint32_t memory_count;

    uint32_t entry_address; /**< the function that counts; when it is entered, RAM but its callers' frames is unknown */
    uint32_t return_address; /**< where the run ends, once entered */
    bool entered;

    uint64_t *counts;         /**< [owner][instruction] */
    uint64_t *flash_bytes;    /**< [owner][instruction]: loaded from memory that is constant */
    uint64_t *loads, *stores; /**< [owner]: accesses, one for each register */
    uint64_t executed, limit;

    struct edge *edges; /**< hash table */
    uint32_t edge_slots, edge_count;

    uint32_t loads_now, stores_now, flash_bytes_now; /**< of the instruction under way */
    uint32_t stop_address, detail;
};

enum { FLAG_NZ = 1, FLAG_C = 2, FLAG_V = 4, FLAG_GE = 8, FLAGS_NZCV = 7 };

#define EXPORTED __attribute__((visibility("default")))

EXPORTED const char *operation_name(uint32_t operation);
/** @brief Runs from r[15] until the function at entry_address returns; returns an enum stop. */
EXPORTED int machine_run(struct machine *machine);
EXPORTED void machine_release(struct machine *machine);

#endif
