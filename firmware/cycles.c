/**
 * @file cycles.c
 * @brief The cycle counters, and how the one that counts is found.
 *
 * A counter that a chip lacks, or an emulator does not model, reads the same for ever: so each is tried.
 */
#include "cycles.h"

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>

#include "board.h"
#include "image.h"

#define REGISTER(address) (*(volatile uint32_t *)(address))

/* Armv7-M Architecture Reference Manual (DDI 0403E.e), C1.6.5 and C1.8. */
#define DEMCR REGISTER(0xE000EDFCu)
#define DEMCR_TRACE_ENABLE (1u << 24)
#define DWT_CTRL REGISTER(0xE0001000u)
#define DWT_CTRL_COUNT (1u << 0)
#define DWT_CYCCNT REGISTER(0xE0001004u)
/* The Cortex-M7 has a lock on them; where there is none, this is not written anywhere. */
#define DWT_LAR REGISTER(0xE0001FB0u)
#define DWT_LAR_KEY 0xC5ACCE55u

/* The same manual, B3.3. */
#define SYST_CSR REGISTER(0xE000E010u)
#define SYST_CSR_ENABLE (1u << 0)
#define SYST_CSR_INTERRUPT (1u << 1)
#define SYST_CSR_CORE_CLOCK (1u << 2)
#define SYST_RVR REGISTER(0xE000E014u)
#define SYST_CVR REGISTER(0xE000E018u)
#define SYST_BITS 24u
#define SYST_MOST ((1u << SYST_BITS) - 1u)

/* Reads of a counter before it is taken for dead. An emulator on a busy machine may take a tenth of a second until
 * SysTick leaves 0. */
#define TRIES 100u
#define SYSTICK_TRIES 1000000u
#define OVERHEAD_TRIES 16u

static enum cycles_source source;
static uint32_t overhead;
static volatile uint32_t wraps;

void cycles_systick_handler(void)
{
    ++wraps;
}

static void dwt_start(void)
{
    DEMCR |= DEMCR_TRACE_ENABLE;
    DWT_LAR = DWT_LAR_KEY;
    DWT_CTRL |= DWT_CTRL_COUNT;
}

static uint32_t dwt_now(void)
{
    return DWT_CYCCNT;
}

static void systick_start(void)
{
    SYST_RVR = SYST_MOST;
    SYST_CVR = 0;
    SYST_CSR = SYST_CSR_ENABLE | SYST_CSR_INTERRUPT | SYST_CSR_CORE_CLOCK;
}

/* It counts down from 2^24 - 1, and an interrupt counts how often. */
static uint32_t systick_now(void)
{
    uint32_t high;
    uint32_t low;
    do {
        high = wraps;
        low = SYST_MOST - (SYST_CVR & SYST_MOST);
        __asm__ volatile("isb" ::: "memory"); /* an interrupt that was due when it was read is taken by now */
    } while (high != wraps);
    return (high << SYST_BITS) + low;
}

#ifdef BOARD_CYCLE_TIMER_BASE
/* nRF51 Series Reference Manual v3.0.1, 18.2; the nRF52's timers begin alike. */
#define TIMER_TASKS_START REGISTER(BOARD_CYCLE_TIMER_BASE + 0x000u)
#define TIMER_TASKS_STOP REGISTER(BOARD_CYCLE_TIMER_BASE + 0x004u)
#define TIMER_TASKS_CAPTURE0 REGISTER(BOARD_CYCLE_TIMER_BASE + 0x040u)
#define TIMER_MODE REGISTER(BOARD_CYCLE_TIMER_BASE + 0x504u)
#define TIMER_BITMODE REGISTER(BOARD_CYCLE_TIMER_BASE + 0x508u)
#define TIMER_BITMODE_32 3u
#define TIMER_PRESCALER REGISTER(BOARD_CYCLE_TIMER_BASE + 0x510u)
#define TIMER_CC0 REGISTER(BOARD_CYCLE_TIMER_BASE + 0x540u)

static_assert(BOARD_CLOCK_HZ % BOARD_CYCLE_TIMER_HZ == 0u, "a tick of the timer is a whole number of cycles");

static void nrf_timer_start(void)
{
    TIMER_TASKS_STOP = 1;
    TIMER_MODE = 0;
    TIMER_BITMODE = TIMER_BITMODE_32;
    TIMER_PRESCALER = 0;
    TIMER_TASKS_START = 1;
}

static uint32_t nrf_timer_now(void)
{
    TIMER_TASKS_CAPTURE0 = 1;
    return TIMER_CC0 * (BOARD_CLOCK_HZ / BOARD_CYCLE_TIMER_HZ);
}
#endif

static void start(enum cycles_source which)
{
    switch (which) {
    case CYCLES_DWT:
        dwt_start();
        break;
    case CYCLES_SYSTICK:
        systick_start();
        break;
#ifdef BOARD_CYCLE_TIMER_BASE
    case CYCLES_NRF_TIMER:
        nrf_timer_start();
        break;
#endif
    default:
        break;
    }
}

uint32_t cycles_now(void)
{
    switch (source) {
    case CYCLES_DWT:
        return dwt_now();
    case CYCLES_SYSTICK:
        return systick_now();
#ifdef BOARD_CYCLE_TIMER_BASE
    case CYCLES_NRF_TIMER:
        return nrf_timer_now();
#endif
    default:
        return 0;
    }
}

static bool counts(void)
{
    const uint32_t tries = source == CYCLES_SYSTICK ? SYSTICK_TRIES : TRIES;
    const uint32_t begin = cycles_now();
    for (uint32_t i = 0; i < tries; ++i) {
        if (cycles_now() != begin) {
            return true;
        }
    }
    return false;
}

uint32_t cycles_since(uint32_t begin)
{
    const uint32_t passed = cycles_now() - begin;
    return passed > overhead ? passed - overhead : 0u;
}

enum cycles_source cycles_source(void)
{
    return source;
}

void cycles_start(void)
{
    static const uint8_t preferred[] = {BOARD_CYCLE_COUNTERS};
    for (size_t i = 0; i < sizeof preferred; ++i) {
        source = (enum cycles_source)preferred[i];
        start(source);
        if (counts()) {
            break;
        }
        source = CYCLES_NONE;
    }
    overhead = 0;
    uint32_t least = UINT32_MAX;
    for (uint32_t i = 0; i < OVERHEAD_TRIES; ++i) {
        const uint32_t nothing = cycles_since(cycles_now());
        if (nothing < least) {
            least = nothing;
        }
    }
    overhead = least;
}
