/**
 * An interrupt as avr8js wants it described; the library keeps the name of the type to itself.
 */
import type { CPU } from "avr8js";

/** Where an interrupt's vector is, by which bit it is asked for, and by which it is allowed. */
export type Interrupt = Parameters<CPU["setInterruptFlag"]>[0];
