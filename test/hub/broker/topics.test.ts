/** Who may publish and subscribe to what. */

import { describe, expect, test } from "vitest";
import {
  judgePublication,
  judgeWill,
  maySubscribe,
  STATE_BYTES_MAX,
} from "../../../hub/broker/topics.ts";
import type { Publication } from "../../../hub/broker/topics.ts";
import { encodeUtf8 } from "../../../ledger/bytes.ts";

const PREFIX = "kerbstone/v1/air-1";

function message(changes: Partial<Publication> & { text?: string }): Publication {
  const { text = "", ...rest } = changes;
  return {
    topic: `${PREFIX}/statement`,
    qos: 1,
    retain: false,
    payload: encodeUtf8(text),
    ...rest,
  };
}

describe("publications", () => {
  test.each<[string, Publication]>([
    ["statement", message({})],
    ["status", message({ topic: `${PREFIX}/status`, retain: true, text: "online" })],
    ["status", message({ topic: `${PREFIX}/status`, retain: true, text: "offline" })],
    ["state", message({ topic: `${PREFIX}/state`, qos: 0, retain: true, text: "{}" })],
  ])("%s is allowed", (leaf, publication) => {
    expect(judgePublication("air-1", publication)).toBe(leaf);
  });

  test.each<[string, Publication]>([
    ["another device's statement", message({ topic: "kerbstone/v1/air-2/statement" })],
    ["a longer name with the same beginning", message({ topic: "kerbstone/v1/air-10/statement" })],
    ["its own ack", message({ topic: `${PREFIX}/ack` })],
    ["its own nack", message({ topic: `${PREFIX}/nack` })],
    [
      "the hub's status",
      message({ topic: "kerbstone/v1/hub/status", retain: true, text: "online" }),
    ],
    ["$SYS", message({ topic: "$SYS/x/new/clients" })],
    ["a level more", message({ topic: `${PREFIX}/statement/` })],
    ["another prefix", message({ topic: "kerbstone/v2/air-1/statement" })],
    ["constructor", message({ topic: `${PREFIX}/constructor` })],
    ["a statement with QoS 0", message({ qos: 0 })],
    ["a statement with QoS 2", message({ qos: 2 })],
    ["a retained statement", message({ retain: true })],
    ["a status that is not retained", message({ topic: `${PREFIX}/status`, text: "online" })],
    ["another status", message({ topic: `${PREFIX}/status`, retain: true, text: "on" })],
    ["an empty status", message({ topic: `${PREFIX}/status`, retain: true })],
    [
      "too large a state",
      message({
        topic: `${PREFIX}/state`,
        qos: 0,
        retain: true,
        payload: new Uint8Array(STATE_BYTES_MAX + 1),
      }),
    ],
  ])("%s is refused", (_name, publication) => {
    expect(judgePublication("air-1", publication)).toHaveProperty("fault");
  });
});

describe("wills", () => {
  test("may say offline", () => {
    const will = message({ topic: `${PREFIX}/status`, retain: true, text: "offline" });
    expect(judgeWill("air-1", will)).toBeUndefined();
  });

  test.each<[string, Publication]>([
    ["say online", message({ topic: `${PREFIX}/status`, retain: true, text: "online" })],
    ["be a statement", message({})],
    [
      "be another's",
      message({ topic: "kerbstone/v1/air-2/status", retain: true, text: "offline" }),
    ],
  ])("may not %s", (_name, will) => {
    expect(judgeWill("air-1", will)).toHaveProperty("fault");
  });
});

describe("subscriptions", () => {
  test.each([`${PREFIX}/ack`, `${PREFIX}/nack`, "kerbstone/v1/hub/status"])("%s", (topic) => {
    expect(maySubscribe("air-1", topic)).toBe(true);
  });

  test.each([
    "#",
    "+/#",
    "kerbstone/v1/+/ack",
    `${PREFIX}/#`,
    `${PREFIX}/+`,
    `${PREFIX}/status`,
    "kerbstone/v1/air-2/ack",
    "kerbstone/v1/hub/#",
    "$SYS/#",
    "$share/g/kerbstone/v1/air-1/ack",
  ])("not %s", (topic) => {
    expect(maySubscribe("air-1", topic)).toBe(false);
  });
});
