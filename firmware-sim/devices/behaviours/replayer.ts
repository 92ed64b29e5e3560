/** Somebody who sends old statements again: its own, and such as were overheard from others. */
import { topicOf } from "../../../ledger/topic.ts";
import { sha256 } from "../../../ledger/sha256.ts";
import type { Desk, Misbehaviour } from "./desk.ts";
import { AS_STATEMENT, Interruption } from "./desk.ts";

/** So often an own statement is sent again at once. */
const TIMES = 3;

/** See the head of the file. */
export const replayer: Misbehaviour = async (desk, turn) => {
  const deeds = [repeatOwn, repeatCaptured, repeatOnItsTopic];
  await deeds[turn % deeds.length]!(desk);
};

async function repeatOwn(desk: Desk): Promise<void> {
  const { bytes, hash } = await desk.goOn();
  const contact = await desk.contact();
  for (let time = 0; time < TIMES; time++) {
    if (!(await contact.publish(desk.topic, bytes, AS_STATEMENT))) {
      if (contact.endReason !== undefined) throw new Interruption(contact.endReason, true);
      return desk.expect("own-again", false, "no PUBACK");
    }
  }
  // What is stored behind it shows that nothing was changed by it; and a nack would have come before.
  await desk.goOn();
  const nack = contact.nackOf(hash);
  desk.expect("own-again", nack === undefined, `refused with ${nack?.code}`);
}

async function repeatCaptured(desk: Desk): Promise<void> {
  await desk.goOn();
  const captured = desk.parts.capture.ofOther(desk.parts.identity.name);
  if (captured === undefined) return;
  const code = await desk.refusalOf(captured.bytes, sha256(captured.bytes));
  desk.expectRefusal("captured-own-topic", code, "wrong-issuer");
}

async function repeatOnItsTopic(desk: Desk): Promise<void> {
  await desk.goOn();
  const captured = desk.parts.capture.ofOther(desk.parts.identity.name);
  if (captured === undefined) return;
  const topic = topicOf(captured.device, "statement");
  const isEnded = await desk.endedBy(topic, captured.bytes, AS_STATEMENT);
  desk.expect("captured-foreign-topic", isEnded, "the connection stays");
}
