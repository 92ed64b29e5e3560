/**
 * How a device announces itself to Home Assistant: MQTT discovery of a whole device, one retained message with all its
 * entities (Home Assistant 2024.11 and later). Pure.
 *
 * Every quantity has a topic of its own, so that `expire_after` watches each sensor by itself. What is told here is the
 * unsigned live view, and proves nothing.
 */

import { entityKind } from "./entity.ts";

/** Who a device is. */
export interface DeviceName {
  readonly device: string;
  /** The log that it signs for. */
  readonly origin: string;
}

/** What a device announces. */
export interface AnnouncedDevice extends DeviceName {
  /** Of this program. */
  readonly version: string;
  /** What it measures, in the order in which it is shown. */
  readonly values: readonly AnnouncedValue[];
  /** A value that was not told again for so long is shown as unknown. */
  readonly expireAfterSeconds: number;
  /** Components besides, by id, as they are to be told; a value of the same id has precedence. */
  readonly others?: Readonly<Record<string, object>>;
}

/** One quantity of a stream. */
export interface AnnouncedValue {
  readonly stream: string;
  readonly quantity: string;
  /** SenML unit; empty for texts, booleans and bare numbers. */
  readonly unit: string;
  readonly type: "number" | "boolean" | "string";
}

/** A message for the city's or the household's own broker. */
export interface Message {
  readonly topic: string;
  readonly body: string;
  readonly isRetained: boolean;
}

/** Values of Home Assistant's that have no other name here. */
export const ONLINE = "online";
export const OFFLINE = "offline";

/** Where the values of a quantity are told. */
export function valueTopic(
  device: string,
  { stream, quantity }: Pick<AnnouncedValue, "stream" | "quantity">,
): string {
  return `kerbstone/v1/${device}/value/${stream}/${quantity}`;
}

/** Where it is told whether the agent runs: retained, and its will. */
export function availabilityTopic(device: string): string {
  return `kerbstone/v1/${device}/status`;
}

/** Where it is told whether what is measured gets into the log. */
export function loggingTopic(device: string): string {
  return `kerbstone/v1/${device}/value/logging`;
}

/** Where the announcement is made. `prefix` is Home Assistant's discovery prefix, `homeassistant` unless changed there. */
export function announcementTopic(device: string, prefix: string): string {
  return `${prefix}/device/${deviceId(device)}/config`;
}

/** What a component is called in the announcement. */
export function componentId({
  stream,
  quantity,
}: Pick<AnnouncedValue, "stream" | "quantity">): string {
  return `${stream}_${quantity}`;
}

/** What Home Assistant knows a component by, whatever it is called there. */
export function uniqueIdOf({ device, origin }: DeviceName, id: string): string {
  return `kerbstone_${origin}_${device}_${id}`;
}

/** Makes the announcement. */
export function announcementOf(announced: AnnouncedDevice, prefix: string): Message {
  const { device, origin, version, values, others = {} } = announced;
  const components = Object.fromEntries([
    ...Object.entries(others),
    ...values.map((value) => [componentId(value), componentOf(announced, value)]),
    ["logging", loggingComponent(announced)],
  ]) as Record<string, object>;
  const body = {
    device: {
      identifiers: [`kerbstone_${origin}_${device}`],
      name: device,
      manufacturer: "Kerbstone",
      model: `Edge agent of ${origin}`,
      sw_version: version,
    },
    origin: { name: "kerbstone", sw_version: version },
    availability_topic: availabilityTopic(device),
    payload_available: ONLINE,
    payload_not_available: OFFLINE,
    qos: 1,
    components,
  };
  return {
    topic: announcementTopic(device, prefix),
    body: JSON.stringify(body),
    isRetained: true,
  };
}

/** Names of devices fit Home Assistant's object ids as they are; the prefix keeps those of others apart. */
function deviceId(device: string): string {
  return `kerbstone-${device}`;
}

function componentOf(announced: AnnouncedDevice, value: AnnouncedValue): object {
  const { device, values, expireAfterSeconds } = announced;
  const { name, deviceClass, unit, stateClass } = entityKind(value.quantity, value.unit);
  const isShared = values.some((v) => v.quantity === value.quantity && v.stream !== value.stream);
  const shared = {
    unique_id: uniqueIdOf(announced, componentId(value)),
    name: isShared ? `${name} (${value.stream})` : name,
    state_topic: valueTopic(device, value),
    expire_after: expireAfterSeconds,
  };
  if (value.type === "boolean") {
    return { platform: "binary_sensor", ...shared, payload_on: "true", payload_off: "false" };
  }
  if (value.type === "string") return { platform: "sensor", ...shared };
  return {
    platform: "sensor",
    ...shared,
    ...(deviceClass === undefined ? {} : { device_class: deviceClass }),
    ...(unit === "" ? {} : { unit_of_measurement: unit }),
    state_class: stateClass,
  };
}

/** A diagnostic entity: a problem where the agent cannot sign, or the hub does not take what it signs (ledger-state.ts). */
function loggingComponent(about: DeviceName): object {
  return {
    platform: "binary_sensor",
    unique_id: uniqueIdOf(about, "logging"),
    name: "Ledger",
    device_class: "problem",
    entity_category: "diagnostic",
    state_topic: loggingTopic(about.device),
    payload_on: "problem",
    payload_off: "ok",
  };
}
