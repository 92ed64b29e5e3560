#include "rest.h"

#include <avr/interrupt.h>
#include <avr/io.h>
#include <avr/sleep.h>
#include <avr/wdt.h>

static volatile bool has_called;
/* Set before the memory is cleared at the start. */
static uint8_t reset_cause __attribute__((section(".noinit")));

/*
 * Runs before main, and before anything that takes time: a watchdog that has reset the board is still running, at its
 * shortest period, and cannot be stopped before its flag is cleared.
 */
void stop_watchdog(void) __attribute__((naked, used, section(".init3")));
void stop_watchdog(void) {
    reset_cause = MCUSR;
    MCUSR = 0;
    wdt_disable();
}

/* The hardware has switched this interrupt off; the next time it would be a reset. */
ISR(WDT_vect) {
    has_called = true;
}

void rest_begin(void) {
    wdt_enable(WDTO_1S);
    WDTCSR |= _BV(WDIE);
}

void rest_seconds(uint8_t seconds) {
    set_sleep_mode(SLEEP_MODE_PWR_DOWN);
    while (seconds-- > 0) {
        WDTCSR |= _BV(WDIE);
        cli();
        while (!has_called) {
            sleep_enable();
            sei(); /* Nothing comes between this and the next instruction. */
            sleep_cpu();
            sleep_disable();
            cli();
        }
        has_called = false;
        sei();
    }
    WDTCSR |= _BV(WDIE);
}

bool rest_was_watchdog(void) {
    return (reset_cause & _BV(WDRF)) != 0;
}
