/**
 * All cameras of a device. Loaded only where the settings name one.
 */

import type { Statement } from "../../ledger/statement.ts";
import type { Counters } from "../counters.ts";
import type { Repair } from "../delivery/repair.ts";
import type { Quarantine } from "../outbox/quarantine.ts";
import type { SigningGround } from "../signing/obstacle.ts";
import { Camera } from "./camera.ts";
import type { CameraGround, CameraSetup } from "./camera.ts";
import type { CameraStatus } from "./camera-status.ts";
import { ClipSigner } from "./clip-signer.ts";
import type { PreviewSource } from "./preview-source.ts";
import type { SegmentRecord } from "./recording/segment-record.ts";

/** What an agent hands to its cameras. */
export interface CamerasSurroundings extends SigningGround {
  readonly repair: Repair;
  readonly quarantine: Quarantine;
  readonly counters: Counters;
}

/** Makes the cameras of an agent. */
export type MakeCameras = (surroundings: CamerasSurroundings) => Cameras;

/** What must stay free on the disk besides what the outbox may still take: for the system, its logs, and updates. */
export const RESERVE_BYTES = 67_108_864;

/** See the head of the file. */
export class Cameras {
  private readonly cameras: readonly Camera[];
  private readonly signer: ClipSigner;
  private readonly ground: CameraGround;
  private readonly counters: Counters;
  /** Cameras of which something could not be written; said once. */
  private readonly unsaved = new Set<string>();

  constructor(
    setups: readonly CameraSetup[],
    ground: CameraGround,
    surroundings: CamerasSurroundings,
  ) {
    const { outbox, outboxBytesMax, time, counters } = surroundings;
    this.ground = ground;
    this.counters = counters;
    this.cameras = setups.map(
      (setup) =>
        new Camera(setup, ground, {
          reserveBytes: () => Math.max(0, outboxBytesMax - outbox.bytes) + RESERVE_BYTES,
          nowMs: () => time.nowMs(),
          removed: (segment) => this.noteRemoved(setup.name, segment),
          opened: (ring) => this.signer.recall(ring),
        }),
    );
    const places = this.cameras.map((camera) => ({
      camera: camera.setup.name,
      stream: camera.setup.stream,
      get ring() {
        return camera.ring;
      },
    }));
    this.signer = new ClipSigner({ ...surroundings, places, logger: ground.logger });
  }

  /** The cameras of which there is a preview. */
  previews(): PreviewSource[] {
    return this.cameras.flatMap(({ preview }) => preview ?? []);
  }

  /** Looks at what is on disk. To be called before anything is signed or mended. Never rejects for the disk's faults. */
  async open(): Promise<void> {
    for (const camera of this.cameras) await camera.open();
  }

  /** Records until the signal, then resolves with nothing left running. */
  async run(signal: AbortSignal): Promise<void> {
    await Promise.all(this.cameras.map((camera) => camera.run(signal)));
  }

  /**
   * Signs what waits, as far as it can, and notes beside the recordings what was signed.
   *
   * The outbox is to be flushed behind it, so that a recording which is noted as signed is hardly ever not. Never rejects; a
   * disk that fails here is told of, and must not keep statements waiting.
   */
  async sign(): Promise<void> {
    this.signer.prepare();
    await this.save();
    if (this.signer.signWaiting() > 0) await this.save();
  }

  /** Takes note of what became of a statement that a gap left out; see repair.ts. */
  renewed(seq: number, as: Statement | undefined): void {
    this.signer.renewed(seq, as);
  }

  status(): CameraStatus[] {
    return this.cameras.map((camera) => camera.status(this.signer.waiting(camera.setup.name)));
  }

  private async save(): Promise<void> {
    for (const { ring, setup } of this.cameras) {
      const camera = setup.name;
      try {
        await ring?.save();
        this.unsaved.delete(camera);
      } catch (error) {
        const text = "what is known of a recording could not be written";
        if (!this.unsaved.has(camera)) this.ground.logger.warn({ camera, error }, text);
        this.unsaved.add(camera);
      }
    }
  }

  private noteRemoved(camera: string, { number, signing }: SegmentRecord): void {
    if (signing.state !== "waiting") return;
    this.counters.clipsDropped += 1;
    this.ground.logger.warn({ camera, number }, "a recording went before it could be signed");
  }
}
