/**
 * A device that tells two stories: two statements with one number, both well signed, as a cloned card would.
 *
 * Whether the hub has kept both as evidence is asked at the end of the run (fleet-checks.ts).
 */
import { AS_STATEMENT } from "./desk.ts";
import type { Misbehaviour } from "./desk.ts";

/** See the head of the file. The second comes after the answer to the first, or in every other turn right behind it. */
export const equivocator: Misbehaviour = async (desk, turn) => {
  const contact = await desk.contact();
  const first = desk.sign();
  const second = desk.sign({ iat: first.iat - 1 });
  if (turn % 2 === 1) {
    contact.link.publish(desk.topic, first.bytes, AS_STATEMENT);
    desk.expectRefusal("second-refused", await desk.refusalOf(second.bytes), "broken-chain");
    await desk.store(first);
  } else {
    await desk.store(first);
    desk.expectRefusal("second-refused", await desk.refusalOf(second.bytes), "broken-chain");
  }
  await desk.goOn();
};
