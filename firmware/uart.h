/**
 * @file uart.h
 * @brief The serial port of the link. Each driver implements these functions.
 */
#ifndef UART_H
#define UART_H

#include <stdbool.h>
#include <stdint.h>

/**
 * @brief Sets BOARD_UART_BAUD, 8 data bits, no parity, 1 stop bit; enables both directions and the interrupt that says
 *        that a byte was received, which receive_start() lets come.
 */
void uart_start(void);

/** @brief Takes a received byte, if there is one. Works in a fault handler, too. */
bool uart_poll(uint8_t *byte);

/** @brief Sends one byte, after waiting for room. */
void uart_send(uint8_t byte);

#endif
