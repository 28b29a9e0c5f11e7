/**
 * @file plugin.c
 * @brief QEMU TCG plugin: how many instructions are executed between two marks, and for which step of the network.
 *
 * Arguments: `spec=FILE` says what to count, `out=FILE` receives the counts. Lines of the specification, with
 * hexadecimal addresses without the Thumb bit; an address range ends before its second address:
 *
 *     begin FIRST END    the function that opens a window of counting; its own instructions never count
 *     end FIRST END      the function that closes it; its own instructions never count
 *     entry FIRST END    the function that calls the steps: each of its instructions makes it the current owner
 *     step ID FIRST      the function of step ID (decimal): its first instruction makes it the current owner
 *
 * What runs in a window counts for the current owner, so that a function that several steps call is split among
 * them. Counts are kept by instruction, never by translation block: how QEMU cuts blocks, and the size of an
 * instruction (which QEMU 7.2 misreports at some ends of pages), do not matter.
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
struct qemu_plugin_tb;
struct qemu_plugin_insn;
enum qemu_plugin_op { QEMU_PLUGIN_INLINE_ADD_U64 = 0 };
enum qemu_plugin_cb_flags { QEMU_PLUGIN_CB_NO_REGS = 0 };
typedef void (*qemu_plugin_vcpu_tb_trans_cb_t)(qemu_plugin_id_t id, struct qemu_plugin_tb *tb);
typedef void (*qemu_plugin_vcpu_udata_cb_t)(unsigned int vcpu, void *userdata);
typedef void (*qemu_plugin_udata_cb_t)(qemu_plugin_id_t id, void *userdata);
extern void qemu_plugin_register_vcpu_tb_trans_cb(qemu_plugin_id_t id, qemu_plugin_vcpu_tb_trans_cb_t callback);
extern void qemu_plugin_register_atexit_cb(qemu_plugin_id_t id, qemu_plugin_udata_cb_t callback, void *userdata);
extern void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *insn, qemu_plugin_vcpu_udata_cb_t callback,
                                                   enum qemu_plugin_cb_flags flags, void *userdata);
extern void qemu_plugin_register_vcpu_insn_exec_inline(struct qemu_plugin_insn *insn, enum qemu_plugin_op op,
                                                       void *counter, uint64_t immediate);
extern size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
extern struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *tb, size_t index);
extern uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *insn);

extern int qemu_plugin_version;
extern int qemu_plugin_install(qemu_plugin_id_t id, const void *info, int argc, char **argv);
EXPORTED int qemu_plugin_version = 1;

struct range {
    uint64_t first, end;
};

/** @brief What instructions count for; `current` points to one of these. */
struct owner {
    uint64_t first;
    uint64_t count;
    uint32_t id;
};

static struct range begin_mark, end_mark, entry_range;
static struct owner entry_owner;
static struct owner *steps;
static size_t step_count;
static const char *out_path;

static uint64_t executed;      /**< instructions since the machine started, marks excluded */
static uint64_t counted_up_to; /**< value of `executed` when `current` became the owner */
static struct owner *current;  /**< NULL outside of windows */
static uint64_t windows;

static bool in_range(const struct range *range, uint64_t address)
{
    return address >= range->first && address < range->end;
}

static void settle(void)
{
    if (current != NULL) {
        current->count += executed - counted_up_to;
    }
    counted_up_to = executed;
}

static void write_counts(void)
{
    FILE *const out = fopen(out_path, "w");
    if (out == NULL) {
        return; /* The reader says that the counts are missing. */
    }
    fprintf(out, "windows %" PRIu64 "\nentry %" PRIu64 "\n", windows, entry_owner.count);
    for (size_t i = 0; i < step_count; ++i) {
        fprintf(out, "step %" PRIu32 " %" PRIu64 "\n", steps[i].id, steps[i].count);
    }
    fprintf(out, "complete\n");
    fclose(out);
}

static void on_begin(unsigned int vcpu, void *userdata)
{
    (void)vcpu;
    (void)userdata;
    settle();
    current = &entry_owner;
}

static void on_end(unsigned int vcpu, void *userdata)
{
    (void)vcpu;
    (void)userdata;
    if (current != NULL) {
        settle();
        current = NULL;
        ++windows;
    }
}

static void on_owner(unsigned int vcpu, void *userdata)
{
    (void)vcpu;
    if (current != NULL && current != userdata) {
        settle();
        current = userdata;
    }
}

static void on_exit_of_qemu(qemu_plugin_id_t id, void *userdata)
{
    (void)id;
    (void)userdata;
    write_counts();
}

static void watch(struct qemu_plugin_insn *insn, qemu_plugin_vcpu_udata_cb_t callback, void *userdata)
{
    qemu_plugin_register_vcpu_insn_exec_cb(insn, callback, QEMU_PLUGIN_CB_NO_REGS, userdata);
}

/* QEMU runs an instruction's callback before its inline addition, so an owner's first instruction counts for it. */
static void on_translation(qemu_plugin_id_t id, struct qemu_plugin_tb *tb)
{
    (void)id;
    const size_t length = qemu_plugin_tb_n_insns(tb);
    for (size_t i = 0; i < length; ++i) {
        struct qemu_plugin_insn *const insn = qemu_plugin_tb_get_insn(tb, i);
        const uint64_t address = qemu_plugin_insn_vaddr(insn);
        if (in_range(&begin_mark, address)) {
            if (address == begin_mark.first) {
                watch(insn, on_begin, NULL);
            }
            continue;
        }
        if (in_range(&end_mark, address)) {
            if (address == end_mark.first) {
                watch(insn, on_end, NULL);
            }
            continue;
        }
        if (in_range(&entry_range, address)) {
            watch(insn, on_owner, &entry_owner);
        }
        for (size_t k = 0; k < step_count; ++k) {
            if (address == steps[k].first) {
                watch(insn, on_owner, &steps[k]);
            }
        }
        qemu_plugin_register_vcpu_insn_exec_inline(insn, QEMU_PLUGIN_INLINE_ADD_U64, &executed, 1);
    }
}

/** @brief Reads one line of the specification. */
static bool take_line(const char *line)
{
    struct range range;
    uint32_t step;
    uint64_t first;
    if (sscanf(line, "begin %" SCNx64 " %" SCNx64, &range.first, &range.end) == 2) {
        begin_mark = range;
        return true;
    }
    if (sscanf(line, "end %" SCNx64 " %" SCNx64, &range.first, &range.end) == 2) {
        end_mark = range;
        return true;
    }
    if (sscanf(line, "entry %" SCNx64 " %" SCNx64, &range.first, &range.end) == 2) {
        entry_range = range;
        return true;
    }
    if (sscanf(line, "step %" SCNu32 " %" SCNx64, &step, &first) == 2) {
        struct owner *const grown = realloc(steps, (step_count + 1) * sizeof *steps);
        if (grown == NULL) {
            return false;
        }
        steps = grown;
        steps[step_count++] = (struct owner){.first = first, .count = 0, .id = step};
        return true;
    }
    return false;
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
    qemu_plugin_register_vcpu_tb_trans_cb(id, on_translation);
    qemu_plugin_register_atexit_cb(id, on_exit_of_qemu, NULL);
    return 0;
}
