/**
 * Cameras by GStreamer's RTSP server (rtsp_camera.py), which shares nothing with our own code but the protocol.
 */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { freePort } from "./ports.ts";
import { startProcess } from "./process.ts";
import type { Running } from "./process.ts";
import type { Requirement } from "./requirements.ts";
import type { Scope } from "./scope.ts";

const PYTHON = "/usr/bin/python3";
const PROGRAM = fileURLToPath(new URL("rtsp_camera.py", import.meta.url));
const CHECK = `
import gi
gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import Gst, GstRtspServer
Gst.init(None)
assert Gst.ElementFactory.find("openh264enc")
`;

export const rtspServer: Requirement = {
  name: "GStreamer's RTSP server with Python",
  available: () =>
    existsSync(PYTHON) && spawnSync(PYTHON, ["-c", CHECK], { timeout: 60_000 }).status === 0,
  remedy: "Debian packages gir1.2-gst-rtsp-server-1.0 and python3-gi",
};

/** A camera that can be hung, cut off, killed, and started again at the same address. */
export class RtspCamera {
  readonly port: number;
  readonly #scope: Scope;
  readonly #argv: readonly string[];
  #running: Running | undefined;

  private constructor(scope: Scope, port: number, argv: readonly string[]) {
    this.#scope = scope;
    this.port = port;
    this.#argv = argv;
  }

  /** Starts one; `argv` as rtsp_camera.py takes it. */
  static async start(scope: Scope, argv: readonly string[] = []): Promise<RtspCamera> {
    const camera = new RtspCamera(scope, await freePort(), argv);
    await camera.start();
    return camera;
  }

  get url(): string {
    return `rtsp://127.0.0.1:${this.port}/street`;
  }

  async start(): Promise<void> {
    const args = ["-B", PROGRAM, "--port", String(this.port), ...this.#argv];
    this.#running = await startProcess(this.#scope, { program: PYTHON, args });
    await this.#running.output(/"port": \d+/);
  }

  /** Gives an order: `hang`, `go-on` or `drop`. */
  order(word: "hang" | "go-on" | "drop"): void {
    this.#running?.write(`${word}\n`);
  }

  /** Ends it as a power cut would. */
  async kill(): Promise<void> {
    await this.#running?.kill();
  }
}
