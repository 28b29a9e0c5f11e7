/**
 * @file uart_nrf_uarte.c
 * @brief Driver of the nRF52's UART with EasyDMA. Pins are selected by the board's set-up.
 *
 * Registers: nRF52840 Product Specification v1.1, 6.34.9; the same in nRF52833 PS v1.3.
 */
#include <stdint.h>

#include "board.h"
#include "uart.h"

#define REGISTER(offset) (*(volatile uint32_t *)(BOARD_UART_BASE + (offset)))
#define TASKS_STARTRX REGISTER(0x000u)
#define TASKS_STARTTX REGISTER(0x008u)
#define EVENTS_ENDRX REGISTER(0x110u)
#define EVENTS_ENDTX REGISTER(0x120u)
#define INTENSET REGISTER(0x304u)
#define ERRORSRC REGISTER(0x480u)
#define ENABLE REGISTER(0x500u)
#define BAUDRATE REGISTER(0x524u)
#define RXD_PTR REGISTER(0x534u)
#define RXD_MAXCNT REGISTER(0x538u)
#define TXD_PTR REGISTER(0x544u)
#define TXD_MAXCNT REGISTER(0x548u)
#define CONFIG REGISTER(0x56Cu)

#define INTEN_ENDRX (1u << 4)
#define ENABLE_UARTE 8u
#define ERRORSRC_ALL 0xFu

/* The specification lists these values and no formula for them. */
#if BOARD_UART_BAUD == 9600
#define BAUDRATE_VALUE 0x00275000u
#elif BOARD_UART_BAUD == 115200
#define BAUDRATE_VALUE 0x01D60000u
#elif BOARD_UART_BAUD == 230400
#define BAUDRATE_VALUE 0x03B00000u
#elif BOARD_UART_BAUD == 460800
#define BAUDRATE_VALUE 0x07400000u
#elif BOARD_UART_BAUD == 921600
#define BAUDRATE_VALUE 0x0F000000u
#elif BOARD_UART_BAUD == 1000000
#define BAUDRATE_VALUE 0x10000000u
#else
#error "this UART has no such baud rate"
#endif

/* EasyDMA reads and writes RAM only. One byte at a time: those that come before it is fetched wait in the receiver. */
static volatile uint8_t received;
static volatile uint8_t sent;

static void receive_next(void)
{
    EVENTS_ENDRX = 0;
    RXD_PTR = (uint32_t)(uintptr_t)&received;
    RXD_MAXCNT = 1;
    TASKS_STARTRX = 1;
}

void uart_start(void)
{
    ENABLE = 0;
    CONFIG = 0;
    BAUDRATE = BAUDRATE_VALUE;
    ENABLE = ENABLE_UARTE;
    INTENSET = INTEN_ENDRX;
    receive_next();
}

bool uart_poll(uint8_t *byte)
{
    if (EVENTS_ENDRX == 0u) {
        return false;
    }
    *byte = received;
    ERRORSRC = ERRORSRC_ALL; /* written ones clear */
    receive_next();
    return true;
}

void uart_send(uint8_t byte)
{
    sent = byte;
    EVENTS_ENDTX = 0;
    TXD_PTR = (uint32_t)(uintptr_t)&sent;
    TXD_MAXCNT = 1;
    __asm__ volatile("dmb" ::: "memory"); /* the byte is in RAM before EasyDMA looks for it */
    TASKS_STARTTX = 1;
    while (EVENTS_ENDTX == 0u) {
    }
}
