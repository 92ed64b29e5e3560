/** Times and ages as people read them. Where it matters for proof, UTC is shown beside the local time. */

const SECOND_MS = 1000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

/** Ages below this are "just now": clocks are no finer than that. */
const JUST_NOW_MS = 3 * SECOND_MS;

/** Says how long ago something was, or how far ahead: "12 s ago". */
export function formatAge(ageMs: number): string {
  if (Math.abs(ageMs) < JUST_NOW_MS) return "just now";
  return ageMs > 0 ? `${formatDuration(ageMs)} ago` : `${formatDuration(-ageMs)} ahead`;
}

/** Says how long something takes, in its greatest unit: "3 min". */
export function formatDuration(durationMs: number): string {
  if (durationMs < MINUTE_MS) return `${Math.floor(durationMs / SECOND_MS)} s`;
  if (durationMs < HOUR_MS) return `${Math.floor(durationMs / MINUTE_MS)} min`;
  if (durationMs < 2 * DAY_MS) return `${Math.floor(durationMs / HOUR_MS)} h`;
  return `${Math.floor(durationMs / DAY_MS)} days`;
}

const clock = new Intl.DateTimeFormat("en-GB", {
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
});
const day = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", year: "numeric" });

/** The local time of day, with the date where it is not that of `nowMs`. */
export function formatTime(timeMs: number, nowMs: number): string {
  if (!isTime(timeMs)) return "at an impossible time";
  const date = day.format(timeMs);
  return date === day.format(nowMs) ? clock.format(timeMs) : `${date}, ${clock.format(timeMs)}`;
}

/** UTC to the second, or to the millisecond where there are any. */
export function formatUtc(timeMs: number): string {
  if (!isTime(timeMs)) return "at an impossible time";
  const [date = "", time = ""] = new Date(timeMs).toISOString().split("T");
  return `${date} ${time.replace(".000Z", "").replace("Z", "")} UTC`;
}

/** For the `datetime` of a `<time>`; `undefined` where there is no such time. */
export function isoTime(timeMs: number): string | undefined {
  return isTime(timeMs) ? new Date(timeMs).toISOString() : undefined;
}

/** The range of ECMAScript's dates. A hub may say any number. */
function isTime(timeMs: number): boolean {
  return Math.abs(timeMs) <= 8.64e15;
}
