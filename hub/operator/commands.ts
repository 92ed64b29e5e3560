/**
 * What an operator can have the hub do: bring keys in, take them out, and look (docs/formats.md, section 4).
 *
 * Each of these acts is an entry of the log, signed with the hub's key, judged like everybody else's.
 */

import { z } from "zod";
import { decodeHex, encodeHex } from "../../ledger/bytes.ts";
import { kidHex } from "../../ledger/key.ts";
import { Refusal } from "../../ledger/errors.ts";
import type { Kind } from "../../ledger/kinds/kind.ts";
import { REASONS } from "../../ledger/kinds/reason.ts";
import { encodeRevoke } from "../../ledger/kinds/revoke.ts";
import type { KeyState } from "../../ledger/registry.ts";
import type { Clock } from "../../platform/clock.ts";
import { parseEnrolmentRequest } from "../../platform/enrolment-request.ts";
import type { EnrolmentRequest } from "../../platform/enrolment-request.ts";
import type { Random } from "../../platform/random.ts";
import { UserError } from "../../platform/user-error.ts";
import type { HubLog } from "../log.ts";
import { enrolMany, enrolManyShape } from "./bulk-enrolment.ts";
import type { EnrolmentOutcome } from "./bulk-enrolment.ts";
import { enrolmentEntry } from "./enrolment.ts";
import { parseRequest } from "./request.ts";
import type { OperatorCommand } from "./server.ts";

/** What the commands work on. */
export interface OperatorPorts {
  readonly log: HubLog;
  readonly clock: Clock;
  readonly random: Random;
  isOnline(device: string): boolean | undefined;
  /** What the hub says of itself. */
  status(): Record<string, unknown>;
}

/** An entry that a command has made, durable. */
export interface MadeEntry {
  readonly name: string;
  readonly kid: string;
  readonly entry: number;
  /** The device has this very key already: nothing was done, and the entry is the old one. */
  readonly isKnown?: true;
}

/** Lines of one reply; a shorter one is the last. */
export const DEVICES_PAGE = 500;

/** One line of the list of devices. */
export interface DeviceLine {
  readonly name: string;
  readonly kid: string;
  readonly streams: readonly string[];
  readonly visibility: string;
  readonly isRevoked: boolean;
  readonly online: boolean | null;
  readonly lastSeq: number;
  /** POSIX seconds; 0 before the first statement. */
  readonly lastIat: number;
}

const revokeShape = z.object({
  command: z.literal("revoke"),
  name: z.string(),
  reason: z.enum(REASONS, `expected one of ${REASONS.join(", ")}`),
  last: z.number().int().min(0).optional(),
});

const devicesShape = z.object({
  command: z.literal("devices"),
  from: z.number().int().min(0).default(0),
});

const enrolShape = z.object({ command: z.literal("enrol"), request: z.string() });

/** The commands of one hub, by name. */
export function operatorCommands(ports: OperatorPorts): Record<string, OperatorCommand> {
  return {
    enrol: (request) => enrol(ports, parseRequest(enrolShape, request).request),
    "enrol-many": (request) => enrolAll(ports, parseRequest(enrolManyShape, request).claims),
    revoke: (request) => revoke(ports, parseRequest(revokeShape, request)),
    devices: async (request) => listDevices(ports, parseRequest(devicesShape, request).from),
    status: async () => ports.status(),
  };
}

/** Enrols the device of a request, as text. */
export async function enrol(ports: OperatorPorts, text: string): Promise<MadeEntry | Refusal> {
  const request = readRequest(ports, text);
  refuseWithRegistrars(ports, "enrol");
  const { name } = request;
  const live = ports.log.state.registry.liveKey(name);
  if (live !== undefined) {
    const { kid, enrolledAt } = live;
    if (encodeHex(live.publicKey) === request.publicKey)
      return { name, kid, entry: enrolledAt, isKnown: true };
    throw new UserError(
      `${name} has a live key, ${kid}, and this claim is for another, ${kidHex(decodeHex(request.publicKey)!)}; ` +
        `if the device was renewed: kerbstone hub revoke ${name} --reason replaced, then this again`,
    );
  }
  const { payload, preimage } = enrolmentEntry(request, ports.random);
  const entry = await submit(ports, "enrol", payload, preimage);
  if (entry instanceof Refusal) return entry;
  const key = ports.log.state.registry.liveKey(request.name);
  return { name: request.name, kid: key?.kid ?? "", entry };
}

/** Enrols the devices of many requests, one outcome each. */
function enrolAll(ports: OperatorPorts, claims: readonly string[]): Promise<EnrolmentOutcome[]> {
  refuseWithRegistrars(ports, "enrol");
  const { log, random } = ports;
  return enrolMany(claims, {
    read: (claim) => readRequest(ports, claim),
    liveKey: (name) => log.state.registry.liveKey(name),
    enrol: (request) => {
      const { payload, preimage } = enrolmentEntry(request, random);
      return say(ports, "enrol", payload, preimage);
    },
    durable: () => log.durable(),
  });
}

function readRequest(ports: OperatorPorts, text: string): EnrolmentRequest {
  const request = parseEnrolmentRequest(text);
  const { origin } = ports.log.state;
  if (request.origin === origin) return request;
  throw new UserError(`the request is for the log ${request.origin}, this one is ${origin}`);
}

async function revoke(
  ports: OperatorPorts,
  request: z.infer<typeof revokeShape>,
): Promise<MadeEntry | Refusal> {
  refuseWithRegistrars(ports, "revoke");
  const { name, reason, last } = request;
  const key = ports.log.state.registry.liveKey(name);
  if (key === undefined) return new Refusal("unknown-key", `${name} has no live key`);
  const payload = encodeRevoke({ name, kid: decodeHex(key.kid)!, reason, last });
  const entry = await submit(ports, "revoke", payload);
  return entry instanceof Refusal ? entry : { name, kid: key.kid, entry };
}

function refuseWithRegistrars(ports: OperatorPorts, verb: string): void {
  if (!ports.log.state.hasRegistrars) return;
  throw new UserError(
    `this log names its own registrars, so the hub may not ${verb}: one of them signs it and sends it to /entries`,
  );
}

/** Has the hub sign and log an act; gives its index once it is durable. */
async function submit(
  ports: OperatorPorts,
  kind: Kind,
  payload: Uint8Array,
  preimage?: Uint8Array,
): Promise<number | Refusal> {
  const index = say(ports, kind, payload, preimage);
  if (!(index instanceof Refusal)) await ports.log.durable();
  return index;
}

/** Has the hub sign an act and make it an entry; gives its index, which counts once the log is durable. */
function say(
  ports: OperatorPorts,
  kind: Kind,
  payload: Uint8Array,
  preimage?: Uint8Array,
): number | Refusal {
  const iat = Math.floor(ports.clock.nowMs() / 1000);
  const draft = { kind, stream: "registry", iat, payload };
  const decision = ports.log.submit(draft, preimage === undefined ? {} : { preimage });
  if (decision.kind === "accepted") return decision.entry.index;
  return "refusal" in decision
    ? decision.refusal
    : new Refusal("taken", "the log holds this statement already");
}

/** A page of the list, from a place in it on: the whole of a large city's would not fit one reply. */
function listDevices(ports: OperatorPorts, from: number): DeviceLine[] {
  return [...ports.log.state.registry.all()]
    .filter((key) => key.role === "device")
    .slice(from, from + DEVICES_PAGE)
    .map((key) => deviceLine(key, ports.isOnline(key.name)));
}

function deviceLine(key: KeyState, online: boolean | undefined): DeviceLine {
  return {
    name: key.name,
    kid: key.kid,
    streams: key.device?.streams ?? [],
    visibility: key.device?.visibility ?? "public",
    isRevoked: key.revoked !== undefined,
    online: key.revoked === undefined ? (online ?? null) : null,
    lastSeq: key.lastSeq,
    lastIat: key.lastIat,
  };
}
