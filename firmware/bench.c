/**
 * @file bench.c
 * @brief The marks. In a file of their own, so that calls to them stay calls.
 */
#include "bench.h"

/* The empty instruction keeps the compiler from folding the two functions into one or dropping the calls. */
__attribute__((noinline)) void bench_begin(void)
{
    __asm__ volatile("" ::: "memory");
}

__attribute__((noinline)) void bench_end(void)
{
    __asm__ volatile("" ::: "memory");
}
