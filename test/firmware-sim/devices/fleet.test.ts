/** Fleets of virtual devices over real sockets: on a whole hub in this process, and on brokers that break their word. */
import { describe, expect, test } from "vitest";
import { BROKER_LIMITS } from "../../../hub/broker/broker.ts";
import { listenMqtt } from "../../../hub/broker/listener.ts";
import { EXPECTATIONS } from "../../../firmware-sim/devices/behaviours/behaviour.ts";
import type { BehaviourName } from "../../../firmware-sim/devices/behaviours/behaviour.ts";
import { groupsOf } from "../../../firmware-sim/devices/crew.ts";
import { Fleet } from "../../../firmware-sim/devices/fleet.ts";
import type { FleetParts } from "../../../firmware-sim/devices/fleet.ts";
import type { FleetPlan } from "../../../firmware-sim/devices/fleet-plan.ts";
import { claimOf } from "../../../firmware-sim/devices/identity.ts";
import { isWell, totalsOf } from "../../../firmware-sim/devices/totals.ts";
import type { FleetTotals } from "../../../firmware-sim/devices/totals.ts";
import { dialTo } from "../../../firmware-sim/devices/transport.ts";
import { systemClock } from "../../../platform/clock.ts";
import { seededRandom } from "../../../platform/random.ts";
import { ORIGIN } from "../../hub/support/devices.ts";
import { RunningHub } from "../../hub/support/running-hub.ts";
import { freePort } from "../../support/ports.ts";
import { eventually } from "../../support/process.ts";
import { TEST_CERTIFICATE, TEST_CERTIFICATE_KEY } from "../../support/test-certificate.ts";
import { testScope } from "../../support/scope.ts";
import { ScriptedBroker } from "./scripted-broker.ts";

const scope = testScope();
const SEED = "fleet";

interface Run {
  readonly fleet: Fleet;
  readonly stop: AbortController;
  /** Resolves with the figures when all is over. */
  readonly done: Promise<FleetTotals>;
}

function planOf(
  groups: Partial<Record<BehaviourName, number>>,
  changes: Partial<FleetPlan> = {},
): FleetPlan {
  return {
    seed: SEED,
    groups: Object.entries(groups).map(([name, count]) => ({
      prefix: name,
      count,
      behaviour: name as BehaviourName,
      readings: 2,
    })),
    perSecond: 400,
    until: "stored",
    waitMs: 10_000,
    connectMs: 10_000,
    ...changes,
  };
}

function begin(port: number, plan: FleetPlan, changes: Partial<FleetParts> = {}): Run {
  const stop = new AbortController();
  const fleet = new Fleet(plan, groupsOf(plan), {
    origin: ORIGIN,
    dial: dialTo({ isTls: false, host: "127.0.0.1", port }),
    clock: systemClock,
    random: seededRandom(`waits of ${SEED}`),
    gate: { perSecondMax: 2000, openingMax: 100 },
    limits: { reconnect: { firstMs: 20, mostMs: 200 } },
    ...changes,
  });
  const done = fleet.run(stop.signal).then(() => totalsOf(fleet, systemClock.monotonicMs(), 0));
  scope.defer(() => stop.abort());
  return { fleet, stop, done };
}

async function enrolAll(hub: RunningHub, plan: FleetPlan): Promise<void> {
  const identities = groupsOf(plan).flatMap((group) => group.identities);
  const claims = identities.map((identity) => claimOf(identity, ORIGIN, 60));
  await hub.command("enrol-many", { claims });
}

describe("honest devices", () => {
  test("have everything stored that they sign", async () => {
    const hub = await RunningHub.start(scope);
    const plan = planOf({ honest: 40 }, { loadMs: 1500 });
    await enrolAll(hub, plan);
    const { done } = begin(hub.port, plan);
    const totals = await done;
    expect(totals).toMatchObject({
      connected: 40,
      connections: 40,
      lost: 0,
      nacked: {},
      undelivered: 0,
    });
    expect(totals.stored).toBe(totals.signed);
    expect(totals.confirmed).toBe(totals.signed);
    expect(totals.signed).toBeGreaterThan(0);
    expect(totals.toStored.count).toBe(totals.signed);
    expect(isWell(totals)).toBe(true);
    const { registry } = hub.hub.log.state;
    const inLog = [...registry.all()].filter(({ role }) => role === "device");
    expect(inLog.reduce((sum, { lastSeq }) => sum + lastSeq + 1, 0)).toBe(totals.signed);
  });

  test("come back after cuts, without a rate, and nothing is lost or signed twice", async () => {
    const hub = await RunningHub.start(scope);
    const plan = planOf({ honest: 10 }, { perSecond: 0 });
    await enrolAll(hub, plan);
    const { fleet, stop, done } = begin(hub.port, plan);
    for (let cut = 1; cut <= 5; cut++) {
      const { stored } = fleet.tally;
      await eventually("all are at work", () =>
        fleet.tally.stored > stored + 100 && fleet.honest.every((device) => device.isConnected)
          ? true
          : undefined,
      );
      for (const device of fleet.honest) device.cut();
    }
    stop.abort();
    const totals = await done;
    expect(totals.reconnections).toBeGreaterThanOrEqual(40);
    expect(totals).toMatchObject({ lost: 0, undelivered: 0, faults: [], nacked: {} });
    expect(hub.hub.log.evidence.list()).toEqual([]);
    await hub.hub.log.seal();
  });

  test("speak TLS where the hub does, and with nobody whom they cannot check", async () => {
    const hub = await RunningHub.start(scope);
    const plan = planOf({ honest: 3 });
    await enrolAll(hub, plan);
    const tls = { cert: TEST_CERTIFICATE, key: TEST_CERTIFICATE_KEY };
    const options = { host: "127.0.0.1", port: 0, tls, connectionsMax: 100 };
    const listener = await listenMqtt(options, (socket) => hub.hub.accept(socket));
    scope.defer(() => listener.close());
    const { port } = listener;
    const address = { isTls: true, host: "localhost", port };
    const stranger = begin(port, plan, { dial: dialTo(address) });
    await eventually("they have left", () =>
      (stranger.fleet.tally.ended.get("DEPTH_ZERO_SELF_SIGNED_CERT") ?? 0) >= 3 ? true : undefined,
    );
    stranger.stop.abort();
    expect(await stranger.done).toMatchObject({ connections: 0, signed: 0 });
    const { fleet, stop, done } = begin(port, plan, { dial: dialTo(address, TEST_CERTIFICATE) });
    await eventually("they are at work", () => (fleet.tally.stored > 20 ? true : undefined));
    stop.abort();
    expect(await done).toMatchObject({ connections: 3, lost: 0, faults: [] });
  });

  test("stop when they are revoked, and nothing else does", async () => {
    const hub = await RunningHub.start(scope);
    const plan = planOf({ honest: 4 }, { perSecond: 0 });
    await enrolAll(hub, plan);
    const { fleet, stop, done } = begin(hub.port, plan);
    await eventually("all are at work", () => (fleet.tally.stored > 100 ? true : undefined));
    await hub.command("revoke", { name: "honest-00001", reason: "lost" });
    await eventually("it is not let in again", () =>
      (fleet.tally.loginsRefused.get(5) ?? 0) > 0 || fleet.tally.halted > 0 ? true : undefined,
    );
    stop.abort();
    const totals = await done;
    expect(totals).toMatchObject({ lost: 0, faults: [] });
    const pending = fleet.honest.reduce((sum, { chain }) => sum + chain.pending.length, 0);
    const refused = fleet.honest.reduce((sum, { chain }) => sum + chain.withdrawn, 0);
    expect(totals.withdrawn).toBe(refused);
    expect(totals.unanswered + totals.undelivered).toBe(pending - refused);
    expect(totals.stored + pending).toBe(totals.signed);
  });
});

test("what a hub took that is gone at the end is not called lost", async () => {
  const broker = await ScriptedBroker.start(scope, SEED, { stores: () => false });
  const [there, gone] = [broker.port, await freePort()].map((port) =>
    dialTo({ isTls: false, host: "127.0.0.1", port }),
  );
  let dial = there!;
  const plan = planOf({ honest: 3 }, { waitMs: 1000 });
  const { fleet, stop, done } = begin(broker.port, plan, { dial: () => dial() });
  await eventually("each has its PUBACK", () =>
    fleet.honest.every(({ chain }) => chain.lost().length > 0) ? true : undefined,
  );
  dial = gone!;
  for (const device of fleet.honest) device.cut();
  stop.abort();
  const totals = await done;
  expect(totals).toMatchObject({ lost: 0, stored: 0, connected: 0 });
  expect(totals.unanswered).toBeGreaterThanOrEqual(3);
  expect(totals.unanswered + totals.undelivered).toBe(totals.signed);
});

describe("devices that misbehave", () => {
  test("meet what a correct hub does, and the honest ones are not disturbed", async () => {
    const brokerLimits = { ...BROKER_LIMITS, connectTimeoutMs: 300 };
    const hub = await RunningHub.start(scope, { brokerLimits });
    const plan = planOf({ honest: 6, ...ALL_OF_THEM });
    await enrolAll(hub, plan);
    const { fleet, stop, done } = begin(hub.port, plan);
    await eventually("everything was tried", () =>
      fleet.trials
        .all()
        .every(
          ({ expectation, kept, broken }) => expectation === "evidence-kept" || kept + broken > 0,
        )
        ? true
        : undefined,
    );
    stop.abort();
    const totals = await done;
    expect(totals.trials.filter(({ broken }) => broken > 0)).toEqual([]);
    expect(totals).toMatchObject({ lost: 0, faults: [], nacked: {}, reconnections: 0 });
    expect(isWell(totals)).toBe(true);
    const culprits = new Set(hub.hub.log.evidence.list().map(({ subject }) => subject));
    for (const rogue of fleet.rogues) {
      expect(culprits.has(rogue.identity.kid)).toBe(rogue.hasEquivocated);
    }
  });

  test("find out a broker that believes everybody", async () => {
    const broker = await ScriptedBroker.start(scope, SEED);
    const plan = planOf(ALL_OF_THEM, { perSecond: 0 });
    const { fleet, stop, done } = begin(broker.port, plan, { answerMs: 60 });
    const mustBreak = fleet.trials.all().filter(({ expectation }) => !LAWFUL.has(expectation));
    await eventually("all of it is found out", () =>
      mustBreak.every(({ broken }) => broken > 0) ? true : undefined,
    );
    expect(mustBreak.filter(({ kept }) => kept > 0)).toEqual([]);
    stop.abort();
    expect(isWell(await done)).toBe(false);
  });

  test("find out a broker that throws everybody out who says something", async () => {
    const broker = await ScriptedBroker.start(scope, SEED, {
      stores: () => {
        broker.cut();
        return true;
      },
    });
    const plan = planOf({ "future-dated": 2 }, { perSecond: 0 });
    const { fleet, stop } = begin(broker.port, plan, { answerMs: 500 });
    const trial = await eventually("it is reported", () =>
      fleet.trials.all().find(({ expectation, broken }) => expectation === "goes-on" && broken > 0),
    );
    expect(trial.instead).toMatch(/^future-dated-0000[12]: 5 times in a row: /);
    stop.abort();
  });
});

describe("a broker that breaks its word", () => {
  test("by forgetting what it has acknowledged: all of that is lost", async () => {
    const broker = await ScriptedBroker.start(scope, SEED, { stores: () => false });
    const { fleet, stop, done } = begin(broker.port, planOf({ honest: 5 }, { waitMs: 1000 }));
    await eventually("much is acknowledged", () => (fleet.tally.confirmed > 50 ? true : undefined));
    stop.abort();
    const totals = await done;
    expect(totals).toMatchObject({ lost: totals.signed, stored: 0, undelivered: 0 });
    expect(isWell(totals)).toBe(false);
    // Before that is said, each was asked once more on a new connection.
    expect(broker.connections).toBe(10);
  });

  test("by forgetting one of many", async () => {
    const broker = await ScriptedBroker.start(scope, SEED, {
      stores: ({ issuer, seq }) => issuer !== "honest-00003" || seq < 4,
    });
    const { fleet, stop, done } = begin(broker.port, planOf({ honest: 5 }, { waitMs: 1000 }));
    await eventually("much is stored", () => (fleet.tally.stored > 100 ? true : undefined));
    stop.abort();
    const totals = await done;
    const ofOne = totals.signed - totals.stored;
    expect(ofOne).toBeGreaterThan(0);
    expect(totals).toMatchObject({ lost: ofOne, faults: [] });
  });

  test("by forgetting and storing it at the second try", async () => {
    const broker = await ScriptedBroker.start(scope, SEED);
    const plan = planOf({ honest: 3 }, { perSecond: 200 });
    const { fleet, stop, done } = begin(broker.port, plan);
    await eventually("something is stored", () => (fleet.tally.stored > 20 ? true : undefined));
    broker.cutAndForget();
    await eventually("it is found out", () => (fleet.tally.faultCount >= 3 ? true : undefined));
    stop.abort();
    const totals = await done;
    expect(
      totals.faults.every((fault) => /^honest-0000\d: stored fell from \d+ to -1$/.test(fault)),
    ).toBe(true);
    expect(isWell(totals)).toBe(false);
  });

  test("by letting nobody in", async () => {
    const broker = await ScriptedBroker.start(scope, SEED, { login: () => 5 });
    const { fleet, stop, done } = begin(broker.port, planOf({ honest: 3 }));
    await eventually("they have tried", () =>
      (fleet.tally.loginsRefused.get(5) ?? 0) >= 6 ? true : undefined,
    );
    stop.abort();
    expect(await done).toMatchObject({ connections: 0, signed: 0, lost: 0 });
  });
});

const ALL_OF_THEM: Partial<Record<BehaviourName, number>> = Object.fromEntries(
  Object.keys(EXPECTATIONS).map((name) => [name, name === "flooder" ? 1 : 2]),
);

/** What a broker that believes everybody does right. */
const LAWFUL = new Set([
  "goes-on",
  "gap-lawful",
  "own-again",
  "flood-taken",
  // Asked over HTTP, at the end of a whole run.
  "evidence-kept",
]);
