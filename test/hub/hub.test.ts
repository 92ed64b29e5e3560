/** The hub as devices see it: real log, real broker, real signatures; only the disk is in memory. */

import { Buffer } from "node:buffer";
import type { MqttClient } from "mqtt";
import { afterAll, beforeEach, describe, expect, test } from "vitest";
import { parseAck, parseNack } from "../../platform/ack.ts";
import type { CosignedView } from "../../hub/admission/acks.ts";
import { encodeHex, encodeUtf8 } from "../../ledger/bytes.ts";
import { encodeCbor } from "../../ledger/cbor.ts";
import { parseVkey } from "../../ledger/note.ts";
import { Fault } from "../../ledger/fault.ts";
import { encodePreimage, hashPreimage, SALT_BYTES } from "../../ledger/preimage.ts";
import { trustVkey } from "../../ledger/policy.ts";
import { parseProof, verifyProof } from "../../ledger/proof.ts";
import type { ProvenEntry } from "../../ledger/proof.ts";
import { encodePack } from "../../ledger/senml.ts";
import { sha256 } from "../../ledger/sha256.ts";
import { nobleVerify } from "../../ledger/signature.ts";
import { signStatement } from "../../ledger/statement.ts";
import type { Statement } from "../../ledger/statement.ts";
import { MemoryFiles } from "../../platform/memory-files.ts";
import { Scope } from "../support/scope.ts";
import { closed, connect, Inbox, testDevice, topic } from "./support/devices.ts";
import type { Json, TestDevice } from "./support/devices.ts";
import type { TestChain } from "./support/log-maker.ts";
import { RunningHub } from "./support/running-hub.ts";

const air = testDevice("air-1");
const noise = testDevice("noise-1");

let scope: Scope;
let hub: RunningHub;
let chain: TestChain;

beforeEach(async () => {
  await scope?.end();
  scope = new Scope();
  hub = await RunningHub.start(scope);
  chain = await hub.enrol(air);
});

afterAll(() => scope.end());

/** A device that listens to all it is told. */
class Speaker {
  readonly device: TestDevice;
  readonly client: MqttClient;
  readonly inbox: Inbox;

  private constructor(device: TestDevice, client: MqttClient) {
    this.device = device;
    this.client = client;
    this.inbox = new Inbox(client);
  }

  static async open(device: TestDevice, running: RunningHub = hub): Promise<Speaker> {
    const speaker = new Speaker(device, await connect(scope, running.port, device));
    const topics = [topic(device, "ack"), topic(device, "nack")];
    await speaker.client.subscribeAsync(topics, { qos: 1 });
    return speaker;
  }

  /** Resolves with the PUBACK. */
  async send(body: Uint8Array): Promise<void> {
    await this.client.publishAsync(topic(this.device, "statement"), Buffer.from(body), { qos: 1 });
  }

  ack(fits?: (ack: Json) => boolean): Promise<Json> {
    return this.inbox.json(topic(this.device, "ack"), fits);
  }

  nack(fits?: (nack: Json) => boolean): Promise<Json> {
    return this.inbox.json(topic(this.device, "nack"), fits);
  }
}

const now = (): number => Date.now();

/** Checks a receipt as the device would. */
function proven(running: RunningHub, statement: Statement, receipt: unknown): ProvenEntry | Fault {
  const vkey = parseVkey(running.hub.vkey);
  const proof = parseProof(receipt as string);
  if (vkey instanceof Fault) return vkey;
  return proof instanceof Fault
    ? proof
    : verifyProof(statement.bytes, proof, trustVkey(vkey), nobleVerify);
}

describe("statements", () => {
  test("are in the log when they are acknowledged, in the order in which they came", async () => {
    const speaker = await Speaker.open(air);
    const sent: Statement[] = [];
    await Promise.all(
      Array.from({ length: 200 }, (_, i) => {
        sent.push(chain.readings(i, now()));
        return speaker.send(sent[i]!.bytes);
      }),
    );
    const { log } = hub.hub;
    const first = log.findBySeq(air.kid, 0)!.index;
    for (const [i, statement] of sent.entries()) {
      expect(await log.entry(first + i)).toEqual(statement.bytes);
    }
    await speaker.ack((ack) => ack["stored"] === 199);
  });

  test("come from several devices at once", async () => {
    const other = await hub.enrol(noise);
    const speakers = [await Speaker.open(air), await Speaker.open(noise)];
    await Promise.all(
      Array.from({ length: 50 }, (_, i) =>
        Promise.all([
          speakers[0]!.send(chain.readings(i, now()).bytes),
          speakers[1]!.send(other.readings(i, now()).bytes),
        ]),
      ),
    );
    expect(hub.hub.log.state.registry.key(air.kid)?.lastSeq).toBe(49);
    expect(hub.hub.log.state.registry.key(noise.kid)?.lastSeq).toBe(49);
  });

  test("are acknowledged only after the disk has them", async () => {
    const speaker = await Speaker.open(air);
    await speaker.ack();
    let letGo: () => void = () => undefined;
    const held = new Promise<void>((resolve) => (letGo = resolve));
    const { log } = hub.hub;
    const durable = log.durable.bind(log);
    let isDurable = false;
    log.durable = async () => {
      await held;
      await durable();
      isDurable = true;
    };
    const sending = speaker.send(chain.readings(1, now()).bytes).then(() => isDurable);
    // A round trip on the same connection: the statement is there, its PUBACK is not.
    await speaker.client.unsubscribeAsync(topic(air, "nack"));
    expect(speaker.inbox.all.some((message) => message.text.includes('"stored":0'))).toBe(false);
    letGo();
    expect(await sending).toBe(true);
    await speaker.ack((ack) => ack["stored"] === 0);
  });

  test("survive a power cut once they are acknowledged", async () => {
    const speaker = await Speaker.open(air);
    for (let i = 0; i < 5; i++) await speaker.send(chain.readings(i, now()).bytes);
    hub.files.crash();
    const again = await RunningHub.start(scope, { files: hub.files });
    expect(again.hub.log.state.registry.key(air.kid)?.lastSeq).toBe(4);
    const later = await Speaker.open(air, again);
    expect(await later.ack()).toMatchObject({ stored: 4, hash: encodeHex(chain.prev) });
    await later.send(chain.readings(5, now()).bytes);
    await later.ack((ack) => ack["stored"] === 5);
  });

  test("are never acknowledged when the disk fails, and the hub stops", async () => {
    const speaker = await Speaker.open(air);
    await speaker.ack();
    hub.files.setFaults(({ kind }) => (kind === "sync" ? "undone" : undefined));
    let isAcknowledged = false;
    speaker.send(chain.readings(1, now()).bytes).then(
      () => (isAcknowledged = true),
      () => undefined,
    );
    await expect(hub.hub.failure).rejects.toThrow();
    await speaker.client.unsubscribeAsync(topic(air, "nack"));
    expect(isAcknowledged).toBe(false);
    hub.files.setFaults();
  });
});

describe("acks", () => {
  test("begin at -1 just after enrolment, with the hash to build on", async () => {
    const speaker = await Speaker.open(air);
    const ack = await speaker.ack();
    expect(ack).toMatchObject({
      kid: air.kid,
      stored: -1,
      hash: encodeHex(chain.prev),
      sealed: -1,
    });
    expect(ack).not.toHaveProperty("cosigned");
    expect(ack).not.toHaveProperty("sealedReceipt");
    expect(parseAck(encodeUtf8(JSON.stringify(ack)))).toBeDefined();
  });

  test("come again for a repeat, which is stored once", async () => {
    const speaker = await Speaker.open(air);
    const { bytes } = chain.readings(1, now());
    await speaker.send(bytes);
    await speaker.ack((ack) => ack["stored"] === 0);
    const { size } = hub.hub.log.state;
    const before = speaker.inbox.all.length;
    await speaker.send(bytes);
    await speaker.inbox.count(topic(air, "ack"), before + 1);
    expect(hub.hub.log.state.size).toBe(size);
    expect(hub.hub.quarantine.total).toBe(0);
  });

  test("prove what is sealed", async () => {
    const speaker = await Speaker.open(air);
    const statement = chain.readings(1, now());
    await speaker.send(statement.bytes);
    await hub.hub.log.seal();
    const open = chain.readings(2, now());
    await speaker.send(open.bytes);
    const ack = await speaker.ack((each) => each["sealed"] === 0 && each["stored"] === 1);
    expect(ack).toMatchObject({ hash: encodeHex(open.hash), height: 1 });
    expect(proven(hub, statement, ack["sealedReceipt"])).not.toBeInstanceOf(Fault);
    expect(proven(hub, open, ack["sealedReceipt"])).toBeInstanceOf(Fault);
  });

  test("speak of the quorum once it has cosigned", async () => {
    const cosigned = new PlayedQuorum();
    const running = await RunningHub.start(scope, { cosigned });
    const signer = await running.enrol(air);
    const speaker = await Speaker.open(air, running);
    expect(await speaker.ack()).toMatchObject({ cosigned: -1 });
    const statements = [1, 2, 3].map((value) => signer.readings(value, now()));
    for (const statement of statements) {
      await speaker.send(statement.bytes);
      await running.hub.log.seal();
    }
    const { log } = running.hub;
    const middle = (await log.blockOf(log.findBySeq(air.kid, 1)!.index))!;
    cosigned.cosign(middle.checkpoint.size, middle.note!);
    const ack = await speaker.ack((each) => each["cosigned"] === 1);
    expect(ack).toMatchObject({ stored: 2, sealed: 2 });
    expect(proven(running, statements[1]!, ack["cosignedReceipt"])).toMatchObject({
      checkpoint: { size: middle.checkpoint.size },
    });
  });

  test("say the same after a restart, however far each level has come", async () => {
    const cosigned = new PlayedQuorum();
    const running = await RunningHub.start(scope, { cosigned });
    const signer = await running.enrol(air);
    const other = await running.enrol(noise);
    const speaker = await Speaker.open(air, running);
    const quiet = await Speaker.open(noise, running);
    await quiet.send(other.readings(1, now()).bytes);
    for (let block = 0; block < 3; block++) {
      for (let i = 0; i < 3; i++) await speaker.send(signer.readings(i, now()).bytes);
      if (block === 1) await speaker.send(signer.gap(1000, now()).bytes);
      const sealed = block < 2 ? await running.hub.log.seal() : undefined;
      if (block === 0) cosigned.cosign(sealed!.checkpoint.size, sealed!.note!);
    }
    const reached = { stored: 1009, sealed: 1006, cosigned: 2, height: 2 };
    const before = await speaker.ack((ack) => ack["stored"] === 1009 && ack["sealed"] === 1006);
    expect(before).toMatchObject(reached);
    await running.hub.close();
    const again = await RunningHub.start(scope, { files: running.files, cosigned });
    const after = await (await Speaker.open(air, again)).ack();
    expect({ ...after, sealedReceipt: 0, cosignedReceipt: 0 }).toEqual({
      ...before,
      sealedReceipt: 0,
      cosignedReceipt: 0,
    });
    const ofQuiet = await (await Speaker.open(noise, again)).ack();
    expect(ofQuiet).toMatchObject({ stored: 0, sealed: 0, cosigned: 0, height: 1 });
  });

  test("go out with a block only to those who have something in it, and are not acked yet", async () => {
    const other = await hub.enrol(noise);
    const [speaker, quiet] = [await Speaker.open(air), await Speaker.open(noise)];
    await quiet.send(other.readings(1, now()).bytes);
    await hub.hub.log.seal();
    await quiet.ack((ack) => ack["sealed"] === 0);
    const before = quiet.inbox.all.length;
    for (let block = 0; block < 3; block++) {
      await speaker.send(chain.readings(block, now()).bytes);
      await hub.hub.log.seal();
      await speaker.ack((ack) => ack["sealed"] === block);
    }
    // A round trip: what the hub had to say before has come by then.
    await quiet.client.unsubscribeAsync(topic(noise, "nack"));
    expect(quiet.inbox.all.length).toBe(before);
    await quiet.send(other.readings(2, now()).bytes);
    await hub.hub.log.seal();
    expect(await quiet.ack((ack) => ack["sealed"] === 1)).toMatchObject({ stored: 1 });
  });

  test("are few, however many statements there are", async () => {
    const running = await RunningHub.start(scope, { ackIntervalMs: 3_600_000 });
    const signer = await running.enrol(air);
    const speaker = await Speaker.open(air, running);
    await speaker.ack();
    await Promise.all(
      Array.from({ length: 300 }, (_, i) => speaker.send(signer.readings(i, now()).bytes)),
    );
    await running.hub.log.seal();
    await speaker.ack((ack) => ack["sealed"] === 299);
    expect(speaker.inbox.all.length).toBeLessThanOrEqual(2);
  });
});

describe("refusals", () => {
  test.each<[string, string, (signer: TestChain) => Uint8Array]>([
    ["noise", "malformed", () => new Uint8Array(40).fill(9)],
    [
      "a forged signature",
      "bad-signature",
      (signer) => flipped(signer.readings(1, now()).bytes, -1),
    ],
    ["an unknown key", "unknown-key", (signer) => relabelled(signer, testDevice("air-1", 9))],
    [
      "another's name",
      "wrong-issuer",
      (signer) => signer.readings(1, now(), { issuer: "air-9" }).bytes,
    ],
    [
      "a foreign stream",
      "wrong-stream",
      (signer) => signer.readings(1, now(), { stream: "x" }).bytes,
    ],
    ["a future clock", "future", (signer) => signer.readings(1, now() + 400_000).bytes],
    [
      "a chain with a hole",
      "broken-chain",
      (signer) => (signer.readings(1, now()), signer.readings(2, now())).bytes,
    ],
  ])("%s is nacked, kept, acknowledged, and ends no connection", async (_name, code, make) => {
    const speaker = await Speaker.open(air);
    const body = make(chain);
    await speaker.send(body);
    const nack = await speaker.nack();
    expect(nack).toMatchObject({ code, hash: encodeHex(sha256(body)) });
    expect(parseNack(encodeUtf8(JSON.stringify(nack)))).toBeDefined();
    expect(hub.hub.quarantine.newest(10)).toMatchObject([{ code, device: "air-1" }]);
    expect(speaker.client.connected).toBe(true);
    // Sent again, it is nacked again, and kept once.
    await speaker.send(body);
    await speaker.inbox.count(topic(air, "nack"), 2);
    expect(hub.hub.quarantine.total).toBe(1);
  });

  test("a broken chain is told where to go on, and goes on there", async () => {
    const speaker = await Speaker.open(air);
    const [first, second, third] = [1, 2, 3].map((value) => chain.readings(value, now()));
    await speaker.send(first!.bytes);
    await speaker.send(third!.bytes);
    expect(await speaker.nack()).toMatchObject({ code: "broken-chain", seq: 2, expected: 1 });
    await speaker.send(second!.bytes);
    await speaker.send(third!.bytes);
    await speaker.ack((ack) => ack["stored"] === 2);
  });

  test("another statement at a number that is taken is nacked, and kept as evidence", async () => {
    const speaker = await Speaker.open(air);
    const clone = hub.chainOf(air);
    await speaker.send(chain.readings(1, now()).bytes);
    await speaker.send(clone.readings(2, now()).bytes);
    await speaker.nack((nack) => nack["seq"] === 0);
    expect(hub.hub.log.state.registry.key(air.kid)?.lastHash).toEqual(chain.prev);
    expect(hub.hub.log.evidence.list()).toMatchObject([{ kind: "equivocation", subject: air.kid }]);
  });

  test("a statement of another device on one's own topic is refused", async () => {
    const other = await hub.enrol(noise);
    const speaker = await Speaker.open(air);
    await speaker.send(other.readings(1, now()).bytes);
    expect(await speaker.nack()).toMatchObject({ code: "wrong-issuer" });
    expect(hub.hub.log.state.registry.key(noise.kid)?.lastSeq).toBe(-1);
  });
});

describe("restricted devices", () => {
  test("send statement and preimage together", async () => {
    const secret = testDevice("flat-7");
    await hub.enrol(secret, { visibility: "restricted" });
    const speaker = await Speaker.open(secret);
    const { statement, preimage } = restricted(secret);
    await speaker.send(encodeCbor([statement.bytes, flipped(preimage, -1)]));
    expect(await speaker.nack()).toMatchObject({
      code: "bad-preimage",
      hash: encodeHex(statement.hash),
      expected: 0,
    });
    await speaker.send(encodeCbor([statement.bytes, preimage]));
    expect(await speaker.ack((ack) => ack["stored"] === 0)).toMatchObject({ bodies: 0 });
    const { index } = hub.hub.log.findBySeq(secret.kid, 0)!;
    expect(await hub.hub.log.body(index)).toEqual(preimage);
  });

  function restricted(device: TestDevice): { statement: Statement; preimage: Uint8Array } {
    const key = hub.hub.log.state.registry.key(device.kid)!;
    const iat = Math.floor(now() / 1000);
    const readings = [{ quantity: "temp", unit: "Cel", value: 20, time: iat }];
    const pack = encodePack(device.name, { lat: 51.6, lon: -3 }, readings, iat);
    const preimage = encodePreimage(new Uint8Array(SALT_BYTES).fill(1), pack);
    const at = { issuer: device.name, seq: 0, prev: key.lastHash };
    const draft = { kind: "salted", stream: "main", iat, payload: hashPreimage(preimage) } as const;
    return { statement: signStatement(at, draft, device.signer), preimage };
  }
});

describe("keys", () => {
  test("that are revoked lose their connection, and their name is free", async () => {
    const speaker = await Speaker.open(air);
    await speaker.send(chain.readings(1, now()).bytes);
    await hub.revoke(air);
    await closed(speaker.client);
    await expect(connect(scope, hub.port, air)).rejects.toMatchObject({ code: 5 });
    const next = testDevice("air-1", 1);
    const signer = await hub.enrol(next);
    const successor = await Speaker.open(next);
    expect(await successor.ack()).toMatchObject({ kid: next.kid, stored: -1 });
    await successor.send(signer.readings(1, now()).bytes);
    await successor.ack((ack) => ack["stored"] === 0);
  });

  test("are enrolled once, by somebody who holds them, for this log", async () => {
    await expect(hub.enrol(testDevice("air-1", 1))).rejects.toThrow(
      /air-1 has a live key, [0-9a-f]{16}, and this claim is for another, [0-9a-f]{16}/,
    );
    await expect(hub.enrol(noise, { pop: "00".repeat(64) })).rejects.toThrow(/bad-possession/);
    await expect(hub.enrol(noise, { origin: "elsewhere.example" })).rejects.toThrow(
      /is for the log/,
    );
    await expect(hub.command("revoke", { name: "noise-1", reason: "lost" })).rejects.toThrow(
      /unknown-key/,
    );
    await expect(hub.command("revoke", { name: "air-1", reason: "bored" })).rejects.toThrow(
      /reason/,
    );
  });

  test("are listed with what is known of them", async () => {
    await hub.enrol(noise);
    await Speaker.open(air);
    await hub.revoke(noise);
    expect(await hub.command("devices")).toMatchObject([
      { name: "air-1", kid: air.kid, online: true, isRevoked: false, lastSeq: -1 },
      { name: "noise-1", kid: noise.kid, online: null, isRevoked: true },
    ]);
  });
});

test("the hub says what it is", async () => {
  const client = await connect(scope, hub.port, air);
  const inbox = new Inbox(client);
  await client.subscribeAsync("kerbstone/v1/hub/status", { qos: 1 });
  expect(await inbox.json("kerbstone/v1/hub/status")).toMatchObject({
    online: true,
    height: 0,
    size: 2,
  });
  await hub.hub.log.seal();
  const status = await inbox.json("kerbstone/v1/hub/status", (each) => each["height"] === 1);
  expect(status).toMatchObject({ vkey: hub.hub.vkey, size: 4 });
  await hub.hub.close();
  await inbox.json("kerbstone/v1/hub/status", (each) => JSON.stringify(each).includes("false"));
});

test("the hub starts on a disk that it has written", async () => {
  const files = new MemoryFiles();
  const first = await RunningHub.start(scope, { files });
  await first.hub.close();
  const second = await RunningHub.start(scope, { files });
  expect(second.hub.vkey).toBe(first.hub.vkey);
});

/** A quorum that cosigns when the test says so; its notes are the hub's own. */
class PlayedQuorum implements CosignedView {
  readonly #listeners = new Set<(size: number) => void>();
  #newest: { size: number; note: string } | undefined;

  cosignedSize(): number | undefined {
    return this.#newest?.size;
  }

  noteAt(size: number): string | undefined {
    return this.#newest?.size === size ? this.#newest.note : undefined;
  }

  onCosigned(listener: (size: number) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  cosign(size: number, note: string): void {
    this.#newest = { size, note };
    for (const listener of this.#listeners) listener(size);
  }
}

function flipped(bytes: Uint8Array, at: number): Uint8Array {
  const changed = bytes.slice();
  changed[at < 0 ? changed.length + at : at]! ^= 1;
  return changed;
}

/** A statement for the same place in the chain, signed by somebody else. */
function relabelled(signer: TestChain, other: TestDevice): Uint8Array {
  const iat = Math.floor(now() / 1000);
  const payload = encodePack("air-1", { lat: 0, lon: 0 }, [], iat);
  const at = { issuer: "air-1", seq: 0, prev: signer.prev };
  return signStatement(at, { kind: "readings", stream: "main", iat, payload }, other.signer).bytes;
}
