/**
 * What a device announced before it was started anew: its own retained message, as the broker has kept it.
 *
 * Right after the start few quantities have been heard of. To announce those alone would take the others from whoever
 * starts Home Assistant then; and a sensor that was taken out of the settings stays there until it is told to go. Pure.
 */

import { z } from "zod";
import { componentId, uniqueIdOf, valueTopic } from "./announcement.ts";
import type { DeviceName } from "./announcement.ts";

/** Components of an earlier announcement, by id. */
export interface Recollection {
  /** Those of streams that the device still has, as they were. */
  readonly kept: Readonly<Record<string, object>>;
  /** Those of streams that it has no more: named with nothing but the platform, Home Assistant removes them. */
  readonly gone: Readonly<Record<string, object>>;
}

/** Nothing was announced before. */
export const NOTHING_RECALLED: Recollection = { kept: {}, gone: {} };

const BODY_CHARACTERS_MAX = 1_000_000;
const COMPONENTS_MAX = 200;

const component = z.looseObject({
  platform: z.enum(["sensor", "binary_sensor"]),
  unique_id: z.string(),
  state_topic: z.string(),
});
const announcement = z.object({ components: z.record(z.string(), z.unknown()) });

/** Reads an announcement of this device. What is not by this program, or says itself that it is gone, counts for nothing. */
export function recall(body: string, about: DeviceName, streams: readonly string[]): Recollection {
  const { components } = parse(body) ?? { components: {} };
  const kept: Record<string, object> = {};
  const gone: Record<string, object> = {};
  for (const [id, given] of Object.entries(components).slice(0, COMPONENTS_MAX)) {
    const said = component.safeParse(given).data;
    const value = said && valueOf(said.state_topic, about.device);
    if (said === undefined || value === undefined || id !== componentId(value)) continue;
    if (said.unique_id === uniqueIdOf(about, id) && streams.includes(value.stream)) kept[id] = said;
    else gone[id] = { platform: said.platform };
  }
  return { kept, gone };
}

function parse(body: string): z.infer<typeof announcement> | undefined {
  if (body.length > BODY_CHARACTERS_MAX) return undefined;
  try {
    return announcement.safeParse(JSON.parse(body)).data;
  } catch {
    return undefined;
  }
}

/** What a topic of ours tells the value of. */
function valueOf(topic: string, device: string): { stream: string; quantity: string } | undefined {
  const [quantity = "", stream = ""] = topic.split("/").toReversed();
  const value = { stream, quantity };
  return topic === valueTopic(device, value) ? value : undefined;
}
