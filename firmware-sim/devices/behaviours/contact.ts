/**
 * One connection of a misbehaving device, with waits in place of callbacks: every wait has a limit, and ends with the
 * connection.
 */
import { encodeHex } from "../../../ledger/bytes.ts";
import type { Hash } from "../../../ledger/sha256.ts";
import { parseAck, parseNack } from "../../../platform/ack.ts";
import type { Ack, Nack } from "../../../platform/ack.ts";
import type { Clock } from "../../../platform/clock.ts";
import { MqttLink } from "../mqtt-link.ts";
import type { Login, PublishOptions } from "../mqtt-link.ts";
import type { Dial } from "../transport.ts";

/** Where a login has led. */
export type Opening =
  | { readonly kind: "open"; readonly contact: Contact }
  /** The code is CONNACK's. */
  | { readonly kind: "refused"; readonly code: number }
  | { readonly kind: "ended"; readonly reason: string };

/** Nacks that are remembered, by the hash of what they refuse. */
const NACKS_MAX = 256;

/** See the head of the file. */
export class Contact {
  /** The newest ack. */
  ack: Ack | undefined;
  /** Why it is over; `undefined` while it is not. */
  endReason: string | undefined;
  readonly link: MqttLink;
  readonly #clock: Clock;
  readonly #limitMs: number;
  readonly #nacks = new Map<string, Nack>();
  readonly #waiting = new Set<() => void>();
  #code: number | undefined;

  private constructor(parts: ContactParts) {
    this.#clock = parts.clock;
    this.#limitMs = parts.limitMs;
    this.link = new MqttLink(parts.dial(), {
      connected: (code) => {
        this.#code = code;
        this.#wake();
      },
      message: (topic, body) => this.#hear(topic, body),
      closed: (reason) => {
        this.endReason = reason;
        this.#wake();
      },
    });
  }

  /** Dials and says nothing. */
  static silent(parts: ContactParts): Contact {
    return new Contact(parts);
  }

  /** Dials and logs in. */
  static async open(parts: ContactParts, login: Login): Promise<Opening> {
    const contact = new Contact(parts);
    contact.link.connect(login);
    const code = await contact.until(() => contact.#code);
    if (code === 0) return { kind: "open", contact };
    contact.close();
    if (code !== undefined) return { kind: "refused", code };
    return { kind: "ended", reason: contact.endReason ?? "no CONNACK" };
  }

  /** Waits for something to be there; `undefined` where the limit or the end of the connection comes first. */
  async until<T>(
    look: () => T | undefined,
    limitMs: number = this.#limitMs,
  ): Promise<T | undefined> {
    let isLate = false;
    const cancel = this.#clock.after(limitMs, () => {
      isLate = true;
      this.#wake();
    });
    try {
      for (;;) {
        const found = look();
        if (found !== undefined || isLate || this.endReason !== undefined) return found;
        await new Promise<void>((resolve) => this.#waiting.add(resolve));
      }
    } finally {
      cancel();
    }
  }

  /** Waits for the end of the connection; whether it came within the limit. */
  async ended(limitMs?: number): Promise<boolean> {
    await this.until(() => undefined, limitMs);
    return this.endReason !== undefined;
  }

  /** Subscribes; gives what was granted, `undefined` where no answer came. */
  subscribe(topics: readonly string[]): Promise<readonly number[] | undefined> {
    let answer: readonly number[] | undefined;
    this.link.subscribe(topics, (granted) => {
      answer = granted;
      this.#wake();
    });
    return this.until(() => answer);
  }

  /** Publishes; true at PUBACK, false where none came. */
  async publish(topic: string, body: Uint8Array, options: PublishOptions): Promise<boolean> {
    let isAcknowledged: true | undefined;
    this.link.publish(topic, body, options, () => {
      isAcknowledged = true;
      this.#wake();
    });
    return (await this.until(() => isAcknowledged)) === true;
  }

  /** The nack that refuses what has this hash, if it has come. */
  nackOf(hash: Hash): Nack | undefined {
    return this.#nacks.get(encodeHex(hash));
  }

  /** Ends the connection at once. */
  close(): void {
    this.link.close("left");
  }

  #hear(topic: string, body: Uint8Array): void {
    const leaf = topic.slice(topic.lastIndexOf("/") + 1);
    if (leaf === "ack") this.ack = parseAck(body) ?? this.ack;
    if (leaf === "nack") this.#hearNack(parseNack(body));
    this.#wake();
  }

  #hearNack(nack: Nack | undefined): void {
    if (nack === undefined) return;
    this.#nacks.set(encodeHex(nack.hash), nack);
    if (this.#nacks.size > NACKS_MAX) this.#nacks.delete(this.#nacks.keys().next().value!);
  }

  #wake(): void {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const wake of waiting) wake();
  }
}

/** What a contact is made of. */
export interface ContactParts {
  readonly dial: Dial;
  readonly clock: Clock;
  /** Of each wait. */
  readonly limitMs: number;
}
