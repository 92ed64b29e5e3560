/** Connections that hang: opened and never used, left in the middle of a login, or dead without saying so. */
import { Contact } from "./contact.ts";
import type { Desk, Misbehaviour } from "./desk.ts";
import { Interruption } from "./desk.ts";

/** A CONNECT of 60 bytes that ends after the name of the protocol (MQTT 3.1.1, 3.1.2). */
const HALF_CONNECT = Uint8Array.of(0x10, 60, 0, 4, 0x4d, 0x51, 0x54, 0x54);

/** See the head of the file. */
export const halfOpen: Misbehaviour = async (desk, turn) => {
  const deeds = [hang, saySilence, halfConnect];
  await deeds[turn % deeds.length]!(desk);
  await desk.goOn();
};

async function saySilence(desk: Desk): Promise<void> {
  const silent = Contact.silent(desk.contactParts);
  const isEnded = await silent.ended();
  silent.close();
  desk.expect("silence-ended", isEnded, "the connection stays");
}

async function halfConnect(desk: Desk): Promise<void> {
  const half = Contact.silent(desk.contactParts);
  half.link.write(HALF_CONNECT);
  const isEnded = await half.ended();
  half.close();
  desk.expect("half-connect-ended", isEnded, "the connection stays");
}

async function hang(desk: Desk): Promise<void> {
  const old = await desk.contact();
  old.link.stream.pause();
  const opening = await desk.open(desk.login());
  // Only somebody who reads hears of the end.
  old.link.stream.resume();
  if (opening.kind === "ended") throw new Interruption(opening.reason, false);
  if (opening.kind === "refused") {
    return desk.expect("newer-wins", false, `CONNACK ${opening.code}`);
  }
  desk.expect("newer-wins", await old.ended(), "the old connection stays");
  old.close();
  await desk.take(opening.contact);
}
