/**
 * @file stack.c
 * @brief Stack painting, and what catches an overflow.
 */
#include "stack.h"

#include "image.h"

#define PATTERN 0xC5A55AC5u
#define GUARD_WORDS 4u
/* Below the RAM, where nothing else is in any chip; a frame that leaps over it would be larger than most RAMs. */
#define GUARD_BITS 15u
#define GUARD_LEAST_BITS 8u

void stack_paint(void)
{
    uint32_t *word = image_stack_bottom;
    uint32_t *top;
    /* In one piece, so that nothing is pushed between reading the stack pointer and painting up to it. */
    __asm__ volatile("mov   %1, sp\n"
                     "1:\n\t"
                     "cmp   %0, %1\n\t"
                     "bhs   2f\n\t"
                     "stmia %0!, {%2}\n\t"
                     "b     1b\n"
                     "2:"
                     : "+l"(word), "=&l"(top)
                     : "l"(PATTERN)
                     : "cc", "memory");
}

#if defined(__ARM_ARCH) && __ARM_ARCH >= 8

void stack_protect(void)
{
    __asm__ volatile("msr msplim, %0" ::"r"(image_stack_bottom));
}

#elif defined(__ARM_ARCH)

/* Armv7-M Architecture Reference Manual (DDI 0403E.e), B3.5; Armv6-M (DDI 0419E), B3.5: the same registers. */
#define MPU_TYPE (*(const volatile uint32_t *)0xE000ED90u)
#define MPU_TYPE_REGIONS (0xFFu << 8)
#define MPU_CTRL (*(volatile uint32_t *)0xE000ED94u)
#define MPU_CTRL_ENABLE (1u << 0)
#define MPU_CTRL_DEFAULT_MAP (1u << 2)
#define MPU_RNR (*(volatile uint32_t *)0xE000ED98u)
#define MPU_RBAR (*(volatile uint32_t *)0xE000ED9Cu)
#define MPU_RASR (*(volatile uint32_t *)0xE000EDA0u)
#define MPU_RASR_ENABLE (1u << 0)
#define MPU_RASR_NEVER_EXECUTE (1u << 28)

void stack_protect(void)
{
    if ((MPU_TYPE & MPU_TYPE_REGIONS) == 0u) {
        return;
    }
    /* A region begins at a multiple of its size; this one ends where the stack does. Access is forbidden to all. */
    const uint32_t end = (uint32_t)(uintptr_t)image_stack_bottom;
    uint32_t bits = GUARD_BITS;
    while (bits >= GUARD_LEAST_BITS && (end & ((1u << bits) - 1u)) != 0u) {
        --bits;
    }
    if (bits < GUARD_LEAST_BITS) {
        return;
    }
    MPU_RNR = 0;
    MPU_RBAR = end - (1u << bits);
    MPU_RASR = MPU_RASR_NEVER_EXECUTE | ((bits - 1u) << 1) | MPU_RASR_ENABLE;
    MPU_CTRL = MPU_CTRL_DEFAULT_MAP | MPU_CTRL_ENABLE;
    __asm__ volatile("dsb\n\tisb" ::: "memory");
}

#endif

bool stack_grew_to(uintptr_t address)
{
    const uintptr_t bottom = (uintptr_t)image_stack_bottom;
    return address < bottom && bottom - address <= (uintptr_t)1 << GUARD_BITS;
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
