/** A time, and how long ago it was. */

import type { JSX } from "preact";
import { formatAge, formatTime, formatUtc, isoTime } from "../words/time.ts";
import { useNow, useShown } from "./desk.ts";

const REFRESH_MS = 1_000;

/** Shows a time of the hub's clock: the local time, its age beside it, UTC when pointed at. */
export function Moment({ timeMs }: { timeMs: number }): JSX.Element {
  const nowMs = useNow(REFRESH_MS) + (useShown().city?.clockOffsetMs ?? 0);
  return (
    <time class="moment" dateTime={isoTime(timeMs)} title={formatUtc(timeMs)}>
      <span class="moment-time">{formatTime(timeMs, nowMs)}</span>{" "}
      <span class="moment-age">{formatAge(nowMs - timeMs)}</span>
    </time>
  );
}
