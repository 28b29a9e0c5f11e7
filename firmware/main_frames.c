/**
 * @file main_frames.c
 * @brief The image that speaks the frame protocol: bytes from the UART go to protocol_receive(), for ever.
 */
#include <stdint.h>

#include "fault.h"
#include "image.h"
#include "protocol.h"
#include "stack.h"
#include "uart.h"

void port_write(const uint8_t *bytes, uint32_t length)
{
    for (uint32_t i = 0; i < length; ++i) {
        uart_send(bytes[i]);
    }
}

void fault_notify(const struct fault_record *record)
{
    for (;;) {
        protocol_report_fault(record);
        /* Again for whoever asks next: every request ends in a delimiter. */
        uint8_t byte = 1;
        while (!uart_poll(&byte) || byte != 0u) {
        }
    }
}

#ifdef LINK_FAULT_INJECTION
void protocol_inject_fault(uint8_t kind);

/* Faults on demand, for the tests of what is reported: 0 a bad pointer, 1 an undefined instruction, 2 a stack that
   was used up, 3 a stack pointer outside of RAM. */
void protocol_inject_fault(uint8_t kind)
{
    switch (kind) {
    case 0:
        *(volatile uint32_t *)0xB0000000u = 0;
        break;
    case 1:
        __asm__ volatile("udf #0");
        break;
    case 2:
        *(volatile uint32_t *)image_stack_bottom = 0;
        break;
    default:
        __asm__ volatile("ldr r0, =0xB0000000\n\tmov sp, r0\n\tpush {r0}\n\t.ltorg" ::: "r0", "memory");
        break;
    }
}
#endif

int main(void)
{
    stack_paint();
    uart_start();
    protocol_start();
    for (;;) {
        uint8_t byte;
        while (!uart_poll(&byte)) {
            uart_sleep();
        }
        protocol_receive(byte);
    }
}
