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
  const boards = latest.filter(({ quantity }) => quantity === "via").map(({ value }) => value);
  return [
    ...(clock === undefined ? [] : [CLOCK_WORDS[String(clock.value)] ?? `time by ${clock.value}`]),
    ...[...new Set(boards)].map((board) => `signed for ${board}`),
  ];
}

/** What somebody should look after: a receiver that contradicts the clock or the place of the newest pack. */
export function warningWords({ latest }: Pick<Device, "latest">): readonly string[] {
  const clock = newestOf(latest, "clock");
  if (clock === undefined) return [];
  return [apartWords(latest, clock), movedWords(latest, clock)].filter(
    (words) => words !== undefined,
  );
}

/** That another clock contradicted the one of this pack; what an older pack said of it is over. */
function apartWords(latest: readonly Latest[], clock: Latest): string | undefined {
  const apart = newestOf(latest, "clock-apart");
  if (apart === undefined || apart.timeMs !== clock.timeMs) return undefined;
  const seconds = Number(apart.value);
  const other =
    clock.value === "gps"
      ? "its system’s clock contradicts it"
      : "a satellite receiver contradicts its clock";
  return `${other}, ${Math.abs(seconds).toFixed(0)} s ${seconds > 0 ? "ahead" : "behind"}`;
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
