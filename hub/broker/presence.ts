/**
 * Which devices are connected, as the broker sees it, and the latest live state that each has published.
 *
 * Held in memory only: after a start nothing is known of a device until it has connected once.
 */

/** A device came or went. */
export interface PresenceChange {
  readonly device: string;
  readonly online: boolean;
}

export type PresenceListener = (change: PresenceChange) => void;

/** Written by the broker, read by the API. */
export class Presence {
  readonly #online = new Map<string, boolean>();
  readonly #states = new Map<string, Uint8Array>();
  readonly #listeners = new Set<PresenceListener>();

  /** Whether the device is connected; `undefined` if it has not connected since the hub's start. */
  isOnline(device: string): boolean | undefined {
    return this.#online.get(device);
  }

  /** How many devices are connected now. */
  get onlineCount(): number {
    let count = 0;
    for (const online of this.#online.values()) if (online) count += 1;
    return count;
  }

  /** The device's newest unsigned live state (JSON, at most `STATE_BYTES_MAX` bytes, unchecked): never proof of anything. */
  stateOf(device: string): Uint8Array | undefined {
    return this.#states.get(device);
  }

  /** Calls `listener` at each change; gives the function that ends it. */
  onPresence(listener: PresenceListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Notes that a device is, or is no longer, connected. Repeating what is known calls nobody. */
  note(device: string, online: boolean): void {
    if ((this.#online.get(device) ?? false) === online) return;
    this.#online.set(device, online);
    for (const listener of this.#listeners) listener({ device, online });
  }

  /** Keeps the live state; an empty one clears it. */
  noteState(device: string, state: Uint8Array): void {
    if (state.length === 0) this.#states.delete(device);
    else this.#states.set(device, state);
  }
}
