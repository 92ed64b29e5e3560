/**
 * Whole transport packets (ISO/IEC 13818-1, 2.4.3) out of bytes that are cut anywhere.
 *
 * The hub takes messages of whole packets only. What does not fit is stepped over, up to the next place where two
 * packets follow each other.
 */

/** Of one packet. */
export const PACKET_BYTES = 188;

const SYNC = 0x47;

/** See the head of the file. */
export class TransportPackets {
  readonly #messageBytesMax: number;
  #rest: Uint8Array = new Uint8Array(0);
  /** Bytes that were stepped over. */
  bytesSkipped = 0;

  /** Messages will have at most `messageBytesMax` bytes. */
  constructor(messageBytesMax: number) {
    this.#messageBytesMax = messageBytesMax - (messageBytesMax % PACKET_BYTES);
  }

  /** Takes a piece; gives the messages that it completes. They may be views on the piece. */
  push(piece: Uint8Array): Uint8Array[] {
    const bytes = this.#rest.length === 0 ? piece : joined(this.#rest, piece);
    const messages: Uint8Array[] = [];
    let from = this.#nextPacket(bytes, 0);
    let to = from;
    const close = (): void => {
      if (to > from) messages.push(bytes.subarray(from, to));
      from = to;
    };
    while (to + PACKET_BYTES <= bytes.length) {
      if (bytes[to] !== SYNC) {
        close();
        from = this.#nextPacket(bytes, to);
        to = from;
        continue;
      }
      to += PACKET_BYTES;
      if (to - from === this.#messageBytesMax) close();
    }
    close();
    this.#rest = bytes.slice(to);
    return messages;
  }

  /** Where the next packet begins that has another one behind it, as far as can be seen; else at most one from the end. */
  #nextPacket(bytes: Uint8Array, from: number): number {
    for (let at = from; at < bytes.length; at++) {
      const isPacket = bytes[at] === SYNC;
      const next = bytes[at + PACKET_BYTES];
      if (isPacket && (next === undefined || next === SYNC)) {
        this.bytesSkipped += at - from;
        return at;
      }
    }
    this.bytesSkipped += bytes.length - from;
    return bytes.length;
  }
}

function joined(first: Uint8Array, second: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(first.length + second.length);
  bytes.set(first);
  bytes.set(second, first.length);
  return bytes;
}
