/** A device's chain against a model of the hub: what it sends, lets go, mends, and holds against the hub. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { DeviceChain } from "../../../firmware-sim/devices/chain.ts";
import type { Pending } from "../../../firmware-sim/devices/chain.ts";
import { makeIdentity } from "../../../firmware-sim/devices/identity.ts";
import { encodePack } from "../../../ledger/senml.ts";
import { asHash } from "../../../ledger/sha256.ts";
import type { RefusalCode } from "../../../ledger/errors.ts";
import { signStatement } from "../../../ledger/statement.ts";
import { ModelHub } from "./model-hub.ts";

const IAT = 1_800_000_000;
const identity = makeIdentity("chain", "load-00001");
const LIMITS = { pendingMax: 8, leap: 5000 };
let value = 0;

function pack(): Uint8Array {
  const reading = { quantity: "pm25", unit: "ug/m3", value: value++, time: IAT };
  return encodePack(identity.name, identity.place, [reading]);
}

/** A chain that has heard the hub's first ack. */
function begun(hub = new ModelHub(identity.kid)): { chain: DeviceChain; hub: ModelHub } {
  const chain = new DeviceChain(identity, LIMITS);
  chain.beginConnection();
  chain.hearAck(hub.ack(), IAT);
  return { chain, hub };
}

/** Hands out all that is due. */
function send(chain: DeviceChain): Pending[] {
  const sent: Pending[] = [];
  for (let due = chain.due(); due !== undefined; due = chain.due()) {
    sent.push(due);
    chain.sentDue(0);
  }
  return sent;
}

/** Signs, sends and has decided; gives what was sent. */
function deliver(chain: DeviceChain, hub: ModelHub, count: number): Pending[] {
  for (let i = 0; i < count; i++) chain.sign(pack(), IAT);
  const sent = send(chain);
  for (const pending of sent) {
    const nack = hub.decide(pending.statement);
    if (nack !== undefined) chain.hearNack(nack, IAT);
    chain.confirm(pending);
  }
  return sent;
}

describe("a device's chain", () => {
  test("begins with the first ack, and not before", () => {
    const chain = new DeviceChain(identity, LIMITS);
    expect(chain.hasRoom).toBe(false);
    expect(() => chain.sign(pack(), IAT)).toThrow(RangeError);
    chain.beginConnection();
    const hub = new ModelHub(identity.kid);
    chain.hearAck(hub.ack(), IAT);
    expect(chain.sign(pack(), IAT)).toMatchObject({ seq: 0, prev: hub.ack().hash });
  });

  test("sends in order, lets go of what is stored, and of nothing else", () => {
    const { chain, hub } = begun();
    const sent = deliver(chain, hub, 3);
    expect(sent.map(({ statement }) => statement.seq)).toEqual([0, 1, 2]);
    expect(chain.pending.length).toBe(3);
    const second = { stored: 1, hash: hub.chain[1]!.hash };
    expect(chain.hearAck(hub.ack(second), IAT).stored).toEqual(sent.slice(0, 2));
    expect(chain.pending).toEqual([sent[2]]);
    expect(chain.lost()).toEqual([sent[2]]);
    chain.hearAck(hub.ack(), IAT);
    expect(chain.lost()).toEqual([]);
    expect(chain.faults).toEqual([]);
  });

  test("holds a bound, and goes on when there is room", () => {
    const { chain, hub } = begun();
    deliver(chain, hub, 8);
    expect(chain.hasRoom).toBe(false);
    expect(() => chain.sign(pack(), IAT)).toThrow(RangeError);
    chain.hearAck(hub.ack(), IAT);
    expect(chain.hasRoom).toBe(true);
  });

  test("sends again after a cut, from what the hub says", () => {
    const { chain, hub } = begun();
    for (let i = 0; i < 4; i++) chain.sign(pack(), IAT);
    const sent = send(chain);
    hub.decide(sent[0]!.statement);
    hub.decide(sent[1]!.statement);
    chain.beginConnection();
    expect(chain.due()).toBeUndefined();
    chain.hearAck(hub.ack(), IAT);
    expect(send(chain)).toEqual(sent.slice(2));
  });

  test("leaps by a gap where the key has spoken in an earlier run", () => {
    const hub = new ModelHub(identity.kid);
    deliver(begun(hub).chain, hub, 3);
    const { chain } = begun(hub);
    const [gap] = send(chain);
    expect(gap!.statement).toMatchObject({ kind: "gap", seq: 3 + LIMITS.leap });
    expect(hub.decide(gap!.statement)).toBeUndefined();
    deliver(chain, hub, 2);
    expect(hub.stored).toBe(5 + LIMITS.leap);
    expect(chain.gaps).toBe(1);
  });

  test("counts what is sealed of this run, gaps once", () => {
    const hub = new ModelHub(identity.kid);
    deliver(begun(hub).chain, hub, 3);
    const { chain } = begun(hub);
    deliver(chain, hub, 2);
    hub.sealed = 2;
    expect(chain.hearAck(hub.ack(), IAT).sealed).toBe(0);
    hub.sealed = hub.stored;
    expect(chain.hearAck(hub.ack(), IAT).sealed).toBe(3);
    expect(chain.hearAck(hub.ack(), IAT).sealed).toBe(0);
  });
});

describe("after a refusal", () => {
  test("a gap stands for the refused one, and what follows is signed anew", () => {
    const { chain, hub } = begun();
    for (let i = 0; i < 3; i++) chain.sign(pack(), IAT);
    const [first, second, third] = send(chain);
    hub.decide(first!.statement);
    const nack = hub.decide(second!.statement, "malformed")!;
    const echo = hub.decide(third!.statement)!;
    expect(chain.hearNack(nack, IAT)).toBe("go-on");
    expect(chain.hearNack(echo, IAT)).toBe("ignored");
    expect(chain.withdrawn).toBe(2);
    expect(chain.undelivered().length).toBe(3);
    const [gap, again] = send(chain);
    expect(gap!.statement).toMatchObject({ kind: "gap", seq: 3, prev: first!.statement.hash });
    expect(again!.statement.payload).toEqual(third!.statement.payload);
    expect(hub.decide(gap!.statement)).toBeUndefined();
    expect(hub.decide(again!.statement)).toBeUndefined();
    chain.hearAck(hub.ack(), IAT);
    expect(chain.pending).toEqual([]);
    expect(chain.faults).toEqual([]);
  });

  test("a broken chain is mended from where the hub is", () => {
    const { chain, hub } = begun();
    for (let i = 0; i < 3; i++) chain.sign(pack(), IAT);
    const [first, second, third] = send(chain);
    // The first is lost on its way; the others come.
    const nacks = [second, third].map((pending) => hub.decide(pending!.statement)!);
    expect(nacks.map((nack) => chain.hearNack(nack, IAT))).toEqual(["go-on", "ignored"]);
    expect(send(chain)).toEqual([first, second, third]);
  });

  test.each<RefusalCode>(["unknown-key", "revoked-key", "wrong-issuer", "wrong-role"])(
    "%s is for good",
    (code) => {
      const { chain, hub } = begun();
      chain.sign(pack(), IAT);
      const [sent] = send(chain);
      expect(chain.hearNack(hub.nack(sent!.statement, code), IAT)).toBe("halted");
      expect(chain.hasRoom || chain.isReady).toBe(false);
      chain.confirm(sent!);
      expect(chain.lost()).toEqual([]);
    },
  );

  test.each<RefusalCode>(["quota", "future"])("%s passes with time", (code) => {
    const { chain, hub } = begun();
    chain.sign(pack(), IAT);
    const [sent] = send(chain);
    expect(chain.hearNack(hub.nack(sent!.statement, code), IAT)).toBe("pause");
    expect(send(chain)).toEqual([sent]);
  });

  test("a nack for something else is passed over", () => {
    const { chain, hub } = begun();
    const { statement } = deliver(chain, hub, 1)[0]!;
    const other = { ...hub.nack(statement, "malformed"), hash: asHash(new Uint8Array(32)) };
    expect(chain.hearNack(other, IAT)).toBe("ignored");
  });

  test("refusals without end are slowed down", () => {
    const { chain, hub } = begun();
    const effects: string[] = [];
    for (let i = 0; i < 7; i++) {
      if (chain.pending.length === 0 || i > 0) chain.sign(pack(), IAT);
      for (const { statement } of send(chain)) {
        effects.push(chain.hearNack(hub.nack(statement, "malformed"), IAT));
      }
    }
    expect(effects.filter((each) => each !== "ignored").slice(-2)).toEqual(["pause", "pause"]);
  });
});

describe("a hub's broken promise", () => {
  const other = signStatement(
    { issuer: identity.name, seq: 1, prev: asHash(new Uint8Array(32)) },
    { kind: "readings", stream: "air", iat: IAT, payload: pack() },
    identity.signer,
  );
  test.each<[string, (hub: ModelHub) => Parameters<ModelHub["ack"]>[0], RegExp]>([
    ["another key", () => ({ kid: "0123456789abcdef" }), /^an ack for key 0123456789abcdef$/],
    [
      "stored falls",
      (hub) => ({ stored: 0, hash: hub.chain[0]!.hash, sealed: 0 }),
      /^stored fell from 1 to 0$/,
    ],
    ["sealed falls", () => ({ sealed: -1 }), /^sealed fell from 0 to -1$/],
    ["sealed before stored", () => ({ sealed: 7 }), /^7 is sealed, of 1 stored$/],
    ["what was never signed", () => ({ stored: 9 }), /^9 is stored, and 1 is the last/],
    [
      "another statement",
      () => ({ hash: other.hash }),
      /^another statement than ours is stored as 1$/,
    ],
  ])("%s", (_name, changes, fault) => {
    const { chain, hub } = begun();
    deliver(chain, hub, 2);
    hub.sealed = 0;
    chain.hearAck(hub.ack(), IAT);
    expect(chain.faults).toEqual([]);
    chain.hearAck(hub.ack(changes(hub)), IAT);
    expect(chain.faults[0]).toMatch(fault);
  });

  test("what had its PUBACK and had to be sent again", () => {
    const { chain, hub } = begun();
    deliver(chain, hub, 3);
    hub.chain = hub.chain.slice(0, 1);
    chain.beginConnection();
    chain.hearAck(hub.ack(), IAT);
    expect(chain.lost().length).toBe(2);
    for (const { statement } of send(chain)) hub.decide(statement);
    chain.hearAck(hub.ack(), IAT);
    expect(chain.lost()).toEqual([]);
    expect(chain.faults.map((fault) => fault.slice(0, 17))).toEqual([
      "1 had its PUBACK,",
      "2 had its PUBACK,",
    ]);
  });

  test("is none where the nack was cut off with the connection", () => {
    const { chain, hub } = begun();
    chain.sign(pack(), IAT);
    const [sent] = send(chain);
    hub.decide(sent!.statement, "malformed");
    chain.confirm(sent!);
    chain.beginConnection();
    chain.hearAck(hub.ack(), IAT);
    chain.hearNack(hub.decide(send(chain)[0]!.statement, "malformed")!, IAT);
    for (const { statement } of send(chain)) expect(hub.decide(statement)).toBeUndefined();
    chain.hearAck(hub.ack(), IAT);
    expect(chain.faults).toEqual([]);
    expect(chain.lost()).toEqual([]);
  });
});

test("whatever is cut, refused or comes late: all is stored in the end, and no number is signed twice over", () => {
  const step = fc.oneof(
    { weight: 4, arbitrary: fc.constant("sign" as const) },
    { weight: 4, arbitrary: fc.constant("send" as const) },
    { weight: 3, arbitrary: fc.constant("hear" as const) },
    { weight: 1, arbitrary: fc.constant("cut" as const) },
    { weight: 1, arbitrary: fc.constant("refuse" as const) },
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
      const hub = new ModelHub(identity.kid);
      const chain = new DeviceChain(identity, LIMITS);
      /** Answers on their way; a cut loses them. */
      let answers: (() => void)[] = [];
      let isRefusing = false;
      const connect = (): void => {
        answers = [];
        chain.beginConnection();
        const ack = hub.ack();
        answers.push(() => chain.hearAck(ack, IAT));
      };
      const sendOne = (): void => {
        const pending = chain.due();
        if (pending === undefined) return;
        chain.sentDue(0);
        const nack = hub.decide(pending.statement, isRefusing ? "malformed" : undefined);
        isRefusing = false;
        const ack = hub.ack();
        if (nack !== undefined) answers.push(() => chain.hearNack(nack, IAT));
        answers.push(() => chain.confirm(pending));
        if (nack === undefined) answers.push(() => chain.hearAck(ack, IAT));
      };
      const does = {
        sign: () => chain.hasRoom && chain.sign(pack(), IAT),
        send: sendOne,
        hear: () => answers.shift()?.(),
        cut: connect,
        refuse: () => (isRefusing = true),
      };
      connect();
      for (const each of steps) does[each]();
      isRefusing = false;
      connect();
      for (let i = 0; i < 200 && (answers.length > 0 || chain.due() !== undefined); i++) {
        if (answers.length > 0) answers.shift()!();
        else sendOne();
      }
      expect(chain.faults).toEqual([]);
      expect(chain.isHalted).toBe(false);
      expect(chain.pending).toEqual([]);
      expect(chain.signed).toBe(hub.chain.length + chain.withdrawn);
      // Numbers and predecessors fit, or the model would have refused them.
      expect(hub.stored).toBe(chain.stored);
    }),
  );
});
