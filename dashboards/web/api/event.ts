/** What the hub tells by server-sent events (docs/formats.md, section 12), read at the door. */

import { readBlock, readFork, readLevel, readMeasured, readRefused } from "./answer.ts";
import type { Block, Fork, Latest, Refused } from "./answer.ts";
import { flag, list, parseJson, record, text, whole } from "./shape.ts";
import type { Reader } from "./shape.ts";

/** One event of the hub. */
export type HubEvent =
  | { readonly kind: "reading"; readonly device: string; readonly values: readonly Latest[] }
  | { readonly kind: "block"; readonly block: Block }
  | {
      readonly kind: "cosigned";
      readonly size: number;
      /** Names of those who cosigned. */
      readonly by: readonly string[];
    }
  | { readonly kind: "presence"; readonly device: string; readonly online: boolean }
  | { readonly kind: "refused"; readonly refused: Refused }
  | { readonly kind: "fork"; readonly fork: Fork };

/** The names under which the hub sends them. */
export const EVENT_NAMES = ["reading", "block", "cosigned", "presence", "refused", "fork"] as const;

export type EventName = (typeof EVENT_NAMES)[number];

const readReading = record({
  device: text,
  stream: text,
  entry: whole,
  level: readLevel,
  values: list(readMeasured),
});
const readPresence = record({ device: text, online: flag });
const readCosigned = record<{ size: number; by: readonly string[] }>({
  size: whole,
  by: (raw) => (typeof raw === "string" ? [raw] : list(text)(raw)),
});

/** Reads one event; `undefined` where it does not have the documented shape. */
export function readEvent(name: EventName, data: string): HubEvent | undefined {
  const raw = parseJson(data);
  switch (name) {
    case "reading":
      return readingOf(raw);
    case "block":
      return wrap(readBlock, raw, (block) => ({ kind: "block", block }));
    case "cosigned":
      return wrap(readCosigned, raw, (cosigned) => ({ kind: "cosigned", ...cosigned }));
    case "presence":
      return wrap(readPresence, raw, (presence) => ({ kind: "presence", ...presence }));
    case "refused":
      return wrap(readRefused, raw, (refused) => ({ kind: "refused", refused }));
    case "fork":
      return wrap(readFork, raw, (fork) => ({ kind: "fork", fork }));
  }
}

function readingOf(raw: unknown): HubEvent | undefined {
  const reading = readReading(raw);
  if (reading === undefined) return undefined;
  const { device, stream, entry, level, values } = reading;
  return {
    kind: "reading",
    device,
    values: values.map((measured) => ({ ...measured, stream, entry, level })),
  };
}

function wrap<T>(
  reader: Reader<T>,
  raw: unknown,
  make: (value: T) => HubEvent,
): HubEvent | undefined {
  const value = reader(raw);
  return value === undefined ? undefined : make(value);
}
