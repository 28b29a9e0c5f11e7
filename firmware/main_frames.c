/**
 * @file main_frames.c
 * @brief The image that speaks the frame protocol: bytes from the UART go to protocol_receive(), for ever.
 */
#include <stdbool.h>
#include <stdint.h>

#include "chip.h"
#include "cycles.h"
#include "fault.h"
#include "image.h"
#include "protocol.h"
#include "receive.h"
#include "setup.h"
#include "stack.h"
#include "uart.h"

void port_write(const uint8_t *bytes, uint32_t length)
{
    for (uint32_t i = 0; i < length; ++i) {
        uart_send(bytes[i]);
    }
}

static _Noreturn void report_for_ever(const struct fault_record *record, enum protocol_status status)
{
    protocol_report_fault(record, status);
    for (;;) {
        uint8_t byte;
        if (uart_poll(&byte)) {
            protocol_receive_after_fault(byte, record, status);
        }
    }
}

void fault_notify(const struct fault_record *record)
{
    const bool overflow = (record->configurable_status & FAULT_STACK_LIMIT) != 0u || stack_grew_to(record->sp) ||
                          stack_grew_to(record->address);
    const enum protocol_status status = overflow ? STATUS_STACK_OVERFLOW : STATUS_FAULT;
    chip_keep_fault(record, status);
    report_for_ever(record, status);
}

/** @brief Returns where the set-up is complete; else says for ever which step is not. */
static void check_setup(void)
{
#if BOARD_SETUP_STEPS > 0
    if (!setup_completed()) {
        const uint32_t step = setup_failed_step();
        const struct fault_record record = {.pc = step, .address = setup_steps[step].address};
        report_for_ever(&record, STATUS_SETUP_FAILED);
    }
#endif
}

#ifdef LINK_FAULT_INJECTION
void protocol_inject_fault(uint8_t kind);

/* Calls itself until the stack ends, 64 bytes or more at a time. */
static uint32_t recurse(volatile uint32_t *above)
{
    volatile uint32_t here[16] = {0};
    here[0] = *above + 1u;
    return here[0] == 0u ? 0u : recurse(here) + here[0];
}

/* No memory is there in any chip: it is the end of the space that vendors may add to the core. */
#define NOWHERE 0xFFFFFF00u

/* Faults on demand, for the tests of what is reported: 0 a bad pointer, 1 an undefined instruction, 2 a stack that
   was used up to its last word, 3 a stack pointer outside of RAM, 4 a stack that was used up and more, 5 an access that
   is not aligned, of the kind that no core allows. */
void protocol_inject_fault(uint8_t kind)
{
    switch (kind) {
    case 0:
        *(volatile uint32_t *)NOWHERE = 0;
        break;
    case 1:
        __asm__ volatile("udf #0");
        break;
    case 2:
        *(volatile uint32_t *)image_stack_bottom = 0;
        break;
    case 3:
        __asm__ volatile("mov sp, %0\n\tpush {r0}" ::"r"(NOWHERE) : "memory");
        break;
    case 4: {
        volatile uint32_t depth = 0;
        (void)recurse(&depth);
        break;
    }
    default:
        __asm__ volatile("ldmia %0, {r2, r3}" ::"l"((uintptr_t)image_stack_bottom + 1u) : "r2", "r3");
        break;
    }
}
#endif

int main(void)
{
    stack_paint();
    stack_protect();
    uart_start();
    cycles_start();
    protocol_start();
    check_setup();
    receive_start();
    protocol_report_loss();
    for (;;) {
        uint8_t byte;
        while (!receive_take(&byte)) {
            receive_sleep();
        }
        protocol_receive(byte);
    }
}
