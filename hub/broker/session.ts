/**
 * One logged-in connection of a device, and the rule that there is at most one a device.
 *
 * aedes' own table of clients loses a connection when its predecessor is still closing, so the broker keeps this one,
 * and lets a newer login go on only when the older connection is gone.
 */

import { setImmediate as nextTurn } from "node:timers/promises";
import type { Client } from "aedes";
import type { PacketGuard } from "./packet-guard.ts";

/** A device's connection, from the moment its token has been checked. */
export interface Session {
  readonly device: string;
  /** The key it has logged in with, 16 hex digits. */
  readonly kid: string;
  readonly client: Client;
  readonly guard: PacketGuard;
  /** Statements handed to admission and not yet decided. */
  inFlight: number;
}

/** aedes needs one turn for each batch of unsubscriptions; a closing that takes more is a fault of ours. */
const CLOSING_TURNS_MAX = 1000;

/** The sessions of all connected devices. */
export class Sessions {
  readonly #byDevice = new Map<string, Session>();

  /** The session that speaks for the device now. */
  get(device: string): Session | undefined {
    return this.#byDevice.get(device);
  }

  /** Says whether this is the device's newest session: a replaced one may do nothing more, and its will is stale. */
  isCurrent(session: Session): boolean {
    return this.#byDevice.get(session.device) === session;
  }

  all(): Iterable<Session> {
    return this.#byDevice.values();
  }

  /**
   * Makes `session` the device's, then ends the one before it and waits until that is gone.
   *
   * False if yet another session has taken over meanwhile.
   */
  async begin(session: Session): Promise<boolean> {
    const previous = this.#byDevice.get(session.device);
    this.#byDevice.set(session.device, session);
    if (previous !== undefined) await closeClient(previous.client);
    return this.isCurrent(session);
  }

  /** Forgets a session whose connection is gone. False if a newer one has taken its place already. */
  end(session: Session): boolean {
    return this.isCurrent(session) && this.#byDevice.delete(session.device);
  }
}

/** Ends a connection; resolves when aedes has let go of it, its will decided. */
async function closeClient(client: Client): Promise<void> {
  client.close();
  for (let turns = 0; client.connected || client.connecting; turns++) {
    if (turns === CLOSING_TURNS_MAX) throw new Error(`client ${client.id} does not close`);
    await nextTurn();
  }
}
