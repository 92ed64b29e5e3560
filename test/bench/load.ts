/** Virtual devices that send statements signed beforehand, so that signing is not measured. */

import { claimOf, makeIdentity } from "../../firmware-sim/devices/identity.ts";
import { Contact } from "../../firmware-sim/devices/behaviours/contact.ts";
import { loginOf } from "../../firmware-sim/devices/session.ts";
import { dialTo } from "../../firmware-sim/devices/transport.ts";
import { encodePack } from "../../ledger/senml.ts";
import type { Reading } from "../../ledger/senml.ts";
import { ZERO_HASH } from "../../ledger/sha256.ts";
import type { Hash } from "../../ledger/sha256.ts";
import { signStatement } from "../../ledger/statement.ts";
import type { Signer } from "../../ledger/signature.ts";
import { topicOf } from "../../ledger/topic.ts";
import { systemClock } from "../../platform/clock.ts";
import { askHub } from "../../hub/operator/client.ts";

export interface LoadDevice {
  readonly name: string;
  readonly signer: Signer;
  readonly origin: string;
  /** Hash of the newest statement, or of the enrolment. */
  prev: Hash;
  seq: number;
}

const PLACE = { lat: 51.58, lon: -2.99 };
const EVERY_SECONDS = 60;
const ANSWER_MS = 60_000;

/** Enrols `count` devices through the hub's operator socket. */
export async function enrolDevices(
  folder: string,
  origin: string,
  count: number,
): Promise<LoadDevice[]> {
  const identities = Array.from({ length: count }, (_, i) => makeIdentity("bench", `bench-${i}`));
  const claims = identities.map((identity) => claimOf(identity, origin, EVERY_SECONDS));
  await askHub(folder, { command: "enrol-many", claims });
  return identities.map(({ name, signer }) => ({ name, signer, origin, prev: ZERO_HASH, seq: 0 }));
}

/** Signs the next `count` statements of a device, each with `readings` readings. */
export function signAhead(
  device: LoadDevice,
  count: number,
  readings: number,
  iat: number = Math.floor(Date.now() / 1000),
): Uint8Array[] {
  const statements: Uint8Array[] = [];
  for (let i = 0; i < count; i++) {
    const values: Reading[] = Array.from({ length: readings }, (_, k) => ({
      quantity: "pm25",
      unit: "ug/m3",
      value: 10 + ((i + k) % 100) / 10,
      // Distinct times, so that a time series database keeps as many points.
      time: iat - 1_000_000 + (device.seq * readings + k) / 100,
    }));
    const payload = encodePack(device.name, PLACE, values);
    const position = { issuer: device.name, seq: device.seq, prev: device.prev };
    const statement = signStatement(
      position,
      { kind: "readings", stream: "air", iat, payload },
      device.signer,
    );
    device.seq++;
    device.prev = statement.hash;
    statements.push(statement.bytes);
  }
  return statements;
}

/** Logs a device in and learns from its first ack where its chain begins. */
export async function logIn(device: LoadDevice, port: number): Promise<Contact> {
  const { name, signer, origin } = device;
  const dial = dialTo({ isTls: false, host: "127.0.0.1", port });
  const login = loginOf({ ...makeIdentity("bench", name), signer }, origin, systemClock);
  const opening = await Contact.open({ dial, clock: systemClock, limitMs: ANSWER_MS }, login);
  if (opening.kind !== "open") throw new Error(`${name} is not let in`);
  const { contact } = opening;
  await contact.subscribe([topicOf(name, "ack")]);
  const ack = await contact.until(() => contact.ack);
  if (ack === undefined) throw new Error(`${name} was told nothing`);
  device.prev = ack.hash;
  return contact;
}

/** Publishes statements in order with a window, and resolves when all have their PUBACK. */
export function sendAll(
  contact: Contact,
  device: LoadDevice,
  statements: readonly Uint8Array[],
  window: number,
): Promise<void> {
  const topic = topicOf(device.name, "statement");
  return new Promise((resolve, reject) => {
    let next = 0;
    let done = 0;
    const sendNext = (): void => {
      if (contact.endReason !== undefined) return reject(new Error(contact.endReason));
      if (next >= statements.length) return;
      contact.link.publish(topic, statements[next++]!, { qos: 1, retain: false }, () => {
        done += 1;
        if (done === statements.length) resolve();
        else sendNext();
      });
    };
    for (let lane = 0; lane < window; lane++) sendNext();
  });
}
