/**
 * @file board.h
 * @brief Arm MPS2+ with the AN386 image (Cortex-M4F)
 */
#ifndef BOARD_H
#define BOARD_H

#define BOARD_NAME "mps2-an386"
#define BOARD_CORE "cortex-m4"
#define BOARD_CLOCK_HZ 25000000u
#define BOARD_EMULATED 1

#define BOARD_UART_BASE 0x40004000u
#define BOARD_UART_CLOCK_HZ 25000000u
#define BOARD_UART_BAUD 115200u
#define BOARD_UART_RECEIVE_IRQ 0u
/** @brief The UART's clock where setup_run() has failed. */
#define BOARD_UART_RESET_CLOCK_HZ 25000000u
/** @brief Steps of the baud divisor for one clock. */
#define BOARD_UART_DIVISOR_STEPS 1u

/** @brief Register operations in board_setup.c, and how many of them, the first, are the chip's. */
#define BOARD_SETUP_STEPS 0u
#define BOARD_SETUP_CHIP_STEPS 0u

/** @brief Whether the image can hand over to a boot loader (chip.h), and register operations to carry out before. */
#define BOARD_HAS_BOOT_LOADER 0
#define BOARD_BOOT_LOADER_STEPS 0u

/** @brief What may count cycles, best first (cycles.h). */
#define BOARD_CYCLE_COUNTERS CYCLES_DWT, CYCLES_SYSTICK

/** @brief Longest request payload, in bytes, that the device takes. */
#define LINK_REQUEST_BYTES 16384u
/** @brief Bytes that may come while the device is busy: a longest request, encoded, with its delimiters. */
#define LINK_WINDOW_BYTES 16464u

#endif
