#include "uart.h"

#include <avr/io.h>
#include <stdbool.h>
#include <util/setbaud.h>

static bool has_sent;

void uart_on(void) {
    UBRR0 = UBRR_VALUE;
    UCSR0A = USE_2X ? _BV(U2X0) : 0;
    UCSR0C = _BV(UCSZ01) | _BV(UCSZ00);
    UCSR0B = _BV(TXEN0);
}

void uart_put(char character) {
    loop_until_bit_is_set(UCSR0A, UDRE0);
    /* Written as a one it is cleared, to be set when this character has gone out. */
    UCSR0A |= _BV(TXC0);
    UDR0 = (uint8_t)character;
    has_sent = true;
}

void uart_flush(void) {
    if (has_sent) loop_until_bit_is_set(UCSR0A, TXC0);
    has_sent = false;
}
