/**
 * Somebody who knows an enrolled device's name and public key, as everybody does, and has not its private key.
 */
import type { Signer } from "../../../ledger/signature.ts";
import { topicOf } from "../../../ledger/topic.ts";
import type { Opening } from "./contact.ts";
import type { Desk, Misbehaviour } from "./desk.ts";
import { AS_STATEMENT, Interruption } from "./desk.ts";

/** See the head of the file. */
export const impostor: Misbehaviour = async (desk, turn) => {
  const deeds = [stealName, forgeToken, speakForAnother, borrowKid, spoilSignature, invadeTopic];
  await deeds[turn % deeds.length]!(desk);
  await desk.goOn();
};

async function stealName(desk: Desk): Promise<void> {
  await expectNoLogin(desk, "stolen-login", desk.parts.otherKey);
}

async function forgeToken(desk: Desk): Promise<void> {
  await expectNoLogin(desk, "forged-login", forgerOf(desk));
}

async function expectNoLogin(desk: Desk, expectation: string, signer: Signer): Promise<void> {
  const { victim, identity } = desk.parts;
  const opening = await desk.open(desk.login({ ...identity, name: victim.name, signer }));
  if (opening.kind === "ended") throw new Interruption(opening.reason, false);
  if (opening.kind === "open") opening.contact.close();
  const isRefused = opening.kind === "refused" && (opening.code === 4 || opening.code === 5);
  desk.expect(expectation, isRefused, describe(opening));
}

async function speakForAnother(desk: Desk): Promise<void> {
  await desk.contact();
  const { bytes } = desk.sign({ issuer: desk.parts.victim.name });
  desk.expectRefusal("foreign-issuer", await desk.refusalOf(bytes), "wrong-issuer");
}

async function borrowKid(desk: Desk): Promise<void> {
  await desk.contact();
  const { victim, identity } = desk.parts;
  // Whoever misbehaves alone has but its own kid to borrow, and the signature gives it away.
  const wanted = victim.name === identity.name ? "bad-signature" : "wrong-issuer";
  const { bytes } = desk.sign({}, forgerOf(desk));
  desk.expectRefusal("foreign-key", await desk.refusalOf(bytes), wanted);
}

async function spoilSignature(desk: Desk): Promise<void> {
  await desk.contact();
  const bytes = desk.sign().bytes.slice();
  // In the middle of R, so that its encoding stays one that a point may have.
  bytes[bytes.length - 40]! ^= 1;
  desk.expectRefusal("bad-signature", await desk.refusalOf(bytes), "bad-signature");
}

async function invadeTopic(desk: Desk): Promise<void> {
  await desk.contact();
  const { victim, identity } = desk.parts;
  const name = victim.name === identity.name ? `${victim.name}-x` : victim.name;
  const { bytes } = desk.sign({ issuer: name });
  const isEnded = await desk.endedBy(topicOf(name, "statement"), bytes, AS_STATEMENT);
  desk.expect("foreign-topic", isEnded, "the connection stays");
}

/** Signs with a key of its own, and says that it were the victim's. */
function forgerOf(desk: Desk): Signer {
  const { victim, otherKey } = desk.parts;
  return { publicKey: victim.signer.publicKey, sign: (message) => otherKey.sign(message) };
}

function describe(opening: Opening): string {
  return opening.kind === "refused" ? `CONNACK ${opening.code}` : "it was let in";
}
