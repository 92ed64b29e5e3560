/**
 * What a run of virtual devices prints: lines for people, or one JSON object a line for programs.
 *
 * JSON lines have an `event`: `hub` and `seed` once, `claims` where they are waited for, `ready` when all are enrolled,
 * `progress` every few seconds, `totals` once at the end.
 */
import type { Trial } from "./devices/behaviours/trials.ts";
import type { Phase } from "./devices/fleet.ts";
import type { HubFacts } from "./devices/hub-facts.ts";
import type { LatencySummary } from "./devices/latency.ts";
import { isGeneratorLate, isWell } from "./devices/totals.ts";
import type { FleetTotals } from "./devices/totals.ts";

/** Says which hub the run goes against. */
export function formatHub(
  facts: HubFacts,
  mqtt: string,
  isChecked: boolean,
  json: boolean,
): string {
  const { origin, vkey } = facts;
  if (json) return jsonLine({ event: "hub", origin, vkey, mqtt, isChecked });
  const remark = isChecked ? "as given" : "not checked: --vkey was not given";
  return `hub of ${origin} at ${mqtt}\nvkey ${vkey} (${remark})\n`;
}

/** Says by which seed the devices can be made again, and what that means. */
export function formatFleetSeed(seed: number | string, json: boolean): string {
  if (json) return jsonLine({ event: "seed", seed });
  return `seed ${seed}: whoever knows it has the devices' keys, they are for tests alone\n`;
}

/** Says that the operator has to enrol, and what to type. */
export function formatClaimsWait(file: string, count: number, json: boolean): string {
  if (json) return jsonLine({ event: "claims", file, count });
  return (
    `wrote ${count} claims to ${file}. On the hub's machine, the operator types\n\n` +
    `    kerbstone hub enrol --from ${file} --data FOLDER\n\nwaiting for that\n`
  );
}

/** Says that the run begins. */
export function formatFleetReady(devices: number, json: boolean): string {
  return json
    ? jsonLine({ event: "ready", devices })
    : `${devices} devices are enrolled, connecting\n`;
}

/** One line of how the run stands. `seconds` lie between this one and the one before. */
export function formatProgress(
  phase: Phase,
  {
    now,
    before,
    seconds,
    atSeconds,
  }: { now: FleetTotals; before: FleetTotals; seconds: number; atSeconds: number },
  json: boolean,
): string {
  if (json) {
    const { trials: _trials, faults: _faults, ...figures } = now;
    return jsonLine({ event: "progress", phase, atSeconds: Math.round(atSeconds), ...figures });
  }
  const perSecond = (count: (totals: FleetTotals) => number): number =>
    Math.round((count(now) - count(before)) / seconds);
  const nacked = sum(now.nacked);
  return (
    `${String(Math.round(atSeconds)).padStart(5)} s  ${phase}: ${now.connected} of ${now.devices} connected, ` +
    `signed ${perSecond((t) => t.signed)}/s, PUBACKed ${perSecond((t) => t.confirmed)}/s, ` +
    `stored ${perSecond((t) => t.stored)}/s, ${now.signed - now.stored} not stored yet, ` +
    `${now.sealed} sealed, ${nacked} nacked, ${now.reconnections} reconnections, ${now.faultCount} faults\n`
  );
}

/** The report at the end. */
export function formatTotals(totals: FleetTotals, json: boolean): string {
  const isGood = isWell(totals);
  if (json) {
    return jsonLine({
      event: "totals",
      isWell: isGood,
      isGeneratorLate: isGeneratorLate(totals),
      ...totals,
    });
  }
  const lines = [
    "",
    ...(totals.devices > 0 ? honestLines(totals) : []),
    ...generatorLines(totals),
    ...trialLines(totals),
    ...totals.faults.map((fault) => `BROKEN  ${fault}`),
    totals.faultCount > totals.faults.length
      ? `BROKEN  … ${totals.faultCount} promises in all`
      : "",
    isGood ? "The hub has kept every promise." : "The hub has NOT kept its promises.",
  ];
  return `${lines.filter((line, at) => line !== "" || at === 0).join("\n")}\n`;
}

function honestLines(totals: FleetTotals): string[] {
  const { connectSeconds } = totals;
  const all = connectSeconds === null ? "never all at once" : `all after ${connectSeconds} s`;
  return [
    row("devices", `${totals.devices}, connected at the end ${totals.connected}; ${all}`),
    row(
      "connections",
      `${totals.connections}, of which ${totals.reconnections} again${listed(totals.connectionsEnded)}`,
    ),
    ...(sum(totals.loginsRefused) > 0
      ? [row("not let in", kinds(totals.loginsRefused, "CONNACK "))]
      : []),
    row(
      "signed",
      `${totals.signed}, in ${totals.loadSeconds} s: ${totals.signedPerSecond}/s; ${totals.gaps} of them gaps`,
    ),
    row("published", `${totals.published}`),
    row("PUBACKed", `${totals.confirmed}`),
    row("stored", `${totals.stored}, ${totals.storedPerSecond}/s`),
    row("sealed", `${totals.sealed}`),
    row("nacked", sum(totals.nacked) === 0 ? "0" : kinds(totals.nacked)),
    ...(totals.withdrawn > 0
      ? [row("withdrawn", `${totals.withdrawn}, refused or behind a refusal`)]
      : []),
    row("lost", `${totals.lost}`),
    ...(totals.unanswered > 0
      ? [
          row(
            "unanswered",
            `${totals.unanswered}, of devices that do not get through to the hub any more`,
          ),
        ]
      : []),
    row("not delivered", `${totals.undelivered}`),
    ...(totals.halted > 0 ? [row("stopped", `${totals.halted} devices`)] : []),
    row("to PUBACK", latency(totals.toPuback)),
    row("to stored", latency(totals.toStored)),
    row("held back", `${totals.heldBack} turns, since all asked devices waited for the hub`),
  ];
}

function generatorLines(totals: FleetTotals): string[] {
  const { lag, missed, busiest } = totals;
  const text = `late by ${latency(lag)}; ${missed} turns missed; at most ${Math.round(busiest * 100)} % busy`;
  const remark = isGeneratorLate(totals)
    ? [row("", "The generator itself was the bottleneck: do not blame the hub for these figures.")]
    : [];
  return [row("generator", text), ...remark];
}

function trialLines({ trials, misbehaving, nacked, devices }: FleetTotals): string[] {
  if (misbehaving === 0) return [];
  const others = sum(nacked);
  const undisturbed =
    devices === 0
      ? []
      : [
          `${others === 0 ? "kept" : "BROKEN"}  the honest devices are not disturbed${others === 0 ? "" : `: ${kinds(nacked)}`}`,
        ];
  return [...trials.map(formatTrial), ...undisturbed];
}

function formatTrial({ behaviour, text, kept, broken, instead }: Readonly<Trial>): string {
  const word = broken > 0 ? "BROKEN" : kept > 0 ? "kept" : "not tried";
  const counts = broken > 0 ? `${broken} of ${kept + broken} times: ${instead}` : `${kept} times`;
  return `${word.padEnd(10)}${behaviour}: ${text}; ${counts}`;
}

function row(name: string, text: string): string {
  return `${name.padEnd(15)}${text}`;
}

function latency({ p50Ms, p99Ms, maxMs }: LatencySummary): string {
  return `p50 ${p50Ms} ms, p99 ${p99Ms} ms, max ${maxMs} ms`;
}

function listed(counts: Readonly<Record<string, number>>): string {
  return sum(counts) === 0 ? "" : `; ended: ${kinds(counts)}`;
}

function kinds(counts: Readonly<Record<string, number>>, before = ""): string {
  return Object.entries(counts)
    .map(([kind, count]) => `${count} × ${before}${kind}`)
    .join(", ");
}

function sum(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((total, count) => total + count, 0);
}

function jsonLine(value: Readonly<Record<string, unknown>>): string {
  return `${JSON.stringify(value)}\n`;
}
