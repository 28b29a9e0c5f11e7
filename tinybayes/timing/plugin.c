/**
 * @file plugin.c
 * @brief QEMU TCG plugin: what was executed between two marks, and for which step of the network.
 *
 * Arguments: `spec=FILE` says what to count, `out=FILE` receives the counts. Lines of the specification, with
 * hexadecimal addresses without the Thumb bit; an address range ends before its second address:
 *
 *     begin FIRST END      the function that opens a window of counting; its own instructions never count
 *     end FIRST END        the function that closes it; its own instructions never count
 *     outside FIRST END    a function whose instructions never count: who calls the entry
 *     entry FIRST END      the function that calls the steps: what it executes counts for the entry
 *     step ID FIRST        the function of step ID (decimal): what runs from its first instruction on counts for it
 *     flash FIRST END      memory whose loads are counted apart
 *     access FIRST         an instruction that accesses memory
 *     probe FIRST          one that may load from flash
 *
 * The last two come after all others.
 *
 * What else runs in a window counts for whom it counted before, so that a function that several steps call is split
 * among them. Written are, for each owner: how often each translation block was executed, with the addresses of its
 * instructions; how often control went from the last instruction of one block to the first of another, which counts
 * for the owner of the former; and how often each instruction accessed memory, with the bytes of flash that it loaded.
 * The size of an instruction, which QEMU 7.2 misreports at some ends of pages, is not used; how QEMU cuts blocks, or
 * that it translates one again, does not matter to the reader.
 *
 * Written for plugin API version 1 (QEMU 4.2 to 8.2 and, by compatibility, some later ones). Distributions package
 * QEMU without its header, so the functions that are used are declared here.
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXPORTED __attribute__((visibility("default")))

/* Part of QEMU's plugin API version 1. */
typedef uint64_t qemu_plugin_id_t;
typedef uint32_t qemu_plugin_meminfo_t;
struct qemu_plugin_tb;
struct qemu_plugin_insn;
enum qemu_plugin_cb_flags { QEMU_PLUGIN_CB_NO_REGS = 0 };
enum qemu_plugin_op { QEMU_PLUGIN_INLINE_ADD_U64 = 0 };
enum qemu_plugin_mem_rw { QEMU_PLUGIN_MEM_RW = 3 };
typedef void (*qemu_plugin_vcpu_tb_trans_cb_t)(qemu_plugin_id_t id, struct qemu_plugin_tb *tb);
typedef void (*qemu_plugin_vcpu_udata_cb_t)(unsigned int vcpu, void *userdata);
typedef void (*qemu_plugin_vcpu_mem_cb_t)(unsigned int vcpu, qemu_plugin_meminfo_t info, uint64_t address,
                                          void *userdata);
typedef void (*qemu_plugin_udata_cb_t)(qemu_plugin_id_t id, void *userdata);
extern void qemu_plugin_register_vcpu_tb_trans_cb(qemu_plugin_id_t id, qemu_plugin_vcpu_tb_trans_cb_t callback);
extern void qemu_plugin_register_atexit_cb(qemu_plugin_id_t id, qemu_plugin_udata_cb_t callback, void *userdata);
extern void qemu_plugin_register_vcpu_tb_exec_cb(struct qemu_plugin_tb *tb, qemu_plugin_vcpu_udata_cb_t callback,
                                                 enum qemu_plugin_cb_flags flags, void *userdata);
extern void qemu_plugin_register_vcpu_mem_cb(struct qemu_plugin_insn *insn, qemu_plugin_vcpu_mem_cb_t callback,
                                             enum qemu_plugin_cb_flags flags, enum qemu_plugin_mem_rw rw,
                                             void *userdata);
extern void qemu_plugin_register_vcpu_mem_inline(struct qemu_plugin_insn *insn, enum qemu_plugin_mem_rw rw,
                                                 enum qemu_plugin_op op, void *counter, uint64_t immediate);
extern size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
extern struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *tb, size_t index);
extern uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *insn);
extern unsigned int qemu_plugin_mem_size_shift(qemu_plugin_meminfo_t info);

extern int qemu_plugin_version;
extern int qemu_plugin_install(qemu_plugin_id_t id, const void *info, int argc, char **argv);
EXPORTED int qemu_plugin_version = 1;

struct range {
    uint64_t first, end;
};

enum role { ROLE_NONE, ROLE_BEGIN, ROLE_END, ROLE_OUTSIDE, ROLE_OWNER };

/** @brief A transfer from the block that holds this edge; `counts` is by owner. */
struct edge {
    struct edge *next;
    const struct block *to;
    uint64_t *counts;
};

/** @brief A translation block; `counts` is by owner. */
struct block {
    struct block *next, *next_of_all;
    struct edge *recent; /**< the edge that was taken last */
    uint64_t *counts;
    enum role role;
    size_t owner; /**< of ROLE_OWNER */
    struct edge *edges;
    uint64_t *addresses;
    size_t length;
};

/** @brief An instruction that accesses memory. */
struct site {
    struct site *next, *next_of_all;
    uint64_t accesses;                      /**< since the owner last changed */
    uint64_t *access_counts, *flash_counts; /**< by owner */
    uint64_t address;
    bool is_probed;     /**< whether the addresses that it accesses are looked at */
    bool is_translated; /**< whether it is among all_sites */
};

struct step {
    uint64_t first;
    uint32_t id;
};

#define BUCKETS 4096u

static struct range begin_mark, end_mark, outside, entry_range, flash;
static struct step *steps;
static size_t step_count;
static const char *out_path;

/* Owner 0 is the entry, owner 1 + k is step k, and the last one takes what is not counted. */
#define ENTRY 0u
static size_t nobody;

static struct block *blocks[BUCKETS], *all_blocks;
static struct site *sites[BUCKETS], *all_sites;
static bool is_open; /**< between the marks */
static uint64_t windows;
static size_t owner;
static struct edge no_edge;
static struct block nowhere = {.recent = &no_edge};
static struct block *previous = &nowhere;

static bool in_range(const struct range *range, uint64_t address)
{
    return address - range->first < range->end - range->first; /* one comparison, also below the range */
}

static void *allocate(size_t count, size_t size)
{
    void *const memory = calloc(count, size);
    if (memory == NULL) {
        fprintf(stderr, "tinybayes plugin: out of memory\n");
        exit(1);
    }
    return memory;
}

static uint64_t *new_counts(void)
{
    return allocate(step_count + 2, sizeof(uint64_t));
}

static struct edge *find_edge(struct block *from, const struct block *to)
{
    struct edge *edge = from->edges;
    while (edge != NULL && edge->to != to) {
        edge = edge->next;
    }
    if (edge == NULL) {
        edge = allocate(1, sizeof *edge);
        *edge = (struct edge){.next = from->edges, .to = to, .counts = new_counts()};
        from->edges = edge;
    }
    from->recent = edge;
    return edge;
}

/** @brief Gives the owner the accesses that were counted since it became the owner. */
static void settle(void)
{
    for (struct site *site = all_sites; site != NULL; site = site->next_of_all) {
        site->access_counts[owner] += site->accesses;
        site->accesses = 0;
    }
}

static void take_role(const struct block *block)
{
    size_t next = nobody;
    if (block->role == ROLE_OWNER && is_open) {
        next = block->owner;
    } else if (block->role == ROLE_BEGIN) {
        is_open = true;
    } else if (block->role == ROLE_END) {
        windows += is_open;
        is_open = false;
    }
    if (next != owner) {
        settle();
        owner = next;
    }
}

static void on_block(unsigned int vcpu, void *userdata)
{
    (void)vcpu;
    struct block *const block = userdata;
    struct edge *edge = previous->recent;
    if (edge->to != block) {
        edge = find_edge(previous, block);
    }
    ++edge->counts[owner];
    previous = block;
    if (block->role != ROLE_NONE) {
        take_role(block);
    }
    ++block->counts[owner];
}

static void on_access(unsigned int vcpu, qemu_plugin_meminfo_t info, uint64_t address, void *userdata)
{
    (void)vcpu;
    struct site *const site = userdata;
    ++site->accesses;
    if (in_range(&flash, address)) {
        site->flash_counts[owner] += UINT64_C(1) << qemu_plugin_mem_size_shift(info);
    }
}

static struct site *site_at(uint64_t address)
{
    struct site *site = sites[address / 2 % BUCKETS];
    while (site != NULL && site->address != address) {
        site = site->next;
    }
    return site;
}

static void add_site(uint64_t address, bool is_probed)
{
    struct site **const bucket = &sites[address / 2 % BUCKETS];
    struct site *const site = allocate(1, sizeof *site);
    *site = (struct site){.next = *bucket,
                          .access_counts = new_counts(),
                          .flash_counts = new_counts(),
                          .address = address,
                          .is_probed = is_probed};
    *bucket = site;
}

/* A function is entered by a jump or a call, so that its first instruction is the first of a block. */
static void find_role(struct block *block)
{
    const uint64_t first = block->addresses[0];
    if (in_range(&begin_mark, first)) {
        block->role = ROLE_BEGIN;
    } else if (in_range(&end_mark, first)) {
        block->role = ROLE_END;
    } else if (in_range(&outside, first)) {
        block->role = ROLE_OUTSIDE;
    } else if (in_range(&entry_range, first)) {
        block->role = ROLE_OWNER;
        block->owner = ENTRY;
    }
    for (size_t k = 0; k < step_count; ++k) {
        if (first == steps[k].first) {
            block->role = ROLE_OWNER;
            block->owner = 1 + k;
        }
    }
}

static struct block *block_of(const struct qemu_plugin_tb *tb)
{
    const size_t length = qemu_plugin_tb_n_insns(tb);
    const uint64_t first = qemu_plugin_insn_vaddr(qemu_plugin_tb_get_insn(tb, 0));
    struct block **const bucket = &blocks[first / 2 % BUCKETS];
    for (struct block *block = *bucket; block != NULL; block = block->next) {
        if (block->addresses[0] == first && block->length == length) {
            return block;
        }
    }
    struct block *const block = allocate(1, sizeof *block);
    *block = (struct block){
        .next = *bucket, .next_of_all = all_blocks, .recent = &no_edge, .counts = new_counts(), .length = length};
    block->addresses = allocate(length, sizeof *block->addresses);
    for (size_t i = 0; i < length; ++i) {
        block->addresses[i] = qemu_plugin_insn_vaddr(qemu_plugin_tb_get_insn(tb, i));
    }
    find_role(block);
    return *bucket = all_blocks = block;
}

static void watch(struct qemu_plugin_insn *insn, struct site *site)
{
    if (!site->is_translated) {
        site->is_translated = true;
        site->next_of_all = all_sites;
        all_sites = site;
    }
    /* Loads and stores alike: QEMU 7.2 mixes up the two, and the reader knows what an instruction does. */
    if (site->is_probed) {
        qemu_plugin_register_vcpu_mem_cb(insn, on_access, QEMU_PLUGIN_CB_NO_REGS, QEMU_PLUGIN_MEM_RW, site);
    } else {
        qemu_plugin_register_vcpu_mem_inline(insn, QEMU_PLUGIN_MEM_RW, QEMU_PLUGIN_INLINE_ADD_U64, &site->accesses, 1);
    }
}

static void on_translation(qemu_plugin_id_t id, struct qemu_plugin_tb *tb)
{
    (void)id;
    struct block *const block = block_of(tb);
    qemu_plugin_register_vcpu_tb_exec_cb(tb, on_block, QEMU_PLUGIN_CB_NO_REGS, block);
    for (size_t i = 0; i < block->length; ++i) {
        struct site *const site = site_at(block->addresses[i]);
        if (site != NULL) {
            watch(qemu_plugin_tb_get_insn(tb, i), site);
        }
    }
}

static void write_block(FILE *out, const struct block *block, size_t who)
{
    if (block->counts[who] != 0) {
        fprintf(out, "block %" PRIu64, block->counts[who]);
        for (size_t i = 0; i < block->length; ++i) {
            fprintf(out, " %" PRIx64, block->addresses[i]);
        }
        fprintf(out, "\n");
    }
    for (const struct edge *edge = block->edges; edge != NULL; edge = edge->next) {
        if (edge->counts[who] != 0) {
            fprintf(out, "edge %" PRIx64 " %" PRIx64 " %" PRIu64 "\n", block->addresses[block->length - 1],
                    edge->to->addresses[0], edge->counts[who]);
        }
    }
}

static void write_owner(FILE *out, size_t who)
{
    fprintf(out, "owner %" PRId64 "\n", who == ENTRY ? INT64_C(-1) : (int64_t)steps[who - 1].id);
    for (const struct block *block = all_blocks; block != NULL; block = block->next_of_all) {
        write_block(out, block, who);
    }
    for (const struct site *site = all_sites; site != NULL; site = site->next_of_all) {
        if (site->access_counts[who] != 0) {
            fprintf(out, "site %" PRIx64 " %" PRIu64 " %" PRIu64 "\n", site->address, site->access_counts[who],
                    site->flash_counts[who]);
        }
    }
}

static void on_exit_of_qemu(qemu_plugin_id_t id, void *userdata)
{
    (void)id;
    (void)userdata;
    settle();
    FILE *const out = fopen(out_path, "w");
    if (out == NULL) {
        return; /* The reader says that the counts are missing. */
    }
    fprintf(out, "windows %" PRIu64 "\n", windows);
    for (size_t who = 0; who < nobody; ++who) {
        write_owner(out, who);
    }
    fprintf(out, "complete\n");
    fclose(out);
}

/** @brief Reads one line of the specification. */
static bool take_line(const char *line)
{
    static const struct {
        const char *format;
        struct range *range;
    } ranges[] = {
        {"begin %" SCNx64 " %" SCNx64, &begin_mark}, {"end %" SCNx64 " %" SCNx64, &end_mark},
        {"outside %" SCNx64 " %" SCNx64, &outside},  {"entry %" SCNx64 " %" SCNx64, &entry_range},
        {"flash %" SCNx64 " %" SCNx64, &flash},
    };
    for (size_t i = 0; i < sizeof ranges / sizeof *ranges; ++i) {
        struct range range;
        if (sscanf(line, ranges[i].format, &range.first, &range.end) == 2) {
            *ranges[i].range = range;
            return true;
        }
    }
    uint64_t address;
    if (sscanf(line, "access %" SCNx64, &address) == 1) {
        add_site(address, false);
        return true;
    }
    if (sscanf(line, "probe %" SCNx64, &address) == 1) {
        add_site(address, true);
        return true;
    }
    struct step step;
    if (sscanf(line, "step %" SCNu32 " %" SCNx64, &step.id, &step.first) != 2) {
        return false;
    }
    struct step *const grown = realloc(steps, (step_count + 1) * sizeof *steps);
    if (grown == NULL) {
        return false;
    }
    steps = grown;
    steps[step_count++] = step;
    return true;
}

static bool read_specification(const char *path)
{
    FILE *const file = fopen(path, "r");
    if (file == NULL) {
        return false;
    }
    char line[128];
    bool good = true;
    while (good && fgets(line, sizeof line, file) != NULL) {
        good = take_line(line);
    }
    fclose(file);
    return good && begin_mark.end > begin_mark.first && end_mark.end > end_mark.first;
}

EXPORTED int qemu_plugin_install(qemu_plugin_id_t id, const void *info, int argc, char **argv)
{
    (void)info;
    const char *specification_path = NULL;
    for (int i = 0; i < argc; ++i) {
        if (strncmp(argv[i], "spec=", 5) == 0) {
            specification_path = argv[i] + 5;
        } else if (strncmp(argv[i], "out=", 4) == 0) {
            out_path = strdup(argv[i] + 4); /* QEMU frees its copy. */
        }
    }
    if (specification_path == NULL || out_path == NULL || !read_specification(specification_path)) {
        fprintf(stderr, "tinybayes plugin: the specification is missing or not understood\n");
        return 1;
    }
    nobody = owner = 1 + step_count;
    qemu_plugin_register_vcpu_tb_trans_cb(id, on_translation);
    qemu_plugin_register_atexit_cb(id, on_exit_of_qemu, NULL);
    return 0;
}
