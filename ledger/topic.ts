/**
 * The MQTT topics on which a device and the hub speak with each other (docs/formats.md, section 10): their names only.
 *
 * Who may publish or subscribe where is the broker's to say.
 */

const PREFIX = "kerbstone/v1";

/** What a device publishes below its name. */
export type DeviceTopic = "statement" | "status" | "state";

/** What the hub publishes below a device's name. */
export type ReplyTopic = "ack" | "nack";

/** The hub's own retained topic. */
export const HUB_STATUS_TOPIC: string = `${PREFIX}/hub/status`;

/** Gives the topic of a device's own branch. */
export function topicOf(device: string, leaf: DeviceTopic | ReplyTopic): string {
  return `${PREFIX}/${device}/${leaf}`;
}
