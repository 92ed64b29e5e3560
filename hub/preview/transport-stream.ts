/**
 * An MPEG transport stream (ISO/IEC 13818-1, 2.4) read as far as a relay must: where pictures begin, and which of them
 * a decoder can begin with.
 *
 * Looks at the heads of packets, changes nothing and keeps no picture. Only program tables and video are
 * passed on; whatever else a camera sends, sound above all, ends here. What the video means is the decoder's business.
 */

/** Of one transport packet. */
export const PACKET_BYTES = 188;

const SYNC = 0x47;
const PID_PAT = 0;
const STREAM_VIDEO_FIRST = 0xe0;
const STREAM_VIDEO_LAST = 0xef;
const SEQUENCE_HEADER = 0xb3;

/** A run of whole packets of one kind, a view on the bytes that came. */
export interface StreamPart {
  /** Program tables, the beginning of a picture, or what follows it. */
  readonly kind: "tables" | "picture" | "rest";
  /** Of a beginning: whether a sequence header stands there, without which MPEG-1 cannot be decoded (ISO/IEC 11172-2). */
  readonly isKey: boolean;
  readonly bytes: Uint8Array;
}

/** What a packet is to a relay; `other` is not passed on. */
type PacketKind = "tables" | "key" | "picture" | "rest" | "other";

/** Reads one camera's stream from the moment it was started. */
export class TransportStream {
  readonly #pictureBytesMax: number;
  #mapPid: number | undefined;
  #videoPid: number | undefined;
  #pictureBytes = 0;
  #association: Uint8Array = new Uint8Array(0);
  #map: Uint8Array = new Uint8Array(0);

  constructor(pictureBytesMax: number) {
    this.#pictureBytesMax = pictureBytesMax;
  }

  /** The newest program tables, with which a stream that is joined late has to begin; empty before they came. */
  get tables(): readonly Uint8Array[] {
    return [this.#association, this.#map].filter((packet) => packet.length > 0);
  }

  /** Takes whole packets; gives what is passed on, in order, or a sentence that says what is wrong. */
  read(bytes: Uint8Array): StreamPart[] | string {
    if (bytes.length === 0 || bytes.length % PACKET_BYTES !== 0) {
      return `expected whole packets of ${PACKET_BYTES} bytes`;
    }
    const parts: StreamPart[] = [];
    let from = 0;
    let current: PacketKind = "other";
    const close = (to: number): void => {
      if (current !== "other" && to > from) parts.push(partOf(current, bytes.subarray(from, to)));
      from = to;
    };
    for (let at = 0; at < bytes.length; at += PACKET_BYTES) {
      const packet = bytes.subarray(at, at + PACKET_BYTES);
      if (packet[0] !== SYNC) return "a packet does not begin with its sync byte";
      const kind = this.#kindOf(packet);
      if (kind === "key" || kind === "picture") this.#pictureBytes = 0;
      // Tables as well: else a stream of nothing else would have no bound between two pictures.
      if (kind !== "other") this.#pictureBytes += PACKET_BYTES;
      if (this.#pictureBytes > this.#pictureBytesMax) {
        return `a picture has more than ${this.#pictureBytesMax} bytes`;
      }
      if (!continues(current, kind)) {
        close(at);
        current = kind;
      }
    }
    close(bytes.length);
    return parts;
  }

  #kindOf(packet: Uint8Array): PacketKind {
    const isStart = (packet[1]! & 0x40) !== 0;
    const pid = ((packet[1]! & 0x1f) << 8) | packet[2]!;
    const at = payloadOf(packet);
    if (pid === PID_PAT) {
      this.#association = packet.slice();
      if (isStart) this.#mapPid = mapPidOf(packet, at);
      return "tables";
    }
    if (pid === this.#mapPid) {
      this.#map = packet.slice();
      return "tables";
    }
    // The last one counts: a transcoder that was started anew may have numbered its streams otherwise.
    if (isStart && isVideo(packet, at)) this.#videoPid = pid;
    if (pid !== this.#videoPid) return "other";
    if (!isStart) return "rest";
    return hasSequenceHeader(packet, at) ? "key" : "picture";
  }
}

function partOf(kind: Exclude<PacketKind, "other">, bytes: Uint8Array): StreamPart {
  return { kind: kind === "key" ? "picture" : kind, isKey: kind === "key", bytes };
}

/** Whether a packet belongs to the run before it: the rest of a picture to its beginning, tables to tables. */
function continues(run: PacketKind, next: PacketKind): boolean {
  if (next === "rest") return run === "rest" || run === "key" || run === "picture";
  return (next === "tables" || next === "other") && run === next;
}

/** Where the payload begins, behind the adaptation field; at the end of the packet where there is none. */
function payloadOf(packet: Uint8Array): number {
  const control = (packet[3]! >> 4) & 3;
  if ((control & 1) === 0) return PACKET_BYTES;
  return (control & 2) === 0 ? 4 : Math.min(PACKET_BYTES, 5 + packet[4]!);
}

/** The PID of the first program's map (2.4.4.3); `undefined` where the table names none. */
function mapPidOf(packet: Uint8Array, at: number): number | undefined {
  // Pointer field, eight bytes of head, then program number and PID.
  const program = at + 1 + (packet[at] ?? 0) + 8;
  if (program + 4 > PACKET_BYTES) return undefined;
  return ((packet[program + 2]! & 0x1f) << 8) | packet[program + 3]!;
}

function isVideo(packet: Uint8Array, at: number): boolean {
  const stream = packet[at + 3];
  if (!isStartCode(packet, at) || stream === undefined) return false;
  return stream >= STREAM_VIDEO_FIRST && stream <= STREAM_VIDEO_LAST;
}

/** Whether the first thing behind the head of the PES packet (2.4.3.6) is a sequence header. */
function hasSequenceHeader(packet: Uint8Array, at: number): boolean {
  const begin = at + 9 + (packet[at + 8] ?? 0);
  return isStartCode(packet, begin) && packet[begin + 3] === SEQUENCE_HEADER;
}

function isStartCode(packet: Uint8Array, at: number): boolean {
  return packet[at] === 0 && packet[at + 1] === 0 && packet[at + 2] === 1;
}
