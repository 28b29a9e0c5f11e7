/**
 * @file uart_cmsdk_apb.c
 * @brief Driver of the APB UART of Arm's Cortex-M System Design Kit.
 */
#include <assert.h>
#include <stdint.h>

#include "board.h"
#include "uart.h"

struct cmsdk_apb_uart {
    volatile uint32_t data;
    volatile uint32_t state;
    volatile uint32_t control;
    volatile uint32_t interrupt;
    volatile uint32_t baud_divisor;
};

#define STATE_TRANSMITTER_FULL (1u << 0)
#define STATE_RECEIVER_FULL (1u << 1)
#define CONTROL_TRANSMIT (1u << 0)
#define CONTROL_RECEIVE (1u << 1)
#define CONTROL_RECEIVE_INTERRUPT (1u << 3)
#define INTERRUPT_RECEIVE (1u << 1)

#define UART ((struct cmsdk_apb_uart *)BOARD_UART_BASE)

static_assert(BOARD_UART_CLOCK_HZ / BOARD_UART_BAUD >= 16u, "this UART takes no divisor below 16");

void uart_start(void)
{
    UART->control = 0;
    UART->baud_divisor = BOARD_UART_CLOCK_HZ / BOARD_UART_BAUD;
    UART->control = CONTROL_TRANSMIT | CONTROL_RECEIVE | CONTROL_RECEIVE_INTERRUPT;
    /* Drop what a receiver left on may hold. It also tells an emulator that bytes are welcome from now on. */
    (void)UART->data;
}

bool uart_poll(uint8_t *byte)
{
    if ((UART->state & STATE_RECEIVER_FULL) == 0u) {
        return false;
    }
    /* First, for reading makes room for the next byte, whose interrupt must stay. */
    UART->interrupt = INTERRUPT_RECEIVE;
    *byte = (uint8_t)UART->data;
    return true;
}

void uart_send(uint8_t byte)
{
    while ((UART->state & STATE_TRANSMITTER_FULL) != 0u) {
    }
    UART->data = byte;
}
