/**
 * @file fault.c
 * @brief From an exception to a fault record.
 */
#include "fault.h"

#include <stdint.h>

#include "image.h"

#define EXCEPTION_FRAME_BYTES 32u
#define CFSR_MMFAR_VALID (1u << 7)
#define CFSR_BFAR_VALID (1u << 15)

_Noreturn void fault_collect(const uint32_t *frame);

/* The stack may be what is broken. Where less than 512 bytes of it are left, or the pointer is outside of it, go on
   from its top: what lies there is lost, but it is not the exception frame, and nobody returns to it. */
__attribute__((naked)) void fault_handler(void)
{
    __asm__ volatile("mov  r0, sp\n\t"
                     "ldr  r1, =image_stack_bottom + 512\n\t"
                     "cmp  r0, r1\n\t"
                     "blo  1f\n\t"
                     "ldr  r1, =image_stack_top\n\t"
                     "cmp  r0, r1\n\t"
                     "bls  2f\n"
                     "1:\n\t"
                     "ldr  r1, =image_stack_top\n\t"
                     "mov  sp, r1\n"
                     "2:\n\t"
                     "ldr  r1, =fault_collect\n\t"
                     "bx   r1\n\t"
                     ".ltorg");
}

__attribute__((used)) _Noreturn void fault_collect(const uint32_t *frame)
{
    struct fault_record record = {0};
    const uintptr_t sp = (uintptr_t)frame;
    record.sp = (uint32_t)sp;
    /* At the very bottom, the stack limit register (Armv8-M) has kept the core from pushing anything. */
    if (sp > (uintptr_t)image_stack_bottom && sp <= (uintptr_t)image_stack_top - EXCEPTION_FRAME_BYTES) {
        /* pushed by the core: r0 to r3, r12, lr, return address, xpsr */
        record.lr = frame[5];
        record.pc = frame[6];
        record.xpsr = frame[7];
    }
    const volatile uint32_t *const interrupt_control = (const volatile uint32_t *)0xE000ED04u;
    record.exception = *interrupt_control & 0x1FFu;
#if __ARM_ARCH >= 7
    const volatile uint32_t *const faults = (const volatile uint32_t *)0xE000ED28u; /* CFSR, HFSR, DFSR, MMFAR, BFAR */
    record.configurable_status = faults[0];
    record.hard_status = faults[1];
    if ((record.configurable_status & CFSR_MMFAR_VALID) != 0u) {
        record.address = faults[3];
    } else if ((record.configurable_status & CFSR_BFAR_VALID) != 0u) {
        record.address = faults[4];
    }
#endif
    fault_notify(&record);
}
