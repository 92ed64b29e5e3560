/**
 * What a board measures: values by the names of their quantities, as a function of the city's time.
 *
 * Models (models/), recordings (replay/) and faults (faults/) meet in these two types. Names and units are those of
 * docs/quantities.md; a name that no board knows is passed over by it.
 */

/** The values of one instant, by quantity. Never NaN or infinite. */
export type Values = Readonly<Record<string, number>>;

/** Something that can be measured at any time. */
export interface Model {
  /**
   * Gives the values at a time (Unix milliseconds).
   *
   * The same model gives the same values for the same time, in whatever order it is asked.
   */
  at(timeMs: number): Values;
}
