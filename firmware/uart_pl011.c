/**
 * @file uart_pl011.c
 * @brief Driver of Arm's PrimeCell UART (PL011), as the Stellaris chips, the RP2040 and the RP2350 have it.
 *
 * Registers: PrimeCell UART (PL011) Technical Reference Manual, DDI 0183G, 3.2 and 3.3.
 */
#include <assert.h>
#include <stdint.h>

#include "board.h"
#include "setup.h"
#include "uart.h"

struct pl011_uart {
    volatile uint32_t data;
    volatile uint32_t error;
    volatile uint32_t reserved_08[4];
    volatile uint32_t flags;
    volatile uint32_t reserved_1c;
    volatile uint32_t low_power;
    volatile uint32_t divisor_whole;
    volatile uint32_t divisor_fraction;
    volatile uint32_t line;
    volatile uint32_t control;
    volatile uint32_t fifo_levels;
    volatile uint32_t interrupt_mask;
};

static_assert(sizeof(struct pl011_uart) == 0x3Cu, "UARTIMSC is at 0x38");

#define FLAG_RECEIVE_EMPTY (1u << 4)
#define FLAG_TRANSMIT_FULL (1u << 5)
#define LINE_FIFOS (1u << 4)
#define LINE_8_BITS (3u << 5)
#define CONTROL_ENABLE (1u << 0)
#define CONTROL_TRANSMIT (1u << 8)
#define CONTROL_RECEIVE (1u << 9)
/* Received up to the FIFO's level; or less than that, and nothing more for the time of 32 bits. */
#define INTERRUPT_RECEIVE (1u << 4)
#define INTERRUPT_RECEIVE_TIMEOUT (1u << 6)

#define UART ((struct pl011_uart *)BOARD_UART_BASE)

/* In 64ths of sixteen samples, rounded to the nearest. */
#define DIVISOR(clock_hz) (((clock_hz)*4u + BOARD_UART_BAUD / 2u) / BOARD_UART_BAUD)

static_assert(BOARD_UART_CLOCK_HZ <= 1000000000u, "four times the clock fits 32 bits");
static_assert(DIVISOR(BOARD_UART_CLOCK_HZ) >= 64u, "the baud rate is too high for the clock");
static_assert(DIVISOR(BOARD_UART_CLOCK_HZ) <= 0x3FFFC0u, "the baud rate is too low for the clock");
static_assert(DIVISOR(BOARD_UART_RESET_CLOCK_HZ) >= 64u, "the baud rate is too high for the reset clock");
static_assert(DIVISOR(BOARD_UART_RESET_CLOCK_HZ) <= 0x3FFFC0u, "the baud rate is too low for the reset clock");

void uart_start(void)
{
    const uint32_t divisor = setup_completed() ? DIVISOR(BOARD_UART_CLOCK_HZ) : DIVISOR(BOARD_UART_RESET_CLOCK_HZ);
    UART->control = 0;
    /* Turning the FIFOs off drops what they hold. */
    UART->line = 0;
    UART->divisor_whole = divisor / 64u;
    UART->divisor_fraction = divisor % 64u;
    /* Last, for the divisor is taken over when the line register is written. */
    UART->line = LINE_8_BITS | LINE_FIFOS;
    UART->interrupt_mask = INTERRUPT_RECEIVE | INTERRUPT_RECEIVE_TIMEOUT;
    UART->control = CONTROL_ENABLE | CONTROL_TRANSMIT | CONTROL_RECEIVE;
}

bool uart_poll(uint8_t *byte)
{
    if ((UART->flags & FLAG_RECEIVE_EMPTY) != 0u) {
        return false;
    }
    /* Both interrupts end by themselves when the FIFO is empty. */
    *byte = (uint8_t)UART->data;
    return true;
}

void uart_send(uint8_t byte)
{
    while ((UART->flags & FLAG_TRANSMIT_FULL) != 0u) {
    }
    UART->data = byte;
}
