/**
 * @file uart.h
 * @brief The serial port of the link, polled. Each driver implements these three functions.
 */
#ifndef UART_H
#define UART_H

#include <stdint.h>

/** @brief Sets BOARD_UART_BAUD, 8 data bits, no parity, 1 stop bit, and enables both directions. */
void uart_start(void);

/** @brief Waits for the next byte. */
uint8_t uart_receive(void);

/** @brief Sends one byte, after waiting for room. */
void uart_send(uint8_t byte);

#endif
