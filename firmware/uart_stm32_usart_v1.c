/**
 * @file uart_stm32_usart_v1.c
 * @brief Driver of the older STM32 USART (SR, DR). Its clock and its pins are the board's set-up.
 *
 * Registers: RM0041 Rev 6, 23.6 (STM32F100) and RM0090 Rev 19, 30.6 (STM32F405): the same.
 */
#include <assert.h>
#include <stdint.h>

#include "board.h"
#include "setup.h"
#include "uart.h"

struct stm32_usart {
    volatile uint32_t sr;
    volatile uint32_t dr;
    volatile uint32_t brr;
    volatile uint32_t cr1;
    volatile uint32_t cr2;
    volatile uint32_t cr3;
};

#define SR_OVERRUN (1u << 3)
#define SR_RECEIVED (1u << 5)
#define SR_TRANSMIT_EMPTY (1u << 7)
#define CR1_RECEIVE (1u << 2)
#define CR1_TRANSMIT (1u << 3)
#define CR1_RECEIVE_INTERRUPT (1u << 5)
#define CR1_ENABLE (1u << 13)

#define USART ((struct stm32_usart *)BOARD_UART_BASE)

/* Sixteen samples a bit; rounded to the nearest sixteenth. */
#define DIVISOR(clock_hz) (((clock_hz) + BOARD_UART_BAUD / 2u) / BOARD_UART_BAUD)

static_assert(DIVISOR(BOARD_UART_CLOCK_HZ) >= 16u, "the baud rate is too high for the clock");
static_assert(DIVISOR(BOARD_UART_CLOCK_HZ) <= 0xFFFFu, "the baud rate is too low for the clock");
static_assert(DIVISOR(BOARD_UART_RESET_CLOCK_HZ) >= 16u, "the baud rate is too high for the reset clock");
static_assert(DIVISOR(BOARD_UART_RESET_CLOCK_HZ) <= 0xFFFFu, "the baud rate is too low for the reset clock");

void uart_start(void)
{
    USART->cr1 = 0;
    USART->cr2 = 0;
    USART->cr3 = 0;
    USART->brr = setup_completed() ? DIVISOR(BOARD_UART_CLOCK_HZ) : DIVISOR(BOARD_UART_RESET_CLOCK_HZ);
    USART->cr1 = CR1_ENABLE | CR1_TRANSMIT | CR1_RECEIVE | CR1_RECEIVE_INTERRUPT;
}

bool uart_poll(uint8_t *byte)
{
    /* Reading SR, then DR, also clears an overrun and the other errors. */
    const uint32_t state = USART->sr;
    if ((state & SR_RECEIVED) == 0u) {
        if ((state & SR_OVERRUN) != 0u) {
            (void)USART->dr; /* or its interrupt comes for ever */
        }
        return false;
    }
    *byte = (uint8_t)USART->dr;
    return true;
}

void uart_send(uint8_t byte)
{
    while ((USART->sr & SR_TRANSMIT_EMPTY) == 0u) {
    }
    USART->dr = byte;
}
