/**
 * What aedes is allowed to remember: the newest retained message of each topic, and nothing else.
 *
 * It stands in for `aedes-persistence`. Sessions are clean, so there are no offline queues to grow; no wildcard is
 * granted, so a subscription finds its retained message by name instead of trying every topic there is; and wills
 * stay with their connection, so none is published on behalf of one that has been replaced. The names of the methods
 * are those of aedes' persistence interface.
 */

import { Readable } from "node:stream";

interface RetainedPacket {
  readonly topic: string;
  readonly payload: Uint8Array;
}

/** Bounded by the topics that devices and the hub may publish to: at most three a device. */
export class RetainedMessages {
  readonly #packets = new Map<string, RetainedPacket>();

  /** The payload kept for a topic. */
  payloadOf(topic: string): Uint8Array | undefined {
    return this.#packets.get(topic)?.payload;
  }

  async setup(): Promise<void> {}

  /** An empty payload removes (MQTT 3.1.1, 3.3.1.3). */
  async storeRetained(packet: RetainedPacket): Promise<void> {
    if (packet.payload.length === 0) this.#packets.delete(packet.topic);
    else this.#packets.set(packet.topic, { ...packet });
  }

  createRetainedStreamCombi(topics: readonly string[]): Readable {
    return Readable.from(
      topics.flatMap((topic) => {
        const packet = this.#packets.get(topic);
        return packet === undefined ? [] : [packet];
      }),
    );
  }

  async subscriptionsByTopic(): Promise<readonly never[]> {
    return [];
  }

  async cleanSubscriptions(): Promise<void> {}
  async outgoingEnqueueCombi(): Promise<void> {}

  /** A PUBACK for one of the hub's messages: nothing was kept for it. */
  async outgoingClearMessageId(): Promise<void> {}

  outgoingStream(): Readable {
    return Readable.from([]);
  }

  async putWill(): Promise<void> {}
  async delWill(): Promise<void> {}

  streamWill(): Readable {
    return Readable.from([]);
  }

  async destroy(): Promise<void> {
    this.#packets.clear();
  }
}
