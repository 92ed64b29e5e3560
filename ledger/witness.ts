/**
 * What a witness answers to `add-checkpoint` (C2SP tlog-witness 1.x; docs/formats.md, section 8).
 *
 * Only the decision: state and request in, answer and next state out. Who calls compares, stores the next state
 * durably and only then replies, all as one step for an origin; it also cosigns.
 */

import { encodeBase64, equalBytes } from "./bytes.ts";
import { openCheckpoint, parseCheckpoint, parseDecimal } from "./checkpoint.ts";
import type { Checkpoint, OpenedCheckpoint } from "./checkpoint.ts";
import { Fault, malformedText } from "./fault.ts";
import { EMPTY_ROOT, verifyConsistency } from "./merkle.ts";
import { NOTE_LENGTH_MAX } from "./note.ts";
import type { Vkey } from "./note.ts";
import { parsePath } from "./proof.ts";
import type { Hash } from "./sha256.ts";
import type { Verify } from "./signature.ts";

/** The specification's bound on the lines of a consistency proof. */
const PROOF_LINES_MAX = 63;

/** Bound of a request body, in UTF-16 units. */
export const ADD_CHECKPOINT_LENGTH_MAX: number = NOTE_LENGTH_MAX + 4_096;

/** A request, taken apart and not verified. */
export interface AddCheckpoint {
  /** The size from which the proof leads. */
  readonly old: number;
  readonly path: readonly Hash[];
  /** The checkpoint's note, whole. */
  readonly note: string;
}

/** What a witness remembers of a log: the largest checkpoint that it has cosigned. */
export interface WitnessState {
  readonly size: number;
  readonly root: Hash;
  /** The note of that checkpoint, the evidence if the log ever forks; absent while nothing was cosigned. */
  readonly note?: string | undefined;
  /** Once set, nothing more of this log is cosigned. */
  readonly fork?: Fork | undefined;
}

/** Two roots that a log signed for one size. */
export interface Fork {
  readonly size: number;
  /** The note cosigned before; absent where the size is 0, whose root is known without any. */
  readonly stored?: string | undefined;
  readonly offered: string;
}

/** The state of a log of which nothing was cosigned yet. */
export const NOTHING_WITNESSED: WitnessState = { size: 0, root: EMPTY_ROOT };

/** A log that a witness serves. */
export interface WitnessedLog {
  /** The log's keys, type 01, named by its origin. */
  readonly keys: readonly Vkey[];
  readonly state: WitnessState;
}

/** Cosign `checkpoint` and answer 200 with the lines, once `next` is durable. */
export interface WitnessConsent {
  readonly status: 200;
  readonly checkpoint: OpenedCheckpoint;
  readonly next: WitnessState;
}

/** Answer this. `next` is present where the log was caught in a fork, and must be durable first. */
export interface WitnessRefusal {
  readonly status: 400 | 403 | 404 | 409 | 422;
  readonly contentType: "text/plain; charset=utf-8" | "text/x.tlog.size";
  readonly body: string;
  readonly next?: WitnessState | undefined;
}

export type WitnessDecision = WitnessConsent | WitnessRefusal;

/** Writes the body of a request. */
export function formatAddCheckpoint(request: AddCheckpoint): string {
  const lines = [`old ${request.old}`, ...request.path.map((hash) => encodeBase64(hash))];
  return `${lines.join("\n")}\n\n${request.note}`;
}

/** Reads the body of a request; the note in it is not looked at. */
export function parseAddCheckpoint(body: string): AddCheckpoint | Fault {
  if (body.length > ADD_CHECKPOINT_LENGTH_MAX) {
    return malformedText(`a request has at most ${ADD_CHECKPOINT_LENGTH_MAX} characters`);
  }
  const split = body.indexOf("\n\n");
  const [first = "", ...lines] = body.slice(0, Math.max(split, 0)).split("\n");
  const old = first.startsWith("old ") ? parseDecimal(first.slice("old ".length)) : undefined;
  if (old === undefined) {
    return malformedText(
      'a request begins with "old <size>" and has a blank line before its checkpoint',
    );
  }
  const path = parsePath(lines, PROOF_LINES_MAX);
  return path instanceof Fault ? path : { old, path, note: body.slice(split + 2) };
}

/**
 * Decides on a request.
 *
 * `logOf` gives the log of an origin with its state at this very moment, or `undefined` for an origin that is not
 * served. Checks stand in this order: form (400), origin (404), signatures (403), `old` above the size (400),
 * `old` against the state (409), fork and consistency (422).
 */
export function decideAddCheckpoint(
  body: string,
  logOf: (origin: string) => WitnessedLog | undefined,
  verify: Verify,
): WitnessDecision {
  const request = parseAddCheckpoint(body);
  if (request instanceof Fault) return refuse(400, request.text);
  const claimed = parseCheckpoint(request.note);
  if (claimed instanceof Fault) return refuse(400, claimed.text);
  const log = logOf(claimed.origin);
  if (log === undefined) return refuse(404, `${claimed.origin} is not witnessed here`);
  const checkpoint = openCheckpoint(request.note, log.keys, verify);
  if (checkpoint instanceof Fault) return refuse(403, checkpoint.text);
  return decideContinuation(request, checkpoint, log.state);
}

function decideContinuation(
  request: AddCheckpoint,
  checkpoint: OpenedCheckpoint,
  state: WitnessState,
): WitnessDecision {
  const { old, path } = request;
  if (old > checkpoint.size) return refuse(400, `old ${old} is above the size ${checkpoint.size}`);
  // Looked for whatever `old` says: two signed roots are a fork, however the request was put.
  const fork = state.fork ?? forkBetween(state, checkpoint);
  const caught = fork !== undefined && state.fork === undefined && { next: { ...state, fork } };
  if (old !== state.size) {
    return { status: 409, contentType: "text/x.tlog.size", body: `${state.size}\n`, ...caught };
  }
  if (fork !== undefined) {
    const text = `${checkpoint.origin} has signed two roots for size ${fork.size}`;
    return { ...refuse(422, text), ...caught };
  }
  if (!continues(checkpoint, state, path)) {
    return refuse(422, `the proof does not lead from size ${old} to ${checkpoint.size}`);
  }
  const { size, root } = checkpoint;
  return { status: 200, checkpoint, next: { size, root, note: checkpoint.note } };
}

function forkBetween(state: WitnessState, offered: OpenedCheckpoint): Fork | undefined {
  if (offered.size === 0 && !equalBytes(offered.root, EMPTY_ROOT)) {
    return { size: 0, offered: offered.note };
  }
  if (offered.size !== state.size || equalBytes(offered.root, state.root)) return undefined;
  return { size: state.size, stored: state.note, offered: offered.note };
}

/** Every log continues the empty one, and shows it by an empty proof. */
function continues(
  checkpoint: Checkpoint,
  state: WitnessState,
  path: readonly Uint8Array[],
): boolean {
  if (state.size === 0) return path.length === 0;
  return verifyConsistency(state.size, state.root, checkpoint.size, checkpoint.root, path);
}

function refuse(status: WitnessRefusal["status"], text: string): WitnessRefusal {
  return { status, contentType: "text/plain; charset=utf-8", body: `${text}\n` };
}
