/**
 * @file uart_stm32_usart_v2.c
 * @brief Driver of the newer STM32 USART (ISR, ICR, RDR, TDR), and of the LPUART, which differs in its divisor.
 *
 * Registers: RM0444 Rev 5, 33.8 (STM32G0); the same in RM0385 (F7), RM0351 and RM0432 (L4, L4+), RM0433 (H7) and
 * RM0456 (U5), where the FIFO stays off as it is after a reset.
 */
#include <assert.h>
#include <stdint.h>

#include "board.h"
#include "setup.h"
#include "uart.h"

struct stm32_usart {
    volatile uint32_t cr1;
    volatile uint32_t cr2;
    volatile uint32_t cr3;
    volatile uint32_t brr;
    volatile uint32_t gtpr;
    volatile uint32_t rtor;
    volatile uint32_t rqr;
    volatile uint32_t isr;
    volatile uint32_t icr;
    volatile uint32_t rdr;
    volatile uint32_t tdr;
};

#define CR1_ENABLE (1u << 0)
#define CR1_RECEIVE (1u << 2)
#define CR1_TRANSMIT (1u << 3)
#define CR1_RECEIVE_INTERRUPT (1u << 5)
#define ISR_RECEIVED (1u << 5)
#define ISR_TRANSMIT_EMPTY (1u << 7)
/* Parity, framing, noise and overrun: an overrun stops the receiver until it is cleared. */
#define ICR_ERRORS 0xFu

#define USART ((struct stm32_usart *)BOARD_UART_BASE)

/* Rounded to the nearest step; a USART counts whole clocks, an LPUART 256ths of one. */
#define DIVISOR(clock_hz) \
    ((uint32_t)(((uint64_t)(clock_hz)*BOARD_UART_DIVISOR_STEPS + BOARD_UART_BAUD / 2u) / BOARD_UART_BAUD))
#define LOWEST_DIVISOR (BOARD_UART_DIVISOR_STEPS == 1u ? 16u : 0x300u)
#define HIGHEST_DIVISOR (BOARD_UART_DIVISOR_STEPS == 1u ? 0xFFFFu : 0xFFFFFu)

static_assert(DIVISOR(BOARD_UART_CLOCK_HZ) >= LOWEST_DIVISOR, "the baud rate is too high for the clock");
static_assert(DIVISOR(BOARD_UART_CLOCK_HZ) <= HIGHEST_DIVISOR, "the baud rate is too low for the clock");
static_assert(DIVISOR(BOARD_UART_RESET_CLOCK_HZ) >= LOWEST_DIVISOR, "the baud rate is too high for the reset clock");
static_assert(DIVISOR(BOARD_UART_RESET_CLOCK_HZ) <= HIGHEST_DIVISOR, "the baud rate is too low for the reset clock");

void uart_start(void)
{
    USART->cr1 = 0;
    USART->cr2 = 0;
    USART->cr3 = 0;
    USART->brr = setup_completed() ? DIVISOR(BOARD_UART_CLOCK_HZ) : DIVISOR(BOARD_UART_RESET_CLOCK_HZ);
    USART->cr1 = CR1_ENABLE | CR1_TRANSMIT | CR1_RECEIVE | CR1_RECEIVE_INTERRUPT;
    USART->icr = ICR_ERRORS;
}

bool uart_poll(uint8_t *byte)
{
    const uint32_t state = USART->isr;
    if ((state & ICR_ERRORS) != 0u) {
        USART->icr = ICR_ERRORS;
    }
    if ((state & ISR_RECEIVED) == 0u) {
        return false;
    }
    *byte = (uint8_t)USART->rdr;
    return true;
}

void uart_send(uint8_t byte)
{
    while ((USART->isr & ISR_TRANSMIT_EMPTY) == 0u) {
    }
    USART->tdr = byte;
}
