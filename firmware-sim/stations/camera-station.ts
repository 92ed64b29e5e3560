/**
 * A camera: a picture, a port at which it can be seen, and what goes wrong with both.
 */
import type { Clock } from "../../platform/clock.ts";
import type { CameraServer } from "../camera/camera-server.ts";
import type { PacketMade, VideoSource } from "../camera/video-source.ts";
import { BoardPower } from "../faults/board-power.ts";
import { plansOf } from "../faults/fault-plan.ts";
import { type FaultWindow, followWindows, inWindow } from "../faults/fault-window.ts";
import type { CameraPlan } from "../scenario/station-plan.ts";
import type { Station, StationReport } from "./station.ts";

/** What a camera is made from. */
export interface CameraParts {
  readonly plan: CameraPlan;
  readonly clock: Clock;
  /** Starts the picture, as a camera does when it gets power. */
  readonly openVideo: (made: PacketMade) => Promise<VideoSource>;
  readonly openServer: () => Promise<CameraServer>;
}

/** How long a camera takes from power to picture, where a fault does not say. */
export const CAMERA_BOOT_MS = 30_000;

/** A camera that can be seen. */
export class CameraStation implements Station {
  readonly plan: CameraPlan;
  readonly #parts: CameraParts;
  readonly #server: CameraServer;
  readonly #bornMs: number;
  readonly #downtimes: readonly FaultWindow[];
  readonly #absences: readonly FaultWindow[];
  readonly #stalls: readonly FaultWindow[];
  /** Aborted with the error of a picture that ended by itself. */
  readonly #broken = new AbortController();
  #video: VideoSource | undefined;

  private constructor(parts: CameraParts, server: CameraServer) {
    this.plan = parts.plan;
    this.#parts = parts;
    this.#server = server;
    this.#bornMs = parts.clock.monotonicMs();
    const { faults } = parts.plan;
    this.#downtimes = new BoardPower(faults, CAMERA_BOOT_MS).outages;
    this.#absences = plansOf(faults, "unplug");
    this.#stalls = plansOf(faults, "stall");
  }

  /** Opens the port and starts the picture. Rejects with why either cannot be had; nothing stays open then. */
  static async open(parts: CameraParts): Promise<CameraStation> {
    const station = new CameraStation(parts, await parts.openServer());
    try {
      await station.#boot();
    } catch (error) {
      await station.close();
      throw error;
    }
    return station;
  }

  get address(): string {
    return this.#server.address;
  }

  report(): StationReport {
    const { bytesSent, bytesLost } = this.#server;
    return { bytesSent, bytesLost };
  }

  async run(signal: AbortSignal): Promise<void> {
    const broken = this.#broken.signal;
    const either = AbortSignal.any([signal, broken]);
    const { clock } = this.#parts;
    const downtimes = this.#downtimes;
    try {
      // One look after the other: a camera that is unplugged while it boots is still unplugged afterwards.
      await followWindows(
        [...downtimes, ...this.#absences],
        { clock, bornMs: this.#bornMs, signal: either },
        async (elapsedMs) => {
          const isDown = downtimes.some((fault) => inWindow(fault, elapsedMs));
          const isAway = this.#absences.some((fault) => inWindow(fault, elapsedMs));
          await this.#become(isDown, isAway);
        },
      );
      await aborted(either);
    } catch (error) {
      if (!either.aborted) throw error;
    } finally {
      await this.close();
    }
    if (broken.aborted && !signal.aborted) throw broken.reason;
  }

  async close(): Promise<void> {
    await this.#server.close();
    await this.#video?.close();
  }

  async #become(isDown: boolean, isAway: boolean): Promise<void> {
    if (isDown || isAway) await this.#server.unplug();
    if (isDown) {
      await this.#video?.close();
      this.#video = undefined;
      return;
    }
    if (this.#video === undefined) await this.#boot();
    if (!isAway) await this.#server.plug();
  }

  async #boot(): Promise<void> {
    const video = await this.#parts.openVideo((packet) => {
      const elapsedMs = this.#parts.clock.monotonicMs() - this.#bornMs;
      if (!this.#stalls.some((fault) => inWindow(fault, elapsedMs))) this.#server.pass(packet);
    });
    this.#video = video;
    this.#server.describe(video.media);
    void video.ended.then((error) => {
      if (error !== undefined) this.#broken.abort(error);
    });
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
