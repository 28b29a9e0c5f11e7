/**
 * @file stack.c
 * @brief Stack painting.
 */
#include "stack.h"

#include "image.h"

#define PATTERN 0xC5A55AC5u
#define GUARD_WORDS 4u

void stack_paint(void)
{
    uint32_t *top;
    __asm__ volatile("mov %0, sp" : "=r"(top));
    /* Volatile, so that no call to memset with a frame of its own comes of it. */
    for (volatile uint32_t *word = image_stack_bottom; word < top; ++word) {
        *word = PATTERN;
    }
}

uint32_t stack_size_bytes(void)
{
    return (uint32_t)((uintptr_t)image_stack_top - (uintptr_t)image_stack_bottom);
}

uint32_t stack_used_bytes(void)
{
    const volatile uint32_t *word = image_stack_bottom;
    while (word != image_stack_top && *word == PATTERN) {
        ++word;
    }
    return (uint32_t)((uintptr_t)image_stack_top - (uintptr_t)word);
}

bool stack_intact(void)
{
    for (uint32_t i = 0; i < GUARD_WORDS; ++i) {
        if (image_stack_bottom[i] != PATTERN) {
            return false;
        }
    }
    return true;
}
