/**
 * Devices behind Zigbee2MQTT: one JSON object a device, at `zigbee2mqtt/NAME`, with keys that are the same for all makers.
 *
 * Zigbee2MQTT sends everything that it knows of a device with each change, also what was measured long before:
 * docs/drivers.md says what to set there. What its keys mean is in its documentation of "exposes".
 */

import { z } from "zod";
import { type DriverKind, driverKind } from "../driver.ts";
import type { Message } from "../framers/message.ts";
import { type MessageContent, MessageDriver } from "./message-driver.ts";
import { type FoundValue, type ValueOptions, valueOptions } from "./message-values.ts";
import { hasWildcard } from "../topic-filter.ts";

interface Options {
  readonly values: readonly ValueOptions[];
}

/**
 * Keys whose unit is the same with all devices, and ours. Formaldehyde is not among them: makers give it in units of
 * their own.
 */
const QUANTITY_OF: Readonly<Record<string, string>> = {
  temperature: "temp",
  humidity: "rh",
  pressure: "pressure",
  co2: "co2",
  pm1: "pm1",
  pm25: "pm25",
  pm10: "pm10",
  power: "power",
  current: "current",
  energy: "energy",
  produced_energy: "energy-out",
  ac_frequency: "frequency",
};

const AVAILABILITY = "/availability";
const BRIDGE_STATE = "/bridge/state";
/** What Zigbee2MQTT says besides; a device may well be called `river/bridge/north`. */
const BRIDGE =
  /\/bridge\/(config|converters|definitions|devices|event|extensions|groups|health|info|log|logging|request|response)(\/|$)/;
/** What is said to a device, or asked of it, below its topic. */
const COMMAND = /\/(set|get)(\/[^/]*)?$/;

/** Zigbee2MQTT, as the registry lists it. */
export const zigbee2mqtt: DriverKind = driverKind<Options>({
  name: "zigbee2mqtt",
  title: "Zigbee device behind Zigbee2MQTT",
  baudRate: 0,
  lines: ["mqtt"],
  // Many devices speak only when something changes, and once an hour at the least.
  silentMs: 2 * 3_600_000,
  besides: presenceTopics,
  options: z.strictObject({ values: valueOptions.default([]) }),
  create: ({ values }) => new MessageDriver(readZigbee2Mqtt, values),
});

/**
 * Where Zigbee2MQTT says of a device, and of itself, whether it is there.
 *
 * Both its base topic and the names of devices may have several levels, so that each place where it may speak of itself is
 * heard.
 */
function presenceTopics(filter: string): string[] {
  const own = filter.endsWith("#") ? [] : [`${filter}${AVAILABILITY}`];
  const levels = filter.split("/").slice(0, -1);
  const bases = levels.map((_, at) => levels.slice(0, at + 1).join("/"));
  const plain = bases.filter((base) => base !== "" && !hasWildcard(base));
  return [...own, ...plain.map((base) => `${base}${BRIDGE_STATE}`)];
}

function readZigbee2Mqtt({ topic, payload }: Message): MessageContent {
  if (topic.endsWith(BRIDGE_STATE)) return presence(undefined, payload);
  if (topic.endsWith(AVAILABILITY)) return presence(topic.slice(0, -AVAILABILITY.length), payload);
  if (BRIDGE.test(topic) || COMMAND.test(topic)) return { kind: "other" };
  const isObject = typeof payload === "object" && payload !== null && !Array.isArray(payload);
  const table = isObject ? (payload as Readonly<Record<string, unknown>>) : {};
  return { kind: "values", values: valuesOf(topic, table) };
}

/** `online` and `offline`, or since version 2 `{"state":"online"}`. */
function presence(board: string | undefined, payload: unknown): MessageContent {
  const state =
    typeof payload === "object" && payload !== null
      ? (payload as { state?: unknown }).state
      : payload;
  if (state !== "online" && state !== "offline") return { kind: "other" };
  return { kind: "presence", board, isOnline: state === "online" };
}

function valuesOf(topic: string, payload: Readonly<Record<string, unknown>>): FoundValue[] {
  const found = Object.entries(QUANTITY_OF).flatMap(([key, quantity]) =>
    Object.hasOwn(payload, key)
      ? [{ quantity, value: payload[key], source: `${topic}#/${key}` }]
      : [],
  );
  // Of a device with a battery it is the battery's, in millivolts: mains have power or current beside it.
  const isMains = Object.hasOwn(payload, "power") || Object.hasOwn(payload, "current");
  if (!isMains || !Object.hasOwn(payload, "voltage")) return found;
  return [
    ...found,
    { quantity: "voltage", value: payload["voltage"], source: `${topic}#/voltage` },
  ];
}
