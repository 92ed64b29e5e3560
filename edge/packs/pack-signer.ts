/**
 * Makes statements of packs: position and wall-clock time are added, the ledger's checks are run, and only then it signs.
 *
 * A restricted device commits to its packs instead of showing them (docs/formats.md, section 7).
 */

import { Refusal } from "../../ledger/errors.ts";
import { encodePreimage, hashPreimage, SALT_BYTES } from "../../ledger/preimage.ts";
import { encodePack } from "../../ledger/senml.ts";
import type { Logger } from "../../platform/log.ts";
import type { Random } from "../../platform/random.ts";
import type { Chain } from "../signing/chain.ts";
import type { BelievedTime, ClockSource } from "../time/clock-source.ts";
import type { Counters } from "../counters.ts";
import type { Delivery } from "../delivery/delivery.ts";
import type { Intake } from "./intake.ts";
import type { Outbox } from "../outbox/outbox.ts";
import { noteReadings } from "./pack-notes.ts";
import type { PackNotes } from "./pack-notes.ts";
import { readingsOf } from "./packer.ts";
import type { ClosedPack } from "./packer.ts";
import type { Quarantine } from "../outbox/quarantine.ts";
import type { Whereabouts } from "../place/whereabouts.ts";
import type { Repair } from "../delivery/repair.ts";
import { obstacleTo } from "../signing/obstacle.ts";
import type { Obstacle } from "../signing/obstacle.ts";
import { checkPack } from "../signing/self-check.ts";

/** What a pack signer is made of. */
export interface PackSignerParts {
  readonly device: string;
  readonly isRestricted: boolean;
  readonly whereabouts: Whereabouts;
  /** By stream, the boards for which the device signs. */
  readonly via: ReadonlyMap<string, string>;
  /** The outbox may grow to this. */
  readonly outboxBytesMax: number;
  readonly intake: Intake;
  readonly chain: Chain;
  readonly outbox: Outbox;
  readonly delivery: Delivery;
  readonly repair: Repair;
  readonly time: ClockSource;
  readonly random: Random;
  readonly quarantine: Quarantine;
  readonly counters: Counters;
  readonly logger: Logger;
}

/** Signatures are made in one go: for more of them sensors and connection would wait too long. */
const PACKS_A_ROUND_MAX = 256;

/** See the head of the file. */
export class PackSigner {
  private readonly parts: PackSignerParts;
  /** Wall minus monotonic time when the stream's last pack was signed. */
  private readonly offsetsMs = new Map<string, number>();

  constructor(parts: PackSignerParts) {
    this.parts = parts;
  }

  /** What stands in the way of signing. */
  get obstacle(): Obstacle | undefined {
    const { parts } = this;
    return obstacleTo(parts) ?? (parts.whereabouts.place === undefined ? "no-position" : undefined);
  }

  /**
   * Signs packs that wait, as far as it can, but only so many that nobody else waits long; gives whether there are more whose
   * turn is once these are safe. They are safe only after the outbox was flushed.
   */
  signWaiting(): boolean {
    const { intake, outbox, outboxBytesMax, time } = this.parts;
    if (this.obstacle !== undefined) return false;
    for (let taken = 0; taken < PACKS_A_ROUND_MAX; taken++) {
      const pack = intake.first();
      // The clock is looked at once for each pack: it may be set between any two looks.
      const now = time.now();
      if (pack === undefined || now === undefined || outbox.bytes >= outboxBytesMax) return false;
      this.sign(pack, now);
      intake.shift();
    }
    return intake.first() !== undefined;
  }

  private sign(pack: ClosedPack, now: BelievedTime): void {
    const { device, intake, counters, repair } = this.parts;
    const { nowMs, offsetMs } = now;
    const iat = Math.floor(nowMs / 1000);
    const notes = this.notesOf(pack.stream, now);
    const readings = [
      ...readingsOf(pack, offsetMs),
      ...noteReadings(notes, (pack.lastMs + offsetMs) / 1000),
    ];
    const payload = encodePack(device, pack.position ?? this.parts.whereabouts.place!, readings);
    const refusal = repair.isRefusedStream(pack.stream)
      ? new Refusal("wrong-stream", "the hub does not take this stream")
      : checkPack(payload, device, iat);
    if (refusal) {
      this.refuse(pack, payload, refusal, nowMs);
      return;
    }
    const bytesBefore = this.parts.outbox.bytes;
    this.signPayload(pack.stream, iat, payload);
    intake.ownUp(pack.stream, notes.dropped);
    this.offsetsMs.set(pack.stream, offsetMs);
    counters.statementsSigned += 1;
    counters.bytesSigned += this.parts.outbox.bytes - bytesBefore;
  }

  private notesOf(stream: string, { source, offsetMs, apartMs }: BelievedTime): PackNotes {
    const { intake, via, whereabouts } = this.parts;
    return {
      clock: source,
      clockStepMs: offsetMs - (this.offsetsMs.get(stream) ?? offsetMs),
      clockApartMs: apartMs,
      movedMetres: whereabouts.movedMetres,
      dropped: intake.dropped(stream),
      via: via.get(stream),
    };
  }

  private signPayload(stream: string, iat: number, payload: Uint8Array): void {
    const { chain, isRestricted, random } = this.parts;
    if (!isRestricted) {
      chain.sign({ kind: "readings", stream, iat, payload });
      return;
    }
    const preimage = encodePreimage(random.bytes(SALT_BYTES), payload);
    chain.sign({ kind: "salted", stream, iat, payload: hashPreimage(preimage) }, { preimage });
  }

  private refuse(pack: ClosedPack, payload: Uint8Array, refusal: Refusal, nowMs: number): void {
    const { counters, logger, quarantine } = this.parts;
    counters.packsRefused += 1;
    logger.error(
      { stream: pack.stream, code: refusal.code, text: refusal.text },
      "a pack fails our own checks, and is not signed",
    );
    void quarantine.put(nowMs, refusal.code, payload);
  }
}
