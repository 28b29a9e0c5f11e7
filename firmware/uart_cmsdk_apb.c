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

#define NVIC_ENABLE ((volatile uint32_t *)0xE000E100u)
#define NVIC_CLEAR_PENDING ((volatile uint32_t *)0xE000E280u)
#define IRQ_WORD (BOARD_UART_RECEIVE_IRQ / 32u)
#define IRQ_BIT (1u << (BOARD_UART_RECEIVE_IRQ % 32u))

static_assert(BOARD_UART_CLOCK_HZ / BOARD_UART_BAUD >= 16u, "this UART takes no divisor below 16");

void uart_start(void)
{
    /* The receive interrupt ends WFI and does nothing else: masked, it is never taken, so it needs no vector. */
    __asm__ volatile("cpsid i" ::: "memory");
    UART->control = 0;
    UART->baud_divisor = BOARD_UART_CLOCK_HZ / BOARD_UART_BAUD;
    UART->control = CONTROL_TRANSMIT | CONTROL_RECEIVE | CONTROL_RECEIVE_INTERRUPT;
    NVIC_ENABLE[IRQ_WORD] = IRQ_BIT;
    /* Drop what a receiver left on may hold. It also tells an emulator that bytes are welcome from now on. */
    (void)UART->data;
}

bool uart_poll(uint8_t *byte)
{
    if ((UART->state & STATE_RECEIVER_FULL) == 0u) {
        return false;
    }
    *byte = (uint8_t)UART->data;
    return true;
}

void uart_sleep(void)
{
    __asm__ volatile("wfi" ::: "memory");
    /* Cleared before the caller looks for a byte: one that comes in between is pending again, and not slept over. */
    UART->interrupt = INTERRUPT_RECEIVE;
    NVIC_CLEAR_PENDING[IRQ_WORD] = IRQ_BIT;
}

void uart_send(uint8_t byte)
{
    while ((UART->state & STATE_TRANSMITTER_FULL) != 0u) {
    }
    UART->data = byte;
}
