/** A satellite receiver that tells the time, true or not. */

import { formatNmea } from "../../../firmware-sim/boards/nmea-gps.ts";

/** The sentences of a fix at `timeMs`. */
export function sayFix(timeMs: number): string {
  const [day, clock] = new Date(timeMs).toISOString().split("T") as [string, string];
  const date = day.slice(2).split("-").toReversed().join("");
  const time = clock.slice(0, 12).replaceAll(":", "");
  return (
    formatNmea(`GPGGA,${time},5130.000,N,00300.000,W,1,08,0.9,45.4,M,46.9,M,,`) +
    formatNmea(`GPRMC,${time},A,5130.000,N,00300.000,W,000.0,000.0,${date},,,A`)
  );
}
