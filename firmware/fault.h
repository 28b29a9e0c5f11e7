/**
 * @file fault.h
 * @brief What is known of a fault, and who is told.
 */
#ifndef FAULT_H
#define FAULT_H

#include <stdint.h>

/** @brief Registers at the moment of a fault. All zero where the core lacks a register or the stack was lost. */
struct fault_record {
    uint32_t pc;                  /**< instruction that faulted, or the one after it */
    uint32_t lr;                  /**< return address of the function that faulted */
    uint32_t xpsr;                /**< program status; the exception number is of the code that faulted */
    uint32_t sp;                  /**< stack pointer after the exception frame was pushed */
    uint32_t exception;           /**< number of the exception taken: 2 NMI, 3 HardFault, ... */
    uint32_t configurable_status; /**< CFSR; 0 on Armv6-M, which has none */
    uint32_t hard_status;         /**< HFSR; 0 on Armv6-M */
    uint32_t address;             /**< faulting data address where CFSR says that it is known, else 0 */
};

/** @brief In configurable_status: CFSR.STKOF, the stack limit register was hit. Armv8-M only. */
#define FAULT_STACK_LIMIT (1u << 20)

/** @brief Vector of every exception: collects a record on a fresh stack and hands it to fault_notify(). */
void fault_handler(void);

/** @brief Tells the world. Defined by each image; must not return. */
_Noreturn void fault_notify(const struct fault_record *record);

#endif
