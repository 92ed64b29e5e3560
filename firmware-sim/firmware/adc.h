/* Voltages at the analog inputs, against the supply of 5 V. */
#ifndef ADC_H
#define ADC_H

#include <stdbool.h>
#include <stdint.h>

struct adc_sample {
    /* The mean of many conversions. */
    uint16_t millivolts;
    /* It was at one end of the range all the time: nothing is attached, or a wire is broken. */
    bool is_at_end;
};

void adc_on(void);

/* Takes power from the converter; it would go on drawing it in deep sleep. */
void adc_off(void);

/* Converts one channel of 0 to 7 in the quiet of a sleeping processor. Interrupts have to be enabled. */
struct adc_sample adc_read(uint8_t channel);

#endif
