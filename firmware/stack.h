/**
 * @file stack.h
 * @brief How much of the stack was ever used, and whether all of it was not enough.
 */
#ifndef STACK_H
#define STACK_H

#include <stdbool.h>
#include <stdint.h>

/** @brief Fills what is free of the stack with a pattern. Called once, first thing in main(). */
void stack_paint(void);

/**
 * @brief Makes the core fault where the stack grows out of its memory. Called once, after stack_paint().
 *
 * From Armv8-M on by the stack limit register; before, by the memory protection unit, whose region lies below the
 * stack, and so below the RAM. Without either, only an access that no memory answers faults, and stack_intact() tells
 * what stopped just before.
 */
void stack_protect(void);

/** @brief Whether @p address, which somebody used in vain, is one that a stack grown too large would use. */
bool stack_grew_to(uintptr_t address);

/** @brief Bytes reserved for the stack. */
uint32_t stack_size_bytes(void);

/** @brief Bytes of the stack that have been used since stack_paint(), its callers included. */
uint32_t stack_used_bytes(void);

/** @brief Whether the last words of the stack still hold the pattern. */
bool stack_intact(void);

#endif
