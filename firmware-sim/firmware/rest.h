/*
 * Rest between measurements, in deep sleep, with the watchdog for an alarm clock and a watchdog.
 *
 * It calls once a second. Whoever does not rest for two seconds has lost their way, and is reset.
 */
#ifndef REST_H
#define REST_H

#include <stdbool.h>
#include <stdint.h>

/* Starts the watchdog. */
void rest_begin(void);

/* Sleeps so many seconds, of the watchdog's clock: a tenth more or less. Interrupts have to be enabled. */
void rest_seconds(uint8_t seconds);

/* Whether the watchdog has reset the board this time. */
bool rest_was_watchdog(void);

#endif
