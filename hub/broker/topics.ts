/**
 * Who may do what with the MQTT topics (docs/formats.md, section 10).
 *
 * Topics are compared as whole texts. No wildcard is ever granted, so no pattern is ever matched.
 */

import { PAIR_BYTES_MAX } from "../../ledger/limits.ts";
import { HUB_STATUS_TOPIC, topicOf } from "../../ledger/topic.ts";
import type { DeviceTopic } from "../../ledger/topic.ts";

/** The longest name is 63 bytes, and its length takes two, as does the packet identifier. */
const TOPIC_BYTES_MAX = topicOf("", "statement").length + 63 + 4;

/** The largest packet that a device has any reason to send: a statement with its preimage. */
export const PACKET_BYTES_MAX: number = PAIR_BYTES_MAX + TOPIC_BYTES_MAX;

/** The live view is small: it is kept in memory for every device. */
export const STATE_BYTES_MAX = 8192;

/** A message as the rules see it. */
export interface Publication {
  readonly topic: string;
  readonly qos: number;
  readonly retain: boolean;
  readonly payload: Uint8Array;
}

/** What is wrong with a publication or a will. */
export interface TopicFault {
  readonly fault: string;
}

const RULES: Record<DeviceTopic, { qos: number; retain: boolean }> = {
  statement: { qos: 1, retain: false },
  status: { qos: 1, retain: true },
  state: { qos: 0, retain: true },
};

/** Says which of its topics the device speaks on, or why it may not. What a statement says is not looked at. */
export function judgePublication(
  device: string,
  publication: Publication,
): DeviceTopic | TopicFault {
  const { topic, payload } = publication;
  const leaf = topic.slice(topic.lastIndexOf("/") + 1);
  if (!isDeviceTopic(leaf) || topic !== topicOf(device, leaf)) {
    return { fault: `${device} may not publish to ${topic.slice(0, 200)}` };
  }
  const rule = RULES[leaf];
  if (publication.qos !== rule.qos || publication.retain !== rule.retain) {
    const retained = rule.retain ? "retained" : "not retained";
    return { fault: `${leaf} is published with QoS ${rule.qos} and ${retained}` };
  }
  if (leaf === "status" && !isStatus(payload)) {
    return { fault: "a status is online or offline" };
  }
  if (leaf === "state" && payload.length > STATE_BYTES_MAX) {
    return { fault: `a state has at most ${STATE_BYTES_MAX} bytes` };
  }
  return leaf;
}

/** A will may say `offline` on the device's own status, and nothing else. */
export function judgeWill(device: string, will: Publication): TopicFault | undefined {
  const judged = judgePublication(device, will);
  if (typeof judged === "object") return judged;
  const saysOffline = judged === "status" && statusIn(will.payload) === "offline";
  return saysOffline ? undefined : { fault: "a will says offline on the device's own status" };
}

/** What a device may subscribe to: what the hub tells it, and nothing of others. */
export function maySubscribe(device: string, topic: string): boolean {
  return (
    topic === topicOf(device, "ack") ||
    topic === topicOf(device, "nack") ||
    topic === HUB_STATUS_TOPIC
  );
}

/** Reads the body of a status; anything else than `offline` counts as online, once the rules have passed it. */
export function statusIn(payload: Uint8Array): "online" | "offline" {
  return payload.length === OFFLINE_BYTES && isStatus(payload) ? "offline" : "online";
}

const OFFLINE_BYTES = 7;

function isStatus(payload: Uint8Array): boolean {
  const text = payload.length <= OFFLINE_BYTES ? new TextDecoder().decode(payload) : "";
  return text === "online" || text === "offline";
}

function isDeviceTopic(leaf: string): leaf is DeviceTopic {
  return Object.hasOwn(RULES, leaf);
}
