/*
 * An air station: temperature and humidity, a line every few seconds.
 *
 * For an ATmega328P at 16 MHz with 5 V, such as an Arduino Uno or Nano, with a TMP36 (temperature) at A0 and an HIH-4030
 * (relative humidity) at A1. It speaks the line protocol of docs/line-protocol.md at 9600 baud, and sleeps in between.
 */
#include <avr/interrupt.h>
#include <avr/io.h>
#include <stdint.h>

#include "adc.h"
#include "line.h"
#include "rest.h"
#include "uart.h"

#define TEMPERATURE_CHANNEL 0
#define HUMIDITY_CHANNEL 1

/* 500 mV at no degrees, and 10 mV for each: a millivolt is a tenth of a degree. */
static int16_t temperature_tenths(uint16_t millivolts) {
    return (int16_t)millivolts - 500;
}

/* At 5 V: 800 mV at no humidity, and 31 mV for each percent. What lies beyond the ends is the sensor's tolerance. */
static int16_t humidity_tenths(uint16_t millivolts) {
    uint16_t tenths;

    if (millivolts < 800) return 0;
    tenths = ((millivolts - 800U) * 10U + 15U) / 31U;
    return tenths > 1000 ? 1000 : (int16_t)tenths;
}

static void measure(void) {
    struct adc_sample temperature;
    struct adc_sample humidity;

    adc_on();
    temperature = adc_read(TEMPERATURE_CHANNEL);
    humidity = adc_read(HUMIDITY_CHANNEL);
    adc_off();

    line_item("temp", temperature_tenths(temperature.millivolts), "Cel", temperature.is_at_end);
    line_item("rh", humidity_tenths(humidity.millivolts), "%RH", humidity.is_at_end);
    line_end();
}

int main(void) {
    uart_on();
    rest_begin();
    sei();
    /* The empty line ends whatever a boot loader has printed. */
    line_end();
    line_comment(rest_was_watchdog() ? "air station, started by its watchdog" : "air station");
    for (;;) {
        measure();
        /* The serial port has no clock in deep sleep: what it has not sent by then is spoiled. */
        uart_flush();
        rest_seconds(MEASURE_SECONDS);
    }
}
