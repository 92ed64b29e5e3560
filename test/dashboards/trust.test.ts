/** Trust on first use: what is pinned, what changes it, what is noticed. */
import { beforeEach, describe, expect, test } from "vitest";
import { alarmsOf } from "../../dashboards/web/city/alarm.ts";
import { signCheckpoint } from "../../ledger/checkpoint.ts";
import { Fault } from "../../ledger/fault.ts";
import { parsePolicy } from "../../ledger/policy.ts";
import { sha256 } from "../../ledger/sha256.ts";
import { nobleVerify } from "../../ledger/signature.ts";
import {
  formatPins,
  formatPolicy,
  NO_PINS,
  parseLogVkey,
  parsePins,
  pinByUser,
  pinFirstUse,
  standingOfVkey,
  withCosigner,
} from "../../dashboards/web/trust/pin.ts";
import type { Pin } from "../../dashboards/web/trust/pin.ts";
import { TrustDesk } from "../../dashboards/web/trust/trust-desk.ts";
import type { Drawer } from "../../dashboards/web/trust/trust-desk.ts";
import { voice } from "../support/scripted-log.ts";
import { exampleCity, PEERS, ScriptedCity } from "./support/scripted-city.ts";

const city = exampleCity("trust.example/log", 1_800_000_000);
const other = new ScriptedCity("other.example/log", 1_800_000_000);

function pin(): Pin {
  const first = pinFirstUse(city.vkey, city.peers(), 5);
  if (first instanceof Fault) throw new Error(first.text);
  return first;
}

function vkeyOf(text: string): Exclude<ReturnType<typeof parseLogVkey>, Fault> {
  const vkey = parseLogVkey(text);
  if (vkey instanceof Fault) throw new Error(vkey.text);
  return vkey;
}

describe("the first use", () => {
  test("pins the log's key, the peers' keys and the quorum", () => {
    expect(pin()).toMatchObject({ vkey: city.vkey, from: "first-use", needed: 2 });
    expect(pin().cosigners.map(({ name }) => name)).toEqual(PEERS);
  });

  test("does not pin a vkey that is none, nor one of a cosigner", () => {
    expect(pinFirstUse("nonsense", city.peers(), 5)).toBeInstanceOf(Fault);
    expect(pinFirstUse(city.peers().peers[0]!.vkey, city.peers(), 5)).toBeInstanceOf(Fault);
  });

  test("leaves out keys of peers that are none, and each key but once", () => {
    const [peer] = city.peers().peers;
    const peers = [peer!, { ...peer!, name: "again" }, { ...peer!, vkey: "nonsense" }];
    const first = pinFirstUse(city.vkey, { ...city.peers(), peers }, 5) as Pin;
    expect(first.cosigners).toHaveLength(1);
    expect(first.needed).toBe(1);
  });
});

test("a pin makes a policy that the command line reads", () => {
  expect(parsePolicy(formatPolicy(pin()))).toMatchObject({ quorum: "pinned" });
  const alone = pinFirstUse(city.vkey, { quorum: null, peers: [], forks: [] }, 5) as Pin;
  expect(parsePolicy(formatPolicy(alone))).toMatchObject({ quorum: "none" });
});

test.each([
  ["the same", city.vkey, "same"],
  ["another key of the log", city.vkey.replace(/\+.*/, "+00000000+AA"), "other-key"],
  ["another log", other.vkey, "other-log"],
])("%s vkey", (_, shown, standing) => {
  expect(standingOfVkey(pin(), shown)).toBe(standing);
});

describe("the user's own key", () => {
  test("keeps the cosigners of the same log", () => {
    expect(pinByUser(pin(), vkeyOf(` ${city.vkey}\n`), ` ${city.vkey}\n`, 9)).toMatchObject({
      vkey: city.vkey,
      from: "user",
      sinceMs: 9,
      needed: 2,
    });
  });

  test("drops those of another", () => {
    const next = pinByUser(pin(), vkeyOf(other.vkey), other.vkey, 9);
    expect(next).toMatchObject({ cosigners: [], needed: 0 });
  });

  test("may add a cosigner, once", () => {
    const empty = { ...pin(), cosigners: [], needed: 0 };
    const cosigner = pin().cosigners[0]!;
    const once = withCosigner(empty, cosigner);
    expect(once.cosigners).toEqual([cosigner]);
    expect(withCosigner(once, cosigner)).toBe(once);
    expect(withCosigner(once, { name: "x", vkey: city.vkey })).toBe(once);
  });
});

describe("what is kept", () => {
  test("comes back", () => {
    const pins = { hub: pin(), others: [pinByUser(undefined, vkeyOf(other.vkey), other.vkey, 1)] };
    expect(parsePins(formatPins(pins))).toEqual({ pins, isBroken: false });
    expect(parsePins(formatPins(NO_PINS))).toEqual({ pins: NO_PINS, isBroken: false });
  });

  test.each(["", "{", '{"v":2}', '{"v":1,"hub":{"vkey":7},"others":[]}', '{"v":1,"others":[1]}'])(
    "and is known to be broken: %j",
    (kept) => {
      expect(parsePins(kept).isBroken).toBe(true);
    },
  );

  test("makes no policy out of a key that is none", () => {
    const kept = formatPins({ hub: { ...pin(), vkey: "x" }, others: [] });
    expect(parsePins(kept)).toEqual({ pins: NO_PINS, isBroken: true });
  });
});

class MemoryDrawer implements Drawer {
  readonly texts = new Map<string, string>();
  isFull = false;
  get(name: string): string | undefined {
    return this.texts.get(name);
  }
  put(name: string, content: string): boolean {
    if (this.isFull) return false;
    this.texts.set(name, content);
    return true;
  }
}

describe("the desk", () => {
  let drawer: MemoryDrawer;
  let desk: TrustDesk;
  const open = (): TrustDesk => new TrustDesk({ drawer, verify: nobleVerify, nowMs: () => 5 });
  const kinds = (): string[] => alarmsOf(undefined, desk.trust).map(({ kind }) => kind);

  beforeEach(() => {
    drawer = new MemoryDrawer();
    desk = open();
    desk.meet(city.logAnswer(), city.peers());
  });

  test("learns at first sight and never again, also after a reload", () => {
    desk.meet(other.logAnswer(), other.peers());
    expect(desk.trust.pins.hub?.vkey).toBe(city.vkey);
    desk = open();
    desk.meet(other.logAnswer(), other.peers());
    expect(desk.trust.pins.hub?.vkey).toBe(city.vkey);
  });

  test("checks the published checkpoint", () => {
    desk.takeCheckpoint(city.checkpoint);
    expect(desk.trust.newest).toMatchObject({ hasQuorum: false });
    desk.takeCheckpoint(other.checkpoint);
    expect(desk.trust.newest).toMatchObject({ code: "wrong-origin" });
    expect(kinds()).toEqual(["bad-checkpoint"]);
  });

  test("remembers the newest checkpoint, and says when the log is shorter", () => {
    const before = city.checkpointFor(2);
    desk.takeCheckpoint(city.checkpoint);
    desk = open();
    desk.takeCheckpoint(before);
    expect(kinds()).toEqual(["shorter"]);
    desk.takeCheckpoint(city.checkpoint);
    expect(kinds()).toEqual([]);
  });

  test("proves a contradiction, and does not forget it", () => {
    desk.takeCheckpoint(city.checkpoint);
    const size = city.sealedSize;
    const root = sha256(new Uint8Array([1]));
    const origin = city.log.state.origin;
    const lie = signCheckpoint({ origin, size, root }, voice("hub").signer);
    desk.takeCheckpoint(lie);
    expect(desk.trust.contradiction).toEqual({ seen: city.checkpoint, shown: lie });
    desk = open();
    expect(kinds()).toEqual(["contradiction"]);
  });

  test("says when the browser keeps nothing", () => {
    drawer = new MemoryDrawer();
    drawer.isFull = true;
    desk = open();
    desk.meet(city.logAnswer(), city.peers());
    expect(desk.trust.isKept).toBe(false);
    expect(desk.trust.pins.hub?.vkey).toBe(city.vkey);
  });

  test("checks against the key that the user brings", () => {
    desk.takeCheckpoint(city.checkpoint);
    desk.pinHubKey(vkeyOf(other.vkey), other.vkey);
    expect(desk.trust.newest).toMatchObject({ code: "wrong-origin" });
  });
});
