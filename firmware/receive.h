/**
 * @file receive.h
 * @brief Bytes from the UART, taken by its interrupt, so that they may come while the network runs.
 */
#ifndef RECEIVE_H
#define RECEIVE_H

#include <stdbool.h>
#include <stdint.h>

/** @brief Lets the interrupt come. Called once, after uart_start(). */
void receive_start(void);

/** @brief The vector of the UART's interrupt: moves what the UART holds into memory. */
void receive_interrupt_handler(void);

/**
 * @brief Takes the oldest byte, if there is one.
 *
 * At most LINK_WINDOW_BYTES wait here. What comes when that is full waits in the UART, which drops what it has no room
 * for; the frame that lacks it does not check.
 */
bool receive_take(uint8_t *byte);

/** @brief Sleeps until there may be a byte. */
void receive_sleep(void);

#endif
