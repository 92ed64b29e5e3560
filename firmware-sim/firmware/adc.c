#include "adc.h"

#include <avr/interrupt.h>
#include <avr/io.h>
#include <avr/sleep.h>

#define SUPPLY_MILLIVOLTS 5000UL
#define STEPS 1024U
/* As many as fit a sum of 16 bits. */
#define CONVERSIONS 64U
#define FULL_SUM (CONVERSIONS * (uint32_t)STEPS)

/* It is there to wake the processor. */
EMPTY_INTERRUPT(ADC_vect);

void adc_on(void) {
    /* 16 MHz / 128 = 125 kHz; up to 200 kHz all ten bits are good. */
    ADCSRA = _BV(ADEN) | _BV(ADIE) | _BV(ADPS2) | _BV(ADPS1) | _BV(ADPS0);
}

void adc_off(void) {
    ADCSRA = 0;
}

/* Falling asleep in this mode begins a conversion; something else may wake the processor before its end. */
static uint16_t convert(void) {
    set_sleep_mode(SLEEP_MODE_ADC);
    do {
        sleep_mode();
    } while (ADCSRA & _BV(ADSC));
    return ADC;
}

struct adc_sample adc_read(uint8_t channel) {
    uint16_t sum = 0;
    struct adc_sample sample;

    ADMUX = _BV(REFS0) | channel;
    /* The first one after a change of channel is not to be trusted. */
    convert();
    for (uint8_t i = 0; i < CONVERSIONS; i++) sum += convert();

    sample.is_at_end = sum == 0 || sum == CONVERSIONS * (STEPS - 1);
    /* A step stands for all voltages up to the next; its middle is the best guess. */
    sample.millivolts = (((uint32_t)sum + CONVERSIONS / 2) * SUPPLY_MILLIVOLTS + FULL_SUM / 2) / FULL_SUM;
    return sample;
}
