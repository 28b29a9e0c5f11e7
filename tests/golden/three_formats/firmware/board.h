/**
 * @file board.h
 * @brief Arm MPS2+ with the AN386 image (Cortex-M4F)
 */
#ifndef BOARD_H
#define BOARD_H

#define BOARD_NAME "mps2-an386"
#define BOARD_CLOCK_HZ 25000000u
#define BOARD_EMULATED 1

#define BOARD_UART_BASE 0x40004000u
#define BOARD_UART_CLOCK_HZ 25000000u
#define BOARD_UART_BAUD 115200u
#define BOARD_UART_RECEIVE_IRQ 0u

/** @brief Longest request payload, in bytes, that the device takes. */
#define LINK_REQUEST_BYTES 16384u

#endif
