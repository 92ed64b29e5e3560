#include "line.h"

#include "uart.h"

static uint8_t sum;
static bool is_begun;

static void put(char character) {
    sum ^= (uint8_t)character;
    uart_put(character);
}

static void put_text(const char *text) {
    while (*text != '\0') put(*text++);
}

static void put_number(uint16_t number) {
    char digits[5];
    uint8_t count = 0;

    do {
        digits[count++] = '0' + number % 10;
        number /= 10;
    } while (number > 0);
    while (count > 0) put(digits[--count]);
}

static char hex_digit(uint8_t value) {
    return value < 10 ? '0' + value : 'A' + value - 10;
}

static void end_text(void) {
    uart_put('\r');
    uart_put('\n');
    sum = 0;
    is_begun = false;
}

void line_item(const char *quantity, int16_t tenths, const char *unit, bool is_doubtful) {
    uint16_t size = tenths < 0 ? -(uint16_t)tenths : (uint16_t)tenths;

    if (is_begun) put(' ');
    is_begun = true;
    put_text(quantity);
    put('=');
    if (tenths < 0) put('-');
    put_number(size / 10);
    put('.');
    put_number(size % 10);
    put_text(unit);
    if (is_doubtful) put('!');
}

void line_end(void) {
    if (is_begun) {
        uint8_t checksum = sum;

        uart_put('*');
        uart_put(hex_digit(checksum >> 4));
        uart_put(hex_digit(checksum & 0x0f));
    }
    end_text();
}

void line_comment(const char *text) {
    put_text("# ");
    put_text(text);
    end_text();
}
