/**
 * The witness of a peer: `POST /add-checkpoint` for any log it was told of (C2SP tlog-witness; docs/formats.md, 8).
 *
 * One file a log holds the largest checkpoint cosigned. Compare, store and answer are one step: requests of one
 * witness are served one after another.
 */

import {
  decodeUtf8,
  encodeBase64,
  decodeBase64,
  encodeHex,
  encodeUtf8,
} from "../../ledger/bytes.ts";
import { cosign } from "../../ledger/cosignature.ts";
import { formatVkey, TYPE_COSIGNATURE, vkeyOf } from "../../ledger/note.ts";
import type { Vkey } from "../../ledger/note.ts";
import { asHash, sha256 } from "../../ledger/sha256.ts";
import type { Signer, Verify } from "../../ledger/signature.ts";
import { decideAddCheckpoint, NOTHING_WITNESSED } from "../../ledger/witness.ts";
import type { WitnessState } from "../../ledger/witness.ts";
import type { Clock } from "../../platform/clock.ts";
import type { Files } from "../../platform/files.ts";
import type { ForkStore } from "./fork-store.ts";

/** What a witness is made of. */
export interface WitnessParts {
  readonly files: Files;
  /** The folder of its states. */
  readonly folder: string;
  readonly name: string;
  readonly key: Signer;
  /** The keys of a log by its origin; none for a log that is not served. Asked anew at each request. */
  readonly logKeys: (origin: string) => readonly Vkey[];
  readonly verify: Verify;
  readonly clock: Clock;
  /** What is kept against logs, by this witness and by the mirror beside it. */
  readonly forks: ForkStore;
}

/** The answer to a request. */
export interface WitnessAnswer {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
}

/** Serves requests, one after another. */
export class WitnessDesk {
  readonly #parts: WitnessParts;
  readonly #states: Map<string, WitnessState>;
  #turn: Promise<unknown> = Promise.resolve();

  private constructor(parts: WitnessParts, states: Map<string, WitnessState>) {
    this.#parts = parts;
    this.#states = states;
  }

  /** Reads the states in a folder, and makes the folder if need be. */
  static async open(parts: WitnessParts): Promise<WitnessDesk> {
    const { files, folder } = parts;
    await files.makeFolder(folder);
    const states = new Map<string, WitnessState>();
    for (const name of await files.list(folder)) {
      const stored = parseState((await files.read(`${folder}/${name}`)) ?? new Uint8Array(0));
      states.set(stored.origin, stored.state);
    }
    return new WitnessDesk(parts, states);
  }

  /** The key under which this peer says: the largest consistent log that I have seen. */
  get vkey(): string {
    return formatVkey(vkeyOf(this.#parts.name, TYPE_COSIGNATURE, this.#parts.key.publicKey));
  }

  /** Answers a request. Rejects only where the disk fails; then nothing was signed. */
  answer(body: string): Promise<WitnessAnswer> {
    const answer = this.#turn.then(() => this.#answer(body));
    this.#turn = answer.catch(() => undefined);
    return answer;
  }

  async #answer(body: string): Promise<WitnessAnswer> {
    const { logKeys, verify, name, key, clock, forks } = this.#parts;
    let asked = "";
    const decision = decideAddCheckpoint(
      body,
      (origin) => {
        asked = origin;
        const keys = logKeys(origin);
        const state = this.#states.get(origin) ?? NOTHING_WITNESSED;
        return keys.length === 0 ? undefined : { keys, state };
      },
      verify,
    );
    // Durable before anybody sees a signature: a witness that forgets could sign two histories.
    if (decision.status === 200 && forks.has(asked)) {
      const body = `${asked} has forked; nothing more of it is cosigned\n`;
      return { status: 422, contentType: "text/plain; charset=utf-8", body };
    }
    if (decision.next !== undefined) await this.#store(asked, decision.next);
    if (decision.status !== 200) return decision;
    const seconds = Math.floor(clock.nowMs() / 1000);
    const line = cosign(decision.checkpoint.text, name, key, seconds);
    return { status: 200, contentType: "text/plain; charset=utf-8", body: line };
  }

  async #store(origin: string, state: WitnessState): Promise<void> {
    const { files, folder } = this.#parts;
    const name = encodeHex(sha256(encodeUtf8(origin))).slice(0, 32);
    const text = JSON.stringify({ origin, ...state, root: encodeBase64(state.root) });
    await files.write(`${folder}/${name}.json`, encodeUtf8(text));
    this.#states.set(origin, state);
    if (state.fork === undefined) return;
    const { size, stored, offered } = state.fork;
    const root = encodeHex(state.root);
    const proof = {
      kind: "two-roots",
      size,
      root,
      offered,
      ...(stored !== undefined && { stored }),
    } as const;
    await this.#parts.forks.keep(origin, proof, this.#parts.clock.nowMs());
  }
}

/** Reads a state of our own. Throws where it is damaged: a witness that guesses is none. */
function parseState(bytes: Uint8Array): { origin: string; state: WitnessState } {
  const { origin, ...rest } = JSON.parse(decodeUtf8(bytes) ?? "") as {
    origin: string;
    size: number;
    root: string;
  };
  return { origin, state: { ...rest, root: asHash(decodeBase64(rest.root)!) } };
}
