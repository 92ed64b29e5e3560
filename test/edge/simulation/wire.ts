/**
 * A network between a device and its broker that breaks between two MQTT packets of one's choice (MQTT 3.1.1, section 2.2).
 *
 * Both ends are real: mqtt.js on one side, aedes on the other. TCP loses nothing but by an end of the connection, so
 * there are two faults: the connection ends, or it stays open and nothing passes any more.
 */

import { Buffer } from "node:buffer";
import { duplexPair } from "node:stream";
import type { Duplex } from "node:stream";

/** Types of control packets, as the first four bits of each say. */
export const PACKET = {
  connect: 1,
  connack: 2,
  publish: 3,
  puback: 4,
  subscribe: 8,
  suback: 9,
} as const;

/** One packet on its way. */
export interface Packet {
  readonly from: "device" | "broker";
  readonly type: number;
  readonly bytes: Uint8Array;
}

/** `cut`: the packet is lost, and the connection ends. `hang`: it is lost, and so is all after it, in silence. */
export type WireFault = "cut" | "hang";

/** Decides for each packet what becomes of it; `undefined` lets it pass. */
export type WirePlan = (packet: Packet) => WireFault | undefined;

/** An open connection between the two ends. */
export class Wire {
  /** The device's end. */
  readonly near: Duplex;
  /** The broker's end. */
  readonly far: Duplex;
  private readonly inner: readonly [Duplex, Duplex];
  private isHanging = false;

  constructor(plan: WirePlan) {
    const [near, nearInner] = duplexPair();
    const [far, farInner] = duplexPair();
    this.near = near;
    this.far = far;
    this.inner = [nearInner, farInner];
    for (const end of [near, far, nearInner, farInner]) {
      end.on("error", () => undefined);
      end.on("close", () => this.end());
    }
    this.carry(nearInner, farInner, "device", plan);
    this.carry(farInner, nearInner, "broker", plan);
  }

  /** Ends the connection for both. */
  end(): void {
    for (const end of [this.near, this.far, ...this.inner]) end.destroy();
  }

  private carry(source: Duplex, target: Duplex, from: Packet["from"], plan: WirePlan): void {
    let pending: Uint8Array = new Uint8Array(0);
    source.on("data", (chunk: Uint8Array) => {
      pending = Buffer.concat([pending, chunk]);
      for (;;) {
        const length = packetLength(pending);
        if (this.isHanging || target.destroyed || length === undefined) return;
        const bytes = pending.slice(0, length);
        pending = pending.slice(length);
        const fault = plan({ from, type: bytes[0]! >> 4, bytes });
        if (fault === "hang") this.isHanging = true;
        else if (fault === "cut") this.end();
        else target.write(bytes);
      }
    });
  }
}

/** Bytes of the packet that `bytes` begins with; `undefined` while it is not all there. */
function packetLength(bytes: Uint8Array): number | undefined {
  let length = 0;
  for (let at = 1; at < Math.min(bytes.length, 5); at++) {
    length += (bytes[at]! & 0x7f) * 128 ** (at - 1);
    if (bytes[at]! < 0x80) return at + 1 + length <= bytes.length ? at + 1 + length : undefined;
  }
  return undefined;
}

/** Topic and payload of a PUBLISH (section 3.3). */
export function publication({ bytes }: Packet): { topic: string; payload: Uint8Array } {
  let at = 1;
  while (bytes[at]! >= 0x80) at += 1;
  at += 1;
  const topicLength = bytes[at]! * 256 + bytes[at + 1]!;
  const topic = Buffer.from(bytes.subarray(at + 2, at + 2 + topicLength)).toString();
  const hasId = (bytes[0]! & 0x06) !== 0;
  return { topic, payload: bytes.slice(at + 2 + topicLength + (hasId ? 2 : 0)) };
}
