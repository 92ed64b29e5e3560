/* The serial port: eight data bits, no parity, one stop bit, at BAUD. It only speaks. */
#ifndef UART_H
#define UART_H

void uart_on(void);

/* Sends a character, after waiting until there is room for it. */
void uart_put(char character);

/* Waits until the last bit has gone out. */
void uart_flush(void);

#endif
