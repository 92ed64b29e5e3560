/**
 * Takes the payload out of PUBLISH packets that are too long, before the MQTT library sees them.
 *
 * A packet of MQTT 3.1.1 may have 256 MB (section 2.2.3), and the library gathers all of it in memory before anybody can
 * say no; one retained message of that size would end the agent at each start. What is left is a PUBLISH with the same
 * topic and identifier and nothing in it, so that it is acknowledged like any other. Pure.
 */

import { concatBytes } from "../../../ledger/bytes.ts";

/** What a broker never sends, or has garbled. */
export class PacketFault extends Error {
  override readonly name: string = "PacketFault";
}

const PUBLISH = 3;
const LENGTH_DIGITS_MAX = 4;
/** Length of the topic, and an identifier. */
const TWO_BYTES = 2;

/** One a connection. */
export class PacketTrim {
  private readonly bytesMax: number;
  private count = 0;
  /** The fixed header as far as it has come; of a packet that is trimmed, until its end. */
  private head: number[] = [];
  /** Bytes of the packet's body still to come; `undefined` in a fixed header. */
  private bodyLeft: number | undefined;
  private isTrimming = false;
  /** What has come of topic and identifier of a packet that is trimmed. */
  private kept: number[] = [];

  /** `bytesMax` bounds the remaining length of a packet. */
  constructor(bytesMax: number) {
    this.bytesMax = bytesMax;
  }

  /** Packets that were trimmed. */
  get trimmed(): number {
    return this.count;
  }

  /** Takes bytes of the stream, cut anywhere; gives those to be handed on. Throws `PacketFault`. */
  push(chunk: Uint8Array): Uint8Array {
    const out: Uint8Array[] = [];
    let at = 0;
    while (at < chunk.length) {
      if (this.bodyLeft === undefined) out.push(this.takeHeader(chunk[at++]!));
      else if (this.isTrimming) at = this.trim(chunk, at, out);
      else {
        const end = Math.min(chunk.length, at + this.bodyLeft);
        out.push(chunk.subarray(at, end));
        this.bodyLeft -= end - at;
        at = end;
      }
      if (this.bodyLeft === 0) this.endPacket();
    }
    return concatBytes(...out);
  }

  /** Gathers the fixed header; gives it once it is whole and the packet is not too long. */
  private takeHeader(byte: number): Uint8Array {
    this.head.push(byte);
    const digits = this.head.slice(1);
    if (digits.length === 0 || byte >= 0x80) {
      if (digits.length >= LENGTH_DIGITS_MAX) throw new PacketFault("a length of five bytes");
      return new Uint8Array(0);
    }
    const length = digits.reduce((sum, digit, place) => sum + (digit & 0x7f) * 128 ** place, 0);
    this.bodyLeft = length;
    if (length <= this.bytesMax) return this.takeHead();
    if (this.head[0]! >> 4 !== PUBLISH)
      throw new PacketFault("an endless packet that is no message");
    this.isTrimming = true;
    return new Uint8Array(0);
  }

  private takeHead(): Uint8Array {
    const head = Uint8Array.from(this.head);
    this.head = [];
    return head;
  }

  /** Keeps topic and identifier, skips the rest; gives where it stopped. */
  private trim(chunk: Uint8Array, from: number, out: Uint8Array[]): number {
    let at = from;
    while (at < chunk.length && this.bodyLeft! > 0) {
      const wanted = this.keptBytes();
      if (this.kept.length === wanted) {
        const end = Math.min(chunk.length, at + this.bodyLeft!);
        this.bodyLeft! -= end - at;
        return end;
      }
      this.kept.push(chunk[at++]!);
      this.bodyLeft! -= 1;
      if (this.kept.length === this.keptBytes()) out.push(this.trimmedPacket());
    }
    return at;
  }

  /** How much of the body is kept, as far as can be told. */
  private keptBytes(): number {
    const [high, low] = this.kept;
    if (high === undefined || low === undefined) return TWO_BYTES + 1;
    const hasIdentifier = ((this.head[0]! >> 1) & 3) > 0;
    return TWO_BYTES + high * 256 + low + (hasIdentifier ? TWO_BYTES : 0);
  }

  private trimmedPacket(): Uint8Array {
    this.count += 1;
    const length = this.kept.length;
    const digits = [];
    for (let left = length; left > 0 || digits.length === 0; left = left >> 7)
      digits.push((left & 0x7f) | (left > 0x7f ? 0x80 : 0));
    return Uint8Array.from([this.head[0]!, ...digits, ...this.kept]);
  }

  private endPacket(): void {
    if (this.isTrimming && this.kept.length < this.keptBytes())
      throw new PacketFault("a message that ends in its topic");
    this.bodyLeft = undefined;
    this.isTrimming = false;
    this.head = [];
    this.kept = [];
  }
}
