/**
 * Who may look at live pictures: names, devices and ends, in one file of the data folder (docs/preview.md, "Viewers").
 *
 * Of a token only its SHA-256 is kept. 32 random bytes need no slow hash: there is nothing to guess. The file's mode is
 * 0600 all the same, since it says who looks at whom.
 */

import { timingSafeEqual } from "node:crypto";
import { z } from "zod";
import {
  decodeBase64Url,
  decodeHex,
  decodeUtf8,
  encodeBase64Url,
  encodeHex,
  encodeUtf8,
} from "../../ledger/bytes.ts";
import { isName } from "../../ledger/name.ts";
import { sha256 } from "../../ledger/sha256.ts";
import type { Clock } from "../../platform/clock.ts";
import type { Files } from "../../platform/files.ts";
import type { Logger } from "../../platform/log.ts";
import type { Random } from "../../platform/random.ts";
import { UserError } from "../../platform/user-error.ts";

/** Somebody who may look. */
export interface Viewer {
  readonly name: string;
  /** Whose cameras; absent for all. */
  readonly devices?: readonly string[] | undefined;
  readonly createdMs: number;
  readonly expiresMs: number;
}

interface StoredViewer extends Viewer {
  /** Of the token's 32 bytes, in hex. */
  readonly sha256: string;
}

/** What a store is made of. */
export interface ViewerStoreParts {
  readonly files: Files;
  readonly path: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

const VIEWERS_MAX = 256;
const TOKEN_BYTES = 32;
const OWNER_ONLY = 0o600;

const name = z.string().refine(isName);

const shape: z.ZodType<{ readonly viewers: readonly StoredViewer[] }> = z.object({
  kerbstone: z.literal("viewers/v1"),
  viewers: z.array(
    z.object({
      name,
      devices: z.array(name).optional(),
      createdMs: z.number().int(),
      expiresMs: z.number().int(),
      sha256: z.string().refine((text) => decodeHex(text)?.length === 32),
    }),
  ),
});

/** See the head of the file. */
export class ViewerStore {
  readonly #parts: ViewerStoreParts;
  readonly #viewers = new Map<string, StoredViewer>();
  /** Changes happen one after another. */
  #turn: Promise<unknown> = Promise.resolve();
  #isDamaged = false;

  private constructor(parts: ViewerStoreParts) {
    this.#parts = parts;
  }

  /** Reads the file. One that is damaged lets nobody in, and is not overwritten: the hub's other work goes on. */
  static async open(parts: ViewerStoreParts): Promise<ViewerStore> {
    const store = new ViewerStore(parts);
    const bytes = await parts.files.read(parts.path);
    if (bytes === undefined) return store;
    const stored = parse(bytes);
    for (const viewer of stored ?? []) store.#viewers.set(viewer.name, viewer);
    if (stored === undefined) {
      store.#isDamaged = true;
      const text = "the list of viewers is damaged: nobody may look at live pictures";
      parts.logger.error({ path: parts.path }, text);
    }
    return store;
  }

  /** All viewers, also those whose time is over. */
  list(): Viewer[] {
    return [...this.#viewers.values()].map(({ sha256: _hash, ...viewer }) => viewer);
  }

  /**
   * Lets somebody look from now on; gives the token, which is kept nowhere.
   *
   * Durable when it resolves. Rejects with `UserError` where the name is taken, there are too many, or the file is damaged.
   */
  add(viewer: Omit<Viewer, "createdMs">): Promise<string> {
    return this.#inTurn(async () => {
      this.#refuseIfDamaged();
      if (this.#viewers.has(viewer.name)) {
        throw new UserError(`There is a viewer ${viewer.name} already; remove it first.`);
      }
      if (this.#viewers.size >= VIEWERS_MAX) {
        throw new UserError(`There are ${VIEWERS_MAX} viewers already; remove those who are gone.`);
      }
      const token = this.#parts.random.bytes(TOKEN_BYTES);
      const createdMs = this.#parts.clock.nowMs();
      const stored = { ...viewer, createdMs, sha256: encodeHex(sha256(token)) };
      await this.#write([...this.#viewers.values(), stored]);
      this.#viewers.set(viewer.name, stored);
      return encodeBase64Url(token);
    });
  }

  /** Lets somebody look no longer: from this moment on, and durably once it resolves. Rejects as `add`. */
  async remove(viewerName: string): Promise<void> {
    this.#refuseIfDamaged();
    if (!this.#viewers.delete(viewerName)) throw new UserError(`There is no viewer ${viewerName}.`);
    await this.#inTurn(() => this.#write([...this.#viewers.values()]));
  }

  /** Finds whose token it is; `undefined` where it is nobody's, or its time is over. */
  find(token: string): Viewer | undefined {
    const bytes = decodeBase64Url(token);
    if (bytes?.length !== TOKEN_BYTES) return undefined;
    const hash = sha256(bytes);
    let found: StoredViewer | undefined;
    // All are compared, whole, so that the time taken tells nothing.
    for (const viewer of this.#viewers.values()) {
      if (timingSafeEqual(decodeHex(viewer.sha256)!, hash)) found = viewer;
    }
    return found === undefined || found.expiresMs <= this.#parts.clock.nowMs() ? undefined : found;
  }

  #refuseIfDamaged(): void {
    if (!this.#isDamaged) return;
    const { path } = this.#parts;
    throw new UserError(
      `The list of viewers ${path} is damaged. Bring it back from a backup, or move it away and start the hub again: then all viewers are new.`,
    );
  }

  async #write(viewers: readonly StoredViewer[]): Promise<void> {
    const text = JSON.stringify({ kerbstone: "viewers/v1", viewers }, undefined, 2);
    const { files, path } = this.#parts;
    await files.write(path, encodeUtf8(`${text}\n`), { mode: OWNER_ONLY });
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#turn.then(work);
    this.#turn = done.catch(() => undefined);
    return done;
  }
}

function parse(bytes: Uint8Array): readonly StoredViewer[] | undefined {
  try {
    return shape.safeParse(JSON.parse(decodeUtf8(bytes) ?? "")).data?.viewers;
  } catch {
    return undefined;
  }
}

/** Whether a viewer may look at a device's cameras. */
export function maySee(viewer: Viewer, device: string): boolean {
  return viewer.devices?.includes(device) ?? true;
}
