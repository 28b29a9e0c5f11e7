/**
 * @file main_mlperf.c
 * @brief The image that speaks MLPerf Tiny's serial protocol.
 */
#include <stdbool.h>
#include <stdint.h>

#include "cycles.h"
#include "fault.h"
#include "image.h"
#include "mlperf.h"
#include "receive.h"
#include "uart.h"

void port_write(const uint8_t *bytes, uint32_t length)
{
    for (uint32_t i = 0; i < length; ++i) {
        uart_send(bytes[i]);
    }
}

_Noreturn void fault_notify(const struct fault_record *record)
{
    (void)record;
    mlperf_say("\r\ne-[The firmware stopped with a fault]\r\n");
    for (;;) {
    }
}

int main(void)
{
    uart_start();
    cycles_start();
    receive_start();
    mlperf_start();
    for (;;) {
        uint8_t byte;
        while (!receive_take(&byte)) {
            receive_sleep();
        }
        mlperf_receive(byte);
    }
}
