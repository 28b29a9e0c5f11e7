/**
 * @file uart_nrf_uart.c
 * @brief Driver of the nRF51's UART. Pins are selected by the board's set-up.
 *
 * Registers: nRF51 Series Reference Manual v3.0.1, 29.10.
 */
#include <stdint.h>

#include "board.h"
#include "uart.h"

#define REGISTER(offset) (*(volatile uint32_t *)(BOARD_UART_BASE + (offset)))
#define TASKS_STARTRX REGISTER(0x000u)
#define TASKS_STARTTX REGISTER(0x008u)
#define EVENTS_RXDRDY REGISTER(0x108u)
#define EVENTS_TXDRDY REGISTER(0x11Cu)
#define INTENSET REGISTER(0x304u)
#define ENABLE REGISTER(0x500u)
#define RXD REGISTER(0x518u)
#define TXD REGISTER(0x51Cu)
#define BAUDRATE REGISTER(0x524u)
#define CONFIG REGISTER(0x56Cu)

#define INTEN_RXDRDY (1u << 2)
#define ENABLE_UART 4u

/* The manual lists these values and no formula for them. */
#if BOARD_UART_BAUD == 9600
#define BAUDRATE_VALUE 0x00275000u
#elif BOARD_UART_BAUD == 38400
#define BAUDRATE_VALUE 0x009D5000u
#elif BOARD_UART_BAUD == 115200
#define BAUDRATE_VALUE 0x01D7E000u
#elif BOARD_UART_BAUD == 230400
#define BAUDRATE_VALUE 0x03AFB000u
#elif BOARD_UART_BAUD == 460800
#define BAUDRATE_VALUE 0x075F7000u
#elif BOARD_UART_BAUD == 921600
#define BAUDRATE_VALUE 0x0EBED000u
#elif BOARD_UART_BAUD == 1000000
#define BAUDRATE_VALUE 0x10000000u
#else
#error "this UART has no such baud rate"
#endif

void uart_start(void)
{
    ENABLE = 0;
    CONFIG = 0;
    BAUDRATE = BAUDRATE_VALUE;
    ENABLE = ENABLE_UART;
    EVENTS_RXDRDY = 0;
    EVENTS_TXDRDY = 0;
    INTENSET = INTEN_RXDRDY;
    TASKS_STARTTX = 1;
    TASKS_STARTRX = 1;
}

bool uart_poll(uint8_t *byte)
{
    if (EVENTS_RXDRDY == 0u) {
        return false;
    }
    /* In this order: reading brings the next byte of the receiver's buffer forward, and with it the next event. */
    EVENTS_RXDRDY = 0;
    *byte = (uint8_t)RXD;
    return true;
}

void uart_send(uint8_t byte)
{
    EVENTS_TXDRDY = 0;
    TXD = byte;
    while (EVENTS_TXDRDY == 0u) {
    }
}
