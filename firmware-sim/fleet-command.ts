/**
 * `kerbstone sim --hub`: virtual devices on a hub, from their keys to the report.
 */
import { resolve } from "node:path";
import { encodeUtf8 } from "../ledger/bytes.ts";
import { readGivenText } from "../platform/given-file.ts";
import { HttpClient } from "../platform/http-client.ts";
import type { ProgramIo } from "../platform/lifecycle.ts";
import { openFilesMax } from "../platform/open-files.ts";
import { UserError } from "../platform/user-error.ts";
import { groupsOf } from "./devices/crew.ts";
import type { Group } from "./devices/crew.ts";
import { enrolled, formatClaims, missing } from "./devices/enrolment.ts";
import { Fleet } from "./devices/fleet.ts";
import { EVERY_SECONDS } from "./devices/fleet-plan.ts";
import type { FleetPlan } from "./devices/fleet-plan.ts";
import { HubDesk } from "./devices/hub-facts.ts";
import type { HubFacts } from "./devices/hub-facts.ts";
import { claimOf } from "./devices/identity.ts";
import { loopUse } from "./devices/loop-use.ts";
import { isWell, totalsOf } from "./devices/totals.ts";
import { dialTo, formatBrokerAddress, hostOf, parseBrokerAddress } from "./devices/transport.ts";
import type { BrokerAddress } from "./devices/transport.ts";
import { describeByFleetFlags, fleetHelp, readFleetCommand } from "./fleet-flags.ts";
import type { FleetRequest } from "./fleet-flags.ts";
import {
  formatClaimsWait,
  formatFleetReady,
  formatFleetSeed,
  formatHub,
  formatProgress,
  formatTotals,
} from "./fleet-output.ts";
import { parseFleetScenario, readFleetScenario } from "./scenario/fleet-scenario.ts";
import type { FleetScenario } from "./scenario/fleet-scenario.ts";
import { readScenarioText, scenarioError } from "./scenario/scenario-text.ts";

const PROGRESS_MS = 5000;
/** Connections that are being opened at the same time. */
const OPENING_MAX = 200;
const CONNECT_MS_MIN = 60_000;
/** Files of the process besides connections. */
const FILES_KEPT = 64;

/**
 * Runs the devices until the load is over, or the signal ends it, and all that was sent is accounted for.
 *
 * Gives 0, or 1 when the hub lost something or broke a promise. Throws a `UserError` for what was asked wrongly, and where
 * there is no hub, or the devices are not enrolled.
 */
export async function runFleet(io: ProgramIo): Promise<number> {
  const request = readFleetCommand(io.argv);
  if (request === undefined) {
    io.stdout.write(fleetHelp());
    return 0;
  }
  const { json } = request;
  const plan = planOf(await loadFleetScenario(request, io), request, io);
  await refuseWithoutFiles(plan, io);
  const ca = await readCa(request, io);
  const client = new HttpClient({ clock: io.clock, random: io.random });
  const hub = new HubDesk(client, request.hub);
  const facts = await unlessStopped(io.signal, hub.facts(io.signal));
  if (facts === undefined) return 0;
  refuseOther(facts, request.vkey);
  const broker = brokerOf(facts, request);
  io.stdout.write(formatHub(facts, formatBrokerAddress(broker), request.vkey !== undefined, json));
  io.stdout.write(formatFleetSeed(plan.seed, json));
  const groups = groupsOf(plan);
  const enrolling = haveEnrolled(groups, { plan, request, facts, hub }, io);
  if ((await unlessStopped(io.signal, enrolling)) === undefined) return 0;
  const fleet = new Fleet(plan, groups, {
    origin: facts.origin,
    dial: dialTo(broker, ca),
    clock: io.clock,
    random: io.random,
    gate: { perSecondMax: request.connectionsPerSecond, openingMax: OPENING_MAX },
    limits: { windowStatements: request.windowStatements },
  });
  io.stdout.write(formatFleetReady(countOf(plan), json));
  const busiest = await runToEnd(fleet, request, io);
  // A hub that is gone by now does not take the report with it.
  const [evidence] = await Promise.allSettled([checkEvidence(fleet, hub)]);
  const totals = totalsOf(fleet, io.clock.monotonicMs(), busiest);
  io.stdout.write(formatTotals(totals, json));
  if (evidence.status === "rejected") throw evidence.reason;
  if (totals.devices > 0 && totals.connections === 0) {
    throw new UserError("No device was let in.", {
      hint: "Are they enrolled in this very log, with this --seed? Is the machine's clock right?",
      exitCode: 1,
    });
  }
  if (totals.connected === 0 && totals.unanswered > 0) {
    throw new UserError(
      "The hub was gone at the end: whether it has all that it took nobody can say.",
      {
        hint: "Start it, and look with `kerbstone audit`; or run again with a longer --wait.",
        exitCode: 1,
      },
    );
  }
  return isWell(totals) ? 0 : 1;
}

async function loadFleetScenario(request: FleetRequest, io: ProgramIo): Promise<FleetScenario> {
  if (request.scenario === undefined) {
    const scenario = readFleetScenario(request.values);
    if (!Array.isArray(scenario)) return scenario;
    throw new UserError(scenario.map(describeByFleetFlags).join("\n"));
  }
  const text = await readScenarioText(io.files, io.cwd, request.scenario);
  const scenario = parseFleetScenario(text, request.values);
  if (!Array.isArray(scenario)) return scenario;
  throw scenarioError(request.scenario, scenario);
}

function planOf(scenario: FleetScenario, request: FleetRequest, io: ProgramIo): FleetPlan {
  const { until, waitMs, connectionsPerSecond } = request;
  const seed = scenario.seed ?? Math.floor(io.random.unit() * 2 ** 32);
  const count = scenario.groups.reduce((sum, group) => sum + group.count, 0);
  const connectMs = CONNECT_MS_MIN + (2000 * count) / connectionsPerSecond;
  return { ...scenario, seed, until, waitMs, connectMs };
}

/** Every connection is a file. */
async function refuseWithoutFiles(plan: FleetPlan, io: ProgramIo): Promise<void> {
  const files = await openFilesMax(io.files);
  const needed = countOf(plan) + FILES_KEPT;
  if (files >= needed) return;
  throw new UserError(
    `${countOf(plan)} devices need ${needed} open files, and this process may have ${files}.`,
    {
      hint: `Allow it more with "ulimit -n ${needed}", or take fewer devices.`,
    },
  );
}

async function readCa(request: FleetRequest, io: ProgramIo): Promise<string | undefined> {
  return request.ca === undefined ? undefined : readText(io, request.ca);
}

async function readText(io: ProgramIo, file: string): Promise<string> {
  return readGivenText(io.files, resolve(io.cwd, file));
}

function refuseOther(facts: HubFacts, vkey: string | undefined): void {
  if (vkey === undefined || vkey === facts.vkey) return;
  throw new UserError(`The hub shows another key than the one given: ${facts.vkey}`, {
    hint: "Do not go on before you know why.",
    exitCode: 1,
  });
}

/** Where the broker is: as given, else at the hub's host and the port that it names; with TLS anywhere but on loopback. */
function brokerOf(facts: HubFacts, request: FleetRequest): BrokerAddress {
  if (request.mqtt !== undefined) return parseBrokerAddress(request.mqtt);
  if (facts.mqttPort === undefined) {
    throw new UserError("The hub does not say where its broker is: give --mqtt.");
  }
  const url = new URL(request.hub);
  const host = hostOf(url);
  const isLoopback = host === "localhost" || host === "::1" || host.startsWith("127.");
  return { isTls: request.ca !== undefined || !isLoopback, host, port: facts.mqttPort };
}

/** Waits for what the signal may cut short; `undefined` where it did. */
async function unlessStopped<T>(signal: AbortSignal, work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    if (signal.aborted) return undefined;
    throw error;
  }
}

/** Has the devices enrolled. Rejects with the signal's reason where that comes first. */
async function haveEnrolled(
  groups: readonly Group[],
  {
    plan,
    request,
    facts,
    hub,
  }: { plan: FleetPlan; request: FleetRequest; facts: HubFacts; hub: HubDesk },
  io: ProgramIo,
): Promise<true> {
  const { clock, signal } = io;
  const ends = groups.flatMap(({ identities }) => identities.slice(-1));
  const lacking = await missing(ends, hub, signal);
  if (lacking.length > 0 && request.claims === undefined) {
    throw new UserError(`${lacking[0]!.name} is not enrolled in ${facts.origin}.`, {
      hint: "Give --claims FILE: it is written, and the operator enrols all of it with `kerbstone hub enrol --from FILE`.",
    });
  }
  if (request.claims !== undefined) {
    const claims = groups.flatMap(({ identities }) =>
      identities.map((identity) => claimOf(identity, facts.origin, EVERY_SECONDS)),
    );
    await io.files.write(
      resolve(io.cwd, request.claims),
      encodeUtf8(formatClaims(claims, plan.seed)),
    );
    if (lacking.length > 0) {
      io.stdout.write(formatClaimsWait(request.claims, claims.length, request.json));
    }
  }
  await enrolled(lacking, { hub, clock, signal, limitMs: request.enrolWaitMs });
  return true;
}

/** Runs the fleet with a line every few seconds; gives the share of time in which this program was at work, at most. */
async function runToEnd(fleet: Fleet, request: FleetRequest, io: ProgramIo): Promise<number> {
  const { clock } = io;
  const use = loopUse();
  let busiest = 0;
  const beganMs = clock.monotonicMs();
  let before = totalsOf(fleet, beganMs, busiest);
  let beforeMs = beganMs;
  const look = (): void => {
    const nowMs = clock.monotonicMs();
    const share = use();
    if (fleet.phase === "load") busiest = Math.max(busiest, share);
    const now = totalsOf(fleet, nowMs, busiest);
    const seconds = Math.max(0.001, (nowMs - beforeMs) / 1000);
    const atSeconds = (nowMs - beganMs) / 1000;
    io.stdout.write(formatProgress(fleet.phase, { now, before, seconds, atSeconds }, request.json));
    [before, beforeMs] = [now, nowMs];
    cancel = clock.after(PROGRESS_MS, look);
  };
  let cancel = clock.after(PROGRESS_MS, look);
  try {
    await fleet.run(io.signal);
  } finally {
    cancel();
  }
  return busiest;
}

/** Whether the hub keeps what equivocators have signed; asked for once all is over. */
async function checkEvidence(fleet: Fleet, hub: HubDesk): Promise<void> {
  const culprits = fleet.rogues.filter((rogue) => rogue.hasEquivocated);
  if (culprits.length === 0) return;
  const known = await hub.equivocators(new AbortController().signal);
  for (const { identity } of culprits) {
    const isKept = known.has(identity.kid);
    const what = { isKept, device: identity.name, instead: "the hub shows no evidence against it" };
    fleet.trials.note("equivocator", "evidence-kept", what);
  }
}

function countOf(plan: FleetPlan): number {
  return plan.groups.reduce((sum, { count }) => sum + count, 0);
}
