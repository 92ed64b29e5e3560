/**
 * Makes clips of finished segments: their fingerprints become statements in the device's chain, the pictures stay here.
 *
 * Segments wait under the same obstacles as packs do. A segment of this process gets the wall clock's time when it is
 * signed; one of an earlier process only if its time was noted then (docs/cameras.md, "What is signed").
 */

import { decodeHex, encodeHex } from "../../ledger/bytes.ts";
import { Refusal } from "../../ledger/errors.ts";
import { decodeClip, encodeClip } from "../../ledger/kinds/clip.ts";
import { asHash } from "../../ledger/sha256.ts";
import { decodeStatement } from "../../ledger/statement.ts";
import type { Statement } from "../../ledger/statement.ts";
import type { Logger } from "../../platform/log.ts";
import type { Counters } from "../counters.ts";
import type { Repair } from "../delivery/repair.ts";
import type { Quarantine } from "../outbox/quarantine.ts";
import { obstacleTo } from "../signing/obstacle.ts";
import type { SigningGround } from "../signing/obstacle.ts";
import { checkClip } from "../signing/self-check.ts";
import type { Ring, Segment } from "./recording/ring.ts";
import { SEGMENT_TYPE } from "./recording/segment-record.ts";
import type { SegmentRecord, Signing } from "./recording/segment-record.ts";

/** Whose segments are signed. */
export interface ClipPlace {
  readonly camera: string;
  readonly stream: string;
  /** Absent while the disk does not let it be opened. */
  readonly ring: Ring | undefined;
}

/** What a clip signer is made of. */
export interface ClipSignerParts extends SigningGround {
  readonly places: readonly ClipPlace[];
  readonly repair: Repair;
  readonly quarantine: Quarantine;
  readonly counters: Counters;
  readonly logger: Logger;
  /** Segments of one camera that may wait to be signed; of more, the oldest never are. */
  readonly waitingMax?: number;
}

const WAITING_MAX = 5_000;
/** Clocks are pulled straight in small steps; not for each of them a file is written anew. */
const TIME_STEP_MS = 500;

/** See the head of the file. */
export class ClipSigner {
  private readonly parts: ClipSignerParts;
  /** What earlier processes have left: a ring that the disk lets be opened late was noted by them alone. */
  private readonly durableBefore: number;

  constructor(parts: ClipSignerParts) {
    this.parts = parts;
    this.durableBefore = parts.outbox.durable;
  }

  /** Segments of a camera that wait. */
  waiting(camera: string): number {
    return waitingIn(this.parts.places.find((place) => place.camera === camera)?.ring).length;
  }

  /** Notes the times of what waits, as far as the clock is believed, and gives up what is too much. */
  prepare(): void {
    const { places, time, outbox, counters, logger, waitingMax = WAITING_MAX } = this.parts;
    const offsetMs = time.offsetMs();
    const notBeforeSeq = outbox.tail?.seq ?? 0;
    for (const { camera, ring } of places) {
      const waiting = waitingIn(ring);
      const dropped = waiting.splice(0, Math.max(0, waiting.length - waitingMax));
      for (const { record } of dropped) {
        ring!.note(record.number, { signing: { state: "unsigned", reason: "dropped" } });
      }
      counters.clipsDropped += dropped.length;
      if (dropped.length > 0) logger.warn({ camera, count: dropped.length }, "clips were dropped");
      for (const segment of waiting) noteTimes(ring!, segment, offsetMs, notBeforeSeq);
    }
  }

  /** Signs what waits, as far as it can; gives how many. They are safe only after the outbox was flushed. */
  signWaiting(): number {
    const { places, outbox, outboxBytesMax } = this.parts;
    if (obstacleTo(this.parts) !== undefined) return 0;
    let signed = 0;
    for (const place of places) {
      for (const segment of waitingIn(place.ring)) {
        if (outbox.bytes >= outboxBytesMax) return signed;
        if (this.sign(place, segment)) signed += 1;
      }
    }
    return signed;
  }

  /** Takes note that a statement was signed anew under another number, or that nothing is left of it. */
  renewed(seq: number, as: Statement | undefined): void {
    for (const { ring } of this.parts.places) {
      const segment = ring?.segments.findLast(
        ({ record: { signing } }) => signing.state === "signed" && signing.seq === seq,
      );
      if (segment === undefined) continue;
      ring!.note(segment.record.number, {
        signing:
          as === undefined
            ? { state: "unsigned", reason: "refused" }
            : { state: "signed", seq: as.seq, statement: encodeHex(as.hash) },
      });
      return;
    }
  }

  /**
   * After a start, and before anything is signed: puts right what a crash left between a recording and its statement.
   *
   * What was signed and did not get to the disk has to be signed again; what did, though nobody noted it, has not. A clip that a
   * gap left out for good was refused.
   */
  async recall(ring: Ring): Promise<void> {
    for (const { record } of ring.segments) {
      const { signing, number } = record;
      if (signing.state === "signed" && signing.seq > this.durableBefore) {
        ring.note(number, { signing: { state: "waiting" } });
      }
    }
    const unsure = ring.segments.map(({ record }) => record).filter((one) => this.isUnsure(one));
    const signed = await this.clipsFrom(Math.min(...unsure.map(firstSeqOf)));
    for (const { number, sha256 = "", signing } of unsure) {
      const found = signed.get(sha256);
      if (found !== undefined) ring.note(number, { signing: found });
      else if (signing.state === "signed")
        ring.note(number, { signing: { state: "unsigned", reason: "refused" } });
    }
  }

  /** Whether the outbox may know more of a recording's clip than what stands beside it. */
  private isUnsure({ signing }: SegmentRecord): boolean {
    const { outbox } = this.parts;
    if (signing.state !== "signed") return signing.state === "waiting";
    return signing.seq >= outbox.oldest && !outbox.isInForce(signing.seq);
  }

  /** The clips among the statements on disk from a number on, by the SHA-256 of their recordings. */
  private async clipsFrom(from: number): Promise<Map<string, Signing>> {
    const { outbox } = this.parts;
    const found = new Map<string, Signing>();
    for (let seq = Math.max(from, outbox.oldest); seq <= outbox.durable; seq++) {
      const record = outbox.isInForce(seq) ? await outbox.read(seq) : undefined;
      const statement = record && decodeStatement(record.statement);
      if (statement === undefined || statement instanceof Refusal) continue;
      const clip = statement.kind === "clip" ? decodeClip(statement.payload) : undefined;
      if (clip === undefined || clip instanceof Refusal) continue;
      const own = encodeHex(statement.hash);
      found.set(encodeHex(clip.sha256), { state: "signed", seq, statement: own });
    }
    return found;
  }

  private sign({ camera, stream, ring }: ClipPlace, segment: Segment): boolean {
    const { chain, time, counters } = this.parts;
    const { number, sha256, bytes, fromMs, toMs } = segment.record;
    const hash = sha256 === undefined ? undefined : decodeHex(sha256);
    // What is known of it has to be on disk first: else a crash leaves a segment of which nobody knows that it is signed.
    if (hash === undefined || fromMs === undefined || toMs === undefined || segment.isDirty) {
      return false;
    }
    const iat = Math.floor(time.now()!.nowMs / 1000);
    const clip = { camera, fromMs, toMs, sha256: asHash(hash), bytes, type: SEGMENT_TYPE };
    const payload = encodeClip(clip);
    const refusal = this.judge(stream, payload, iat);
    if (refusal?.code === "future") return false;
    if (refusal !== undefined) {
      this.refuse(camera, refusal, iat, payload);
      ring!.note(number, { signing: { state: "unsigned", reason: "refused" } });
      return false;
    }
    const statement = chain.sign({ kind: "clip", stream, iat, payload });
    const { seq, hash: own } = statement;
    ring!.note(number, { signing: { state: "signed", seq, statement: encodeHex(own) } });
    counters.clipsSigned += 1;
    return true;
  }

  private judge(stream: string, payload: Uint8Array, iat: number): Refusal | undefined {
    return this.parts.repair.isRefusedStream(stream)
      ? new Refusal("wrong-stream", "the hub does not take this stream")
      : checkClip(payload, iat);
  }

  private refuse(camera: string, { code, text }: Refusal, iat: number, payload: Uint8Array): void {
    const { counters, logger, quarantine } = this.parts;
    counters.clipsRefused += 1;
    logger.error({ camera, code, text }, "a clip fails our own checks, and is not signed");
    void quarantine.put(iat, code, payload);
  }
}

/** No statement before this number is the clip of a recording. */
function firstSeqOf({ signing, notBeforeSeq }: SegmentRecord): number {
  return signing.state === "signed" ? signing.seq : (notBeforeSeq ?? Infinity);
}

function waitingIn(ring: Ring | undefined): Segment[] {
  return (ring?.segments ?? []).filter(({ record }) => record.signing.state === "waiting");
}

/** The times of a segment of this process by the clock as it is believed now; those of older ones stay as noted. */
function noteTimes(
  ring: Ring,
  { record, span }: Segment,
  offsetMs: number | undefined,
  notBeforeSeq: number,
): void {
  if (span === undefined || offsetMs === undefined) return;
  const fromMs = Math.round(span.fromMs + offsetMs);
  const toMs = Math.round(span.toMs + offsetMs);
  const isNear = record.toMs !== undefined && Math.abs(record.toMs - toMs) < TIME_STEP_MS;
  if (!isNear) ring.note(record.number, { fromMs, toMs, notBeforeSeq });
}
