/** A device that heeds no window: hundreds of statements at once, its live view as fast as it can, packets without end. */
import { topicOf } from "../../../ledger/topic.ts";
import type { Desk, Misbehaviour } from "./desk.ts";
import { AS_STATEMENT } from "./desk.ts";

/** More than a hub holds undecided for one connection. */
const BURST = 400;
const STATES = 100;
/** The fixed header of a PUBLISH of 2 MiB (MQTT 3.1.1, 2.2), and the first of its bytes. */
const ENDLESS = Uint8Array.of(0x32, 0x80, 0x80, 0x80, 0x01, 0, 4, 0x6b);

/** See the head of the file. */
export const flooder: Misbehaviour = async (desk, turn) => {
  await desk.contact();
  await (turn % 4 === 1 ? sendEndless : flood)(desk);
  await desk.goOn();
};

async function flood(desk: Desk): Promise<void> {
  const contact = await desk.contact();
  const { name } = desk.parts.identity;
  const state = new TextEncoder().encode(JSON.stringify({ values: [] }));
  for (let i = 0; i < STATES; i++) {
    contact.link.publish(topicOf(name, "state"), state, { qos: 0, retain: true });
  }
  let last = desk.sign();
  for (let i = 1; i < BURST; i++) {
    contact.link.publish(desk.topic, last.bytes, AS_STATEMENT);
    last = desk.sign({ seq: last.seq + 1, prev: last.hash });
  }
  const fault = await desk.store(last);
  desk.expect("flood-taken", fault === undefined, fault ?? "");
}

async function sendEndless(desk: Desk): Promise<void> {
  const contact = await desk.contact();
  contact.link.write(ENDLESS);
  desk.expect("packet-too-large", await contact.ended(), "the connection stays");
}
