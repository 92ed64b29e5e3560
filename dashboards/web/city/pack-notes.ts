/** What a device's agent says of its packs, beside the readings (docs/quantities.md, "Notes"), in words. */

import type { Device, Latest } from "../api/answer.ts";

/** Who vouched for the time, as people say it. A clock that nobody keeps is worth a word; others are as expected. */
const CLOCK_WORDS: Readonly<Record<string, string>> = {
  gps: "time by satellite",
  ntp: "time by NTP",
  hub: "time by the hub, for want of a clock",
  system: "time by a clock that nobody is known to keep",
};

/** What is shown beside a device: who told the time of its newest pack, and for whom it signs. */
export function noteWords({ latest }: Pick<Device, "latest">): readonly string[] {
  const clock = newestOf(latest, "clock");
  const apart = clock && apartWords(latest, clock);
  const moved = clock && movedWords(latest, clock);
  const boards = latest.filter(({ quantity }) => quantity === "via").map(({ value }) => value);
  return [
    ...(clock === undefined ? [] : [CLOCK_WORDS[String(clock.value)] ?? `time by ${clock.value}`]),
    ...(apart === undefined ? [] : [apart]),
    ...(moved === undefined ? [] : [moved]),
    ...[...new Set(boards)].map((board) => `signed for ${board}`),
  ];
}

/** That another clock contradicted the one of this pack; what an older pack said of it is over. */
function apartWords(latest: readonly Latest[], clock: Latest): string | undefined {
  const apart = newestOf(latest, "clock-apart");
  if (apart === undefined || apart.timeMs !== clock.timeMs) return undefined;
  const seconds = Number(apart.value);
  const other = clock.value === "gps" ? "the system’s clock" : "a satellite receiver";
  return `${other} contradicts it, ${Math.abs(seconds).toFixed(0)} s ${seconds > 0 ? "ahead" : "behind"}`;
}

/** That its receiver is not where the device should stand, in the newest pack. */
function movedWords(latest: readonly Latest[], clock: Latest): string | undefined {
  const moved = newestOf(latest, "moved");
  if (moved === undefined || moved.timeMs !== clock.timeMs) return undefined;
  const metres = Number(moved.value);
  const far = metres < 1_000 ? `${metres.toFixed(0)} m` : `${(metres / 1_000).toFixed(1)} km`;
  return `its receiver is ${far} from where it should stand`;
}

function newestOf(latest: readonly Latest[], note: string): Latest | undefined {
  return latest
    .filter(({ quantity }) => quantity === note)
    .reduce<Latest | undefined>(
      (newest, each) => (newest === undefined || each.timeMs > newest.timeMs ? each : newest),
      undefined,
    );
}
