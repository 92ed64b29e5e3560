/** A device that speaks where it may not, as it may not, and would like to hear what is not for it. */
import { HUB_STATUS_TOPIC, topicOf } from "../../../ledger/topic.ts";
import { encodeUtf8 } from "../../../ledger/bytes.ts";
import { NOT_GRANTED } from "../mqtt-link.ts";
import type { PublishOptions } from "../mqtt-link.ts";
import type { Desk, Misbehaviour } from "./desk.ts";
import { Interruption } from "./desk.ts";

/** See the head of the file. Every third turn it subscribes, or logs in with a will; else it publishes. */
export const topicAbuser: Misbehaviour = async (desk, turn) => {
  if (turn % 6 === 2) await subscribe(desk);
  else if (turn % 6 === 5) await leaveWill(desk);
  else await publish(desk, turn);
  await desk.goOn();
};

async function publish(desk: Desk, turn: number): Promise<void> {
  const { name } = desk.parts.identity;
  const other = otherName(desk);
  await desk.contact();
  const { bytes } = desk.sign();
  const live: PublishOptions = { qos: 0, retain: true };
  const once: PublishOptions = { qos: 1, retain: false };
  const kept: PublishOptions = { qos: 1, retain: true };
  const abuses: readonly (readonly [string, Uint8Array, PublishOptions])[] = [
    [HUB_STATUS_TOPIC, encodeUtf8(`{"online":false}`), kept],
    [topicOf(name, "ack"), encodeUtf8("{}"), kept],
    [topicOf(name, "nack"), encodeUtf8("{}"), once],
    [topicOf(other, "state"), encodeUtf8("{}"), live],
    ["$SYS/broker/clients", encodeUtf8("0"), once],
    [topicOf(name, "statement"), bytes, { qos: 0, retain: false }],
    [topicOf(name, "statement"), bytes, kept],
    [topicOf(name, "status"), encodeUtf8("resting"), kept],
    [topicOf(name, "state"), new Uint8Array(10_000).fill(0x20), live],
  ];
  const [topic, body, options] = abuses[turn % abuses.length]!;
  const isEnded = await desk.endedBy(topic, body, options);
  desk.expect("publish-ends", isEnded, `the connection stays after ${topic}`);
}

async function subscribe(desk: Desk): Promise<void> {
  const other = otherName(desk);
  const topics = ["#", "kerbstone/v1/+/statement", topicOf(other, "ack"), topicOf(other, "state")];
  const contact = await desk.contact();
  const granted = await contact.subscribe(topics);
  if (granted === undefined && contact.endReason !== undefined) {
    throw new Interruption(contact.endReason, true);
  }
  const isRefused =
    granted?.length === topics.length && granted.every((each) => each === NOT_GRANTED);
  desk.expect(
    "subscribe-refused",
    isRefused,
    `granted ${granted?.join(", ") ?? "nothing, silently"}`,
  );
}

async function leaveWill(desk: Desk): Promise<void> {
  const will = { topic: topicOf(otherName(desk), "status"), payload: "offline" };
  desk.close();
  const opening = await desk.open({ ...desk.login(), will });
  if (opening.kind === "ended") throw new Interruption(opening.reason, false);
  if (opening.kind === "open") opening.contact.close();
  const isRefused = opening.kind === "refused" && opening.code === 5;
  const instead = opening.kind === "refused" ? `CONNACK ${opening.code}` : "it was let in";
  desk.expect("will-refused", isRefused, instead);
}

function otherName(desk: Desk): string {
  const { victim, identity } = desk.parts;
  return victim.name === identity.name ? `${victim.name}-x` : victim.name;
}
