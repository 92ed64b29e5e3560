/**
 * Times as recordings write them.
 *
 * ISO 8601 with a blank or `T`, with or without seconds and zone; `MM/DD/YYYY hh:mm:ss AM`; Unix seconds or
 * milliseconds. A time without zone is taken for UTC: replay needs differences, and a recording seldom says.
 */

const ISO =
  /^(\d{4})-(\d\d)-(\d\d)(?:[ T](\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?)?(Z|[+-]\d\d:?\d\d)?$/;
const AMERICAN = /^(\d\d)\/(\d\d)\/(\d{4}) (\d\d?):(\d\d)(?::(\d\d))?(?: ([AP])M)?$/;
const UNIX_SECONDS = /^\d{9,10}(?:\.\d{1,9})?$/;
const UNIX_MILLISECONDS = /^\d{12,13}$/;

/** Parses a time to Unix milliseconds; `undefined` for no time at all, and for days and hours that do not exist. */
export function parseTime(text: string): number | undefined {
  const trimmed = text.trim();
  if (UNIX_SECONDS.test(trimmed)) return Math.round(Number(trimmed) * 1000);
  if (UNIX_MILLISECONDS.test(trimmed)) return Number(trimmed);
  return parseIso(trimmed) ?? parseAmerican(trimmed);
}

function parseIso(text: string): number | undefined {
  const match = ISO.exec(text);
  if (match === null) return undefined;
  const [, year, month, day, hour, minute, second, fraction, zone] = match;
  const offset = zone === undefined ? 0 : offsetMs(zone);
  const local = instant(year, month, day, Number(hour ?? 0), minute, second);
  if (local === undefined || offset === undefined) return undefined;
  return local - offset + Math.floor(Number(`0.${fraction ?? "0"}`) * 1000);
}

function parseAmerican(text: string): number | undefined {
  const match = AMERICAN.exec(text);
  if (match === null) return undefined;
  const [, month, day, year, hourText, minute, second, half] = match;
  const hour = Number(hourText);
  if (half === undefined) return instant(year, month, day, hour, minute, second);
  if (hour < 1 || hour > 12) return undefined;
  return instant(year, month, day, (hour % 12) + (half === "P" ? 12 : 0), minute, second);
}

function instant(
  year: string | undefined,
  month: string | undefined,
  day: string | undefined,
  hour: number,
  minute: string | undefined,
  second: string | undefined,
): number | undefined {
  const minutes = Number(minute ?? 0);
  const seconds = Number(second ?? 0);
  if (hour > 23 || minutes > 59 || seconds > 59) return undefined;
  const midnight = Date.UTC(Number(year), Number(month) - 1, Number(day));
  // Date.UTC carries the 31st of February over into March.
  if (
    new Date(midnight).getUTCDate() !== Number(day) ||
    new Date(midnight).getUTCMonth() !== Number(month) - 1
  ) {
    return undefined;
  }
  return midnight + ((hour * 60 + minutes) * 60 + seconds) * 1000;
}

function offsetMs(zone: string): number | undefined {
  if (zone === "Z") return 0;
  const hours = Number(zone.slice(1, 3));
  const minutes = Number(zone.slice(-2));
  if (hours > 18 || minutes > 59) return undefined;
  return (zone.startsWith("-") ? -1 : 1) * (hours * 60 + minutes) * 60_000;
}
