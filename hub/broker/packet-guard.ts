/**
 * The door in front of aedes: types and sizes of packets, and back-pressure, at the stream itself.
 *
 * aedes has no limit on the size of a packet (MQTT 3.1.1, 2.2.3 allows 256 MB), and goes on reading a client whose
 * earlier messages are still being decided. It takes all bytes through `stream.read()`, so that is where this guard
 * stands: it follows the fixed headers, ends the connection at the first that announces too much, and hands out
 * nothing while it is held. What the packets say is aedes' work.
 */

import type { Duplex } from "node:stream";

/** Bounds on a packet's remaining length, in bytes. */
export interface PacketLimits {
  /** Of the first packet, which must be a CONNECT: the sender is still a stranger. */
  readonly connectBytesMax: number;
  /** Of every later packet. */
  readonly packetBytesMax: number;
  /** Answers that wait in the stream's own buffer; above this the client must read before it is read again. */
  readonly unreadBytesMax: number;
}

/** Why the guard ended a connection; the error that the stream is destroyed with. */
export class PacketFault extends Error {
  override readonly name = "PacketFault";
}

const CONNECT = 1;
const PUBLISH = 3;
const LENGTH_DIGITS_MAX = 4;

/**
 * What a client may send after CONNECT (MQTT 3.1.1, 2.2.1): PUBLISH, PUBACK, SUBSCRIBE, UNSUBSCRIBE, PINGREQ, DISCONNECT.
 *
 * QoS 2 is never granted, so its packets have no meaning here; and aedes answers a PUBREL out of nowhere with a call
 * into a persistence that keeps no sessions, which would end the process.
 */
const CLIENT_PACKETS: ReadonlySet<number> = new Set([PUBLISH, 4, 8, 10, 12, 14]);

/** Says why no packet may begin with this byte, if so. */
function faultOfType(byte: number, isFirst: boolean): string | undefined {
  const type = byte >> 4;
  if (isFirst) return type === CONNECT ? undefined : "the first packet is no CONNECT";
  if (!CLIENT_PACKETS.has(type)) return `a packet of type ${type}, which no client sends here`;
  const qos = (byte >> 1) & 3;
  return type === PUBLISH && qos > 1 ? `a PUBLISH with QoS ${qos}; 0 and 1 are taken` : undefined;
}

/** One guard a connection; made before the stream is handed to aedes. */
export class PacketGuard {
  readonly #stream: Duplex;
  readonly #limits: PacketLimits;
  #held = false;
  #packets = 0;
  /** Bytes of the packet's body still to come; -1 while its fixed header is being read. */
  #bodyBytesLeft = -1;
  #lengthDigits = -1;
  #length = 0;

  constructor(stream: Duplex, limits: PacketLimits) {
    this.#stream = stream;
    this.#limits = limits;
    const readStream = stream.read.bind(stream);
    // An own property shadows the method for aedes and for the stream itself, which asks with size 0 for more input.
    stream.read = (size?: number): unknown => {
      if (size === 0) return readStream(0);
      if (this.#held || stream.writableLength > limits.unreadBytesMax) return null;
      const chunk = readStream(size ?? undefined) as Uint8Array | null;
      return chunk === null || this.#follow(chunk) ? chunk : null;
    };
    stream.on("drain", () => this.#wake());
  }

  /** Stops handing out bytes. The sender feels it through TCP; what it has sent already waits in the stream. */
  hold(): void {
    this.#held = true;
  }

  /** Goes on after `hold`. */
  release(): void {
    if (!this.#held) return;
    this.#held = false;
    this.#wake();
  }

  /** aedes asks again when the stream says that it is readable; in a turn of its own, so that no caller is re-entered. */
  #wake(): void {
    setImmediate(() => {
      if (!this.#stream.destroyed) this.#stream.emit("readable");
    });
  }

  /** Walks over the packets in a chunk. False once the connection is ended. */
  #follow(chunk: Uint8Array): boolean {
    let at = 0;
    while (at < chunk.length) {
      if (this.#bodyBytesLeft > 0) {
        const step = Math.min(this.#bodyBytesLeft, chunk.length - at);
        this.#bodyBytesLeft -= step;
        at += step;
      } else {
        const fault = this.#followHeader(chunk[at]!);
        at += 1;
        if (fault !== undefined) {
          this.#stream.destroy(new PacketFault(fault));
          return false;
        }
      }
      if (this.#bodyBytesLeft === 0) this.#bodyBytesLeft = -1;
    }
    return true;
  }

  /** Takes one byte of a fixed header (MQTT 3.1.1, 2.2): the type, then up to four digits of base 128. */
  #followHeader(byte: number): string | undefined {
    if (this.#lengthDigits === -1) {
      this.#lengthDigits = 0;
      this.#length = 0;
      return faultOfType(byte, this.#packets === 0);
    }
    this.#length += (byte & 0x7f) * 128 ** this.#lengthDigits;
    this.#lengthDigits += 1;
    const isMore = (byte & 0x80) !== 0;
    if (isMore && this.#lengthDigits === LENGTH_DIGITS_MAX)
      return "a length of more than four digits";
    const bytesMax =
      this.#packets === 0 ? this.#limits.connectBytesMax : this.#limits.packetBytesMax;
    if (this.#length > bytesMax) {
      return `a packet of at least ${this.#length} bytes, where ${bytesMax} are allowed`;
    }
    if (isMore) return undefined;
    this.#packets += 1;
    this.#lengthDigits = -1;
    this.#bodyBytesLeft = this.#length;
    return undefined;
  }
}
