/* Runs a board's set-up on memory that stands for its registers.
 *
 *     setup_on_host ADDRESS=VALUE... ADDRESS...
 *
 * Registers hold the given values at first, and 0 elsewhere; those named without a value are printed afterwards, each
 * on a line, behind the number of the step that failed. */
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "setup.h"

#define PAGE_BYTES 4096u

static volatile uint32_t *mapped(uint32_t address)
{
    void *const page = (void *)(uintptr_t)(address - address % PAGE_BYTES);
    /* Fails where an earlier register has brought the page, which is right. */
    (void)mmap(page, PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    return (volatile uint32_t *)(uintptr_t)(address - address % 4u);
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; ++i) {
        char *end = NULL;
        volatile uint32_t *const place = mapped((uint32_t)strtoul(argv[i], &end, 0));
        if (*end == '=') {
            *place = (uint32_t)strtoul(end + 1, NULL, 0);
        }
    }
    for (uint32_t i = 0; i < BOARD_SETUP_STEPS; ++i) {
        (void)mapped(setup_steps[i].address);
    }
    setup_run();
    printf("%" PRIu32 " %d\n", setup_failed_step(), setup_completed());
    for (int i = 1; i < argc; ++i) {
        char *end = NULL;
        const uint32_t address = (uint32_t)strtoul(argv[i], &end, 0);
        if (*end == '\0') {
            printf("0x%08" PRIX32 "\n", *mapped(address));
        }
    }
    return 0;
}
