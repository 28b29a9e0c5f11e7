/**
 * @file receive.c
 * @brief A ring of bytes between the UART's interrupt, which alone moves its head, and main(), which moves its tail.
 */
#include "receive.h"

#include "board.h"
#include "interrupt.h"
#include "uart.h"

/* One place stays free, to tell full from empty. */
#define PLACES (LINK_WINDOW_BYTES + 1u)

static volatile uint8_t ring[PLACES];
static volatile uint32_t head;
static volatile uint32_t tail;
static volatile bool full;

static uint32_t after(uint32_t place)
{
    return place + 1u == PLACES ? 0u : place + 1u;
}

void receive_interrupt_handler(void)
{
    while (after(head) != tail) {
        uint8_t byte;
        if (!uart_poll(&byte)) {
            return;
        }
        ring[head] = byte;
        head = after(head);
    }
    /* Full. What comes now waits in the UART, or is lost there; main() is not kept from its work for it. */
    full = true;
    interrupt_disable(BOARD_UART_RECEIVE_IRQ);
}

void receive_start(void)
{
    interrupt_enable(BOARD_UART_RECEIVE_IRQ);
}

bool receive_take(uint8_t *byte)
{
    const uint32_t place = tail;
    if (place == head) {
        return false;
    }
    *byte = ring[place];
    tail = after(place);
    if (full) {
        full = false;
        interrupt_raise(BOARD_UART_RECEIVE_IRQ);
        interrupt_enable(BOARD_UART_RECEIVE_IRQ);
    }
    return true;
}

/* Bytes of one request follow each other sooner than a core, and even more an emulator, falls asleep and wakes. */
#define LOOKS_AWAKE 600u

void receive_sleep(void)
{
    for (uint32_t i = 0; i < LOOKS_AWAKE; ++i) {
        if (tail != head) {
            return;
        }
    }
    /* Masked, a pending interrupt ends WFI all the same: none can come between the look and the sleep. */
    interrupts_mask();
    if (tail == head) {
        interrupt_wait();
    }
    interrupts_unmask();
}
