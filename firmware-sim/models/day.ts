/**
 * The city's day: local time, and the shapes that people's habits give to it.
 *
 * Shapes are smooth, between 0 and 1, and know the hour and the weekday only. What a street or a car park makes
 * of them is the matter of the other models.
 */

/** Local time of a city. `hour` is fractional, 0 to 24; `weekday` counts from 0, Sunday. */
export interface LocalTime {
  readonly hour: number;
  readonly weekday: number;
}

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** A time zone of the IANA database, with its offset looked up once an hour. */
export class TimeZone {
  readonly name: string;
  readonly #format: Intl.DateTimeFormat;
  #hour = Number.NaN;
  #offsetMs = 0;

  /** Throws `RangeError` for a name that the database lacks. */
  constructor(name: string) {
    this.name = name;
    this.#format = new Intl.DateTimeFormat("en", { timeZone: name, timeZoneName: "longOffset" });
  }

  /** Gives the local time of an instant (Unix milliseconds). */
  local(timeMs: number): LocalTime {
    // Offsets change at full quarters of UTC hours only; an hour is fine enough for a model.
    const hour = Math.floor(timeMs / HOUR_MS);
    if (hour !== this.#hour) {
      this.#hour = hour;
      this.#offsetMs = this.#offsetAt(hour * HOUR_MS);
    }
    const localMs = timeMs + this.#offsetMs;
    const day = Math.floor(localMs / DAY_MS);
    // Day 0 of Unix time was a Thursday.
    return { hour: (localMs - day * DAY_MS) / HOUR_MS, weekday: (((day + 4) % 7) + 7) % 7 };
  }

  #offsetAt(timeMs: number): number {
    const text = this.#format.formatToParts(timeMs).find((part) => part.type === "timeZoneName");
    const match = /^GMT([+-])(\d\d):(\d\d)$/.exec(text?.value ?? "");
    if (match === null) return 0;
    const minutes = Number(match[2]) * 60 + Number(match[3]);
    return (match[1] === "-" ? -minutes : minutes) * 60_000;
  }
}

/** Says whether it is Saturday or Sunday. */
export function isWeekend(time: LocalTime): boolean {
  return time.weekday === 0 || time.weekday === 6;
}

/** A bell around an hour of the day, 1 at its centre, going round midnight. `width` is its deviation in hours. */
export function bell(hour: number, centre: number, width: number): number {
  const away = Math.abs(hour - centre) % 24;
  const distance = Math.min(away, 24 - away);
  return Math.exp(-((distance / width) ** 2) / 2);
}

/** A smooth step from 0 to 1 around an hour, half-way at `centre`. */
export function rise(hour: number, centre: number, width: number): number {
  return 1 / (1 + Math.exp((centre - hour) / (width / 2)));
}

/**
 * How much of a road's busiest hour is on it: two rush hours on working days, one broad hump at the weekend.
 *
 * 1 about a quarter past eight and half past five of a working day, some hundredths in the small hours.
 */
export function roadActivity(time: LocalTime): number {
  const { hour } = time;
  const night = 0.04;
  const day = isWeekend(time)
    ? 0.62 * bell(hour, 13.5, 3.6) + 0.12 * bell(hour, 21, 2.5)
    : 0.72 * bell(hour, 8.25, 1.0) +
      0.74 * bell(hour, 17.4, 1.35) +
      0.42 * bell(hour, 13, 3.2) +
      0.1 * bell(hour, 21.5, 2);
  return Math.min(1, night + day);
}

/** How much of a city car park is taken: filled by half past nine, emptied from four; later and less at weekends. */
export function parkingActivity(time: LocalTime): number {
  const { hour } = time;
  return isWeekend(time)
    ? 0.06 + 0.7 * rise(hour, 10.5, 1.3) * (1 - rise(hour, 17.5, 1.4))
    : 0.08 + 0.86 * rise(hour, 8.3, 0.9) * (1 - rise(hour, 17.3, 1.2)) + 0.1 * bell(hour, 20, 1.6);
}
