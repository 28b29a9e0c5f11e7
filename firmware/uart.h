/**
 * @file uart.h
 * @brief The serial port of the link. Each driver implements these functions.
 */
#ifndef UART_H
#define UART_H

#include <stdbool.h>
#include <stdint.h>

/** @brief Sets BOARD_UART_BAUD, 8 data bits, no parity, 1 stop bit, and enables both directions. */
void uart_start(void);

/** @brief Takes a received byte, if there is one. Works in a fault handler, too. */
bool uart_poll(uint8_t *byte);

/**
 * @brief Sleeps until there may be a byte; returns at once where one came since the last uart_poll().
 *
 * Interrupts are as before when it returns: not masked, for cycles.c may need one.
 */
void uart_sleep(void);

/** @brief Sends one byte, after waiting for room. */
void uart_send(uint8_t byte);

#endif
