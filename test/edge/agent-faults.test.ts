/** What an agent keeps of its promises when disk, clock, network or hub do not keep theirs: each trouble by itself. */

import { afterEach, beforeEach, expect, test } from "vitest";
import type { AgentParts } from "../../edge/agent-parts.ts";
import type { Standing } from "../../edge/delivery/standing.ts";
import type { Clock } from "../../platform/clock.ts";
import { silentLogger } from "../../platform/log.ts";
import { AgentSetup, signer, TRUE_MS } from "./agent-setup.ts";
import type { RunningAgent } from "./agent-setup.ts";

let setup: AgentSetup;

beforeEach(async () => {
  setup = await AgentSetup.begin();
});

afterEach(() => setup.end());

/** Starts an agent of an enrolled device, and waits until it may sign. */
async function enrolled(changes: Partial<AgentParts> = {}): Promise<RunningAgent> {
  if (setup.hub.device === "") setup.hub.enrol("air-1", signer);
  const running = await setup.start(changes);
  const { agent } = running;
  await setup.until("it is enrolled", () => agent.status().nextSeq !== undefined);
  await setup.until("the line is open", () => agent.status().sensors[0]!.line === "open");
  return running;
}

/** Says a frame a second, each with its own value. */
async function say(from: number, to: number): Promise<void> {
  for (let value = from; value <= to; value++) {
    setup.line.sds011(value, value);
    await setup.clock.advance(1_000);
  }
}

const tenths = (from: number, to: number): number[] =>
  Array.from({ length: to - from + 1 }, (_, i) => (from + i) / 10);

test("stopped with readings that cannot be signed, it says so, and the next pack owns up to them", async () => {
  const warnings: object[] = [];
  const logger = { ...silentLogger, warn: (fields: object) => void warnings.push(fields) };
  const running = await enrolled({ logger });
  setup.clock.jump(-TRUE_MS);
  await say(1, 20);
  expect(running.agent.status()).toMatchObject({ waitsFor: "no-clock", waitingReadings: 40 });
  await running.stop();
  expect(warnings).toContainEqual({ readings: 40, reason: "no-clock" });
  setup.clock.jump(TRUE_MS);
  setup.files.crash();
  await enrolled();
  await say(21, 22);
  await setup.until("a pack is there", () => setup.packs().length === 1);
  expect(setup.values("pm25")).toEqual([2.1, 2.2]);
  expect(setup.values("dropped")).toEqual([40]);
});

test("while all is well nothing is owed, and where something is the card is asked once a minute", async () => {
  await enrolled({ waitingReadingsMax: 100 });
  let written = 0;
  setup.files.setFaults(({ kind, path }) => {
    if (kind === "write" && path.endsWith("owed.json")) written += 1;
    return undefined;
  });
  await say(1, 180);
  expect(written).toBe(0);
  setup.clock.jump(-TRUE_MS);
  // Every second more of it is dropped.
  await say(181, 480);
  expect(written).toBeGreaterThanOrEqual(4);
  expect(written).toBeLessThanOrEqual(6);
  setup.clock.jump(TRUE_MS);
});

test("of a stream that the hub does not take nothing more is signed, and no number is spent on it", async () => {
  const { agent } = await enrolled();
  setup.hub.refuse = ({ kind }) => (kind === "readings" ? "wrong-stream" : undefined);
  await say(1, 2);
  await setup.until("the gap is stored", () => agent.status().storedSeq === 1);
  await say(3, 40);
  await setup.clock.advance(20_000);
  expect(agent.status()).toMatchObject({ nextSeq: 2, waitingReadings: 0 });
  expect(agent.status().counters.packsRefused).toBeGreaterThan(2);
});

test("what waits for long is owned up to even if the power goes", async () => {
  await enrolled();
  setup.clock.jump(-TRUE_MS);
  await say(1, 60);
  // The count of a minute ago is on the disk by now.
  await setup.clock.advance(60_000);
  setup.files.crash();
  setup.clock.jump(TRUE_MS);
  await setup.end();
  const { files, hub } = setup;
  const old = hub.entries;
  setup = await AgentSetup.begin();
  for (const name of await files.list("/data"))
    if (name.endsWith(".json"))
      await setup.files.write(`/data/${name}`, (await files.read(`/data/${name}`))!);
  setup.hub.become(old);
  setup.hub.device = "air-1";
  await enrolled();
  await say(61, 61);
  await setup.until("a pack is there", () => setup.packs().length === 1);
  expect(setup.values("dropped")).toEqual([120]);
});

test("what has waited for long is signed a few at a time, in order, each of them safe before the next", async () => {
  const { agent } = await enrolled({ pack: { seconds: 1, readingsMax: 1 } });
  setup.clock.jump(-TRUE_MS);
  for (let value = 1; value <= 400; value++) {
    setup.line.sds011(value, value);
    await setup.clock.advance(2);
  }
  await setup.clock.advance(1_000);
  expect(agent.status().waitingReadings).toBe(800);
  const { flushes } = agent.status().counters;
  setup.clock.jump(TRUE_MS);
  await setup.until("all is there", () => agent.status().storedSeq === 399);
  expect(agent.status().counters.flushes - flushes).toBe(2);
  expect(setup.values("pm25")).toEqual(tenths(1, 400));
});

test("at the end all that has waited is signed", async () => {
  const running = await enrolled({ pack: { seconds: 1, readingsMax: 1 } });
  setup.clock.jump(-TRUE_MS);
  for (let value = 1; value <= 400; value++) {
    setup.line.sds011(value, value);
    await setup.clock.advance(2);
  }
  setup.clock.jump(TRUE_MS);
  await running.stop();
  expect(running.agent.status()).toMatchObject({ waitingReadings: 0, nextSeq: 400 });
});

test("what a refused pack had owned up to is owned up to again", async () => {
  const { agent } = await enrolled({ waitingReadingsMax: 20 });
  setup.clock.jump(-TRUE_MS);
  await say(1, 30);
  expect(agent.status().counters.readingsDropped).toBe(40);
  // Nothing that says so is taken for a while.
  setup.hub.isSilent = true;
  setup.hub.loginsToRefuse = 3;
  setup.hub.cut();
  setup.clock.jump(TRUE_MS);
  await say(31, 32);
  await setup.until("it is signed", () => agent.status().counters.statementsSigned > 0);
  setup.hub.refuse = ({ seq, kind }) => (seq < 2 && kind === "readings" ? "malformed" : undefined);
  setup.hub.isSilent = false;
  await setup.until("it is refused", () => agent.status().counters.gapsSigned > 0);
  await say(33, 34);
  await setup.until("a pack is there", () => setup.values("pm25").at(-1) === 3.4);
  const { nacks, readingsDropped } = agent.status().counters;
  expect(nacks).toBeGreaterThan(0);
  expect(setup.values("dropped")).toEqual([readingsDropped]);
});

test("a count that cannot be kept is told in the log, and nothing else changes", async () => {
  const running = await enrolled({ waitingReadingsMax: 100 });
  setup.clock.jump(-TRUE_MS);
  setup.files.setFaults(({ path }) => (path.endsWith("owed.json") ? "undone" : undefined));
  await say(1, 130);
  setup.clock.jump(TRUE_MS);
  await setup.until("all is signed", () => running.agent.status().waitingReadings === 0);
  await say(131, 131);
  await setup.until("it is owned up to", () => setup.values("dropped").length > 0);
  const said = setup.values("dropped") as number[];
  expect(said.reduce((sum, count) => sum + count, 0)).toBe(160);
});

test("a clock that is set back between one pack and the next stops signing, and not the agent", async () => {
  const { clock } = setup;
  let looks = Infinity;
  const jumpy: Clock = {
    nowMs: () => (looks-- > 0 ? clock.nowMs() : 0),
    monotonicMs: () => clock.monotonicMs(),
    after: (ms, run) => clock.after(ms, run),
    sleep: (ms, signal) => clock.sleep(ms, signal),
  };
  const running = await enrolled({ clock: jumpy, pack: { seconds: 10, readingsMax: 2 } });
  for (let left = 1; left <= 12; left++) {
    await say(10 * left, 10 * left + 4);
    looks = left;
    await clock.advance(20_000);
    looks = Infinity;
    await setup.until("all is signed", () => running.agent.status().waitingReadings === 0);
  }
  await setup.until("all is there", () => setup.values("pm25").length === 60);
  expect(setup.values("pm25")).toEqual(
    (setup.values("pm25") as number[]).toSorted((a, b) => a - b),
  );
});

test("a disk that takes nothing any more: what is on it is still sent to the end, and acknowledged", async () => {
  const running = await enrolled({ pack: { seconds: 1, readingsMax: 1 }, retention: "stored" });
  setup.hub.loginsToRefuse = Infinity;
  setup.hub.cut();
  await say(1, 400);
  await setup.until("all is signed", () => running.agent.status().waitingReadings === 0);
  // Mounted again, read-only: not even room can be given back.
  setup.files.setFaults(() => "undone");
  setup.hub.loginsToRefuse = 0;
  await setup.until("all is stored", () => running.agent.status().storedSeq === 399);
  expect(setup.values("pm25")).toEqual(tenths(1, 400));
  setup.files.setFaults();
  await say(401, 402);
  await setup.until("it goes on", () => setup.values("pm25").length === 402);
});

test("a disk that fails is tried again ever more seldom, and at once again when it has been well", async () => {
  const { agent } = await enrolled({ pack: { seconds: 1, readingsMax: 2 } });
  const failures = async (from: number): Promise<number> => {
    const before = agent.status().counters.flushesFailed;
    setup.files.setFaults(({ path }) => (path.includes("outbox") ? "undone" : undefined));
    await say(from, from + 119);
    setup.files.setFaults();
    return agent.status().counters.flushesFailed - before;
  };
  const first = await failures(1);
  expect(first).toBeGreaterThan(4);
  // 1 + 2 + 4 + 8 + 16 + 32 + 60 s, each shortened to no less than half.
  expect(first).toBeLessThan(13);
  await say(121, 240);
  expect(agent.status().diskFault).toBeUndefined();
  expect(await failures(241)).toBeGreaterThan(4);
  await say(361, 480);
  await setup.until("all is there", () => setup.values("pm25").length === 480);
});

test("as soon as the disk is well again, whoever finds it out, signing goes on", async () => {
  const running = await enrolled({ pack: { seconds: 1, readingsMax: 64 } });
  setup.files.setFaults(({ path }) => (path.includes("/outbox/") ? "undone" : undefined));
  await say(1, 120);
  expect(running.agent.status().waitsFor).toBe("disk");
  setup.files.setFaults();
  // An ack has what is due written; the next try of the agent's own would be up to a minute away.
  await setup.hub.ack();
  await setup.clock.advance(3_000);
  expect(running.agent.status()).toMatchObject({ waitingReadings: 0 });
  expect(running.agent.status().waitsFor).toBeUndefined();
});

test("with everything let go a small outbox is not full for ever", async () => {
  const running = await enrolled({ outboxBytesMax: 65_536, pack: { seconds: 1, readingsMax: 1 } });
  setup.clock.jump(-TRUE_MS);
  await say(1, 240);
  setup.clock.jump(TRUE_MS);
  await setup.until("it is full", () => running.agent.status().waitsFor === "full");
  // Looked at before each statement, not each time that many are signed.
  expect(running.agent.status().outboxBytes).toBeLessThan(65_536 + 1_000);
  for (let round = 0; round < 12; round++) {
    await setup.clock.advance(10_000);
    await setup.hub.seal();
  }
  await setup.until("all is there", () => setup.values("pm25").length === 240);
  expect(running.agent.status().waitsFor).toBeUndefined();
});

test.each([
  ["stored", "stores", true],
  ["sealed", "stores", false],
  ["sealed", "seals", true],
  ["cosigned", "stores", false],
  ["cosigned", "seals", false],
  ["cosigned", "cosigns", true],
] as const)(
  "with retention %s and a hub that only %s, what is kept is let go: %s",
  async (retention, deed, isLetGo) => {
    const outboxBytesMax = 12_000;
    const { agent } = await enrolled({ retention, outboxBytesMax, waitingReadingsMax: 100 });
    for (let round = 0; round < 30; round++) {
      await say(round * 20, round * 20 + 19);
      if (deed !== "stores") await setup.hub.seal(deed === "cosigns");
    }
    const { oldestSeq, storedSeq, nextSeq, outboxBytes, waitsFor, counters } = agent.status();
    const kept = nextSeq! - oldestSeq;
    if (isLetGo) {
      expect(kept).toBeLessThan(5);
      expect(waitsFor).toBeUndefined();
      expect(counters.readingsDropped).toBe(0);
      return;
    }
    // The hub has all of it, and could lose it: not one is let go, and at the bound nothing more is signed.
    expect({ oldestSeq, storedSeq, waitsFor }).toEqual({
      oldestSeq: 0,
      storedSeq: nextSeq! - 1,
      waitsFor: "full",
    });
    expect(outboxBytes).toBeLessThan(outboxBytesMax + 1_000);
    expect(counters.readingsDropped).toBeGreaterThan(300);
    await setup.hub.seal();
    await setup.until("there is room again", () => agent.status().waitingReadings === 0);
    await say(600, 601);
    await setup.until("it is owned up to", () => setup.values("pm25").at(-1) === 60.1);
    const said = (setup.values("dropped") as number[]).reduce((sum, count) => sum + count, 0);
    expect(said).toBe(counters.readingsDropped);
    expect(2 * setup.values("pm25").length).toBe(agent.status().counters.readings - said);
  },
);

test("the live view goes on while a backlog is sent, at a bounded rate and in order, and comes again on a new connection", async () => {
  const sending = { statementsPerSecondMax: 5 };
  const running = await enrolled({ pack: { seconds: 1, readingsMax: 1 }, sending });
  setup.hub.loginsToRefuse = Infinity;
  setup.hub.cut();
  await say(1, 500);
  setup.hub.loginsToRefuse = 0;
  await setup.until("it is back", () => setup.hub.received.length > 0);
  const beganMs = setup.clock.monotonicMs();
  const before = setup.hub.states.length;
  const receivedBefore = setup.hub.received.length;
  await say(501, 560);
  const seconds = (setup.clock.monotonicMs() - beganMs) / 1000;
  const sent = setup.hub.received.length - receivedBefore;
  expect(sent).toBeGreaterThan(4.5 * seconds);
  expect(sent).toBeLessThan(5.5 * seconds + 5);
  const views = setup.hub.states.slice(before).map((text) => JSON.parse(text) as View);
  expect(views.length).toBeGreaterThan(seconds / 5 - 2);
  // The newest value, not the one that the backlog has come to.
  const newest = views.at(-1)!.values.find(({ quantity }) => quantity === "pm25")!;
  expect(newest.value).toBeGreaterThan(55);
  expect(setup.values("pm25").at(-1)).toBeLessThan(45);
  await setup.until("all is there", () => running.agent.status().storedSeq === 559);
  expect(setup.values("pm25")).toEqual(tenths(1, 560));
  // Nothing has changed since the last view, and the hub has forgotten it.
  await setup.until("nothing changes any more", () => stateIn(setup.hub.states) === "silent");
  setup.hub.states.length = 0;
  setup.hub.cut();
  await setup.until("it is said again", () => stateIn(setup.hub.states) === "silent");
});

/** How the sensor is, as the newest of some live views says. */
function stateIn(views: readonly string[]): string | undefined {
  const newest = views.at(-1);
  return newest === undefined ? undefined : (JSON.parse(newest) as View).sensors[0]!.state;
}

interface View {
  readonly values: readonly { readonly quantity: string; readonly value: number }[];
  readonly sensors: readonly { readonly state: string }[];
}

test("a hub that refuses the login is asked why, and the status says it", async () => {
  let asked = 0;
  let standing: Standing = "unknown";
  const running = await enrolled({
    askStanding: () => {
      asked += 1;
      return Promise.resolve(standing);
    },
  });
  expect(running.agent.status().isLoginRefused).toBe(false);
  setup.hub.loginsToRefuse = Infinity;
  setup.hub.cut();
  await setup.until("it says so", () => running.agent.status().standing === "unknown");
  standing = "revoked";
  await setup.clock.advance(900_000);
  expect(running.agent.status()).toMatchObject({ isLoginRefused: true, standing: "revoked" });
  expect(asked).toBeLessThan(5);
  // What is read is kept all the same: the answer is not signed.
  await say(1, 5);
  await setup.clock.advance(20_000);
  expect(running.agent.status()).toMatchObject({ nextSeq: 1, waitingReadings: 0 });
  setup.hub.loginsToRefuse = 0;
  await setup.until("it is let in", () => setup.values("pm25").length === 5);
  expect(running.agent.status()).toMatchObject({ isLoginRefused: false, standing: undefined });
});
