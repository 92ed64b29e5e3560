/**
 * An agent as a program, over several starts, and the boards that it reads: set up by the commands that an installer
 * and an operator would type.
 */
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { scanSegment, decodeRecord } from "../../edge/outbox/outbox-format.ts";
import type { AgentStatus } from "../../edge/status/status.ts";
import { sha256 } from "../../ledger/sha256.ts";
import { encodeHex } from "../../ledger/bytes.ts";
import type { HubProgram } from "./hub-program.ts";
import { kerbstone, startKerbstone } from "./kerbstone.ts";
import type { Exit, Running } from "./process.ts";
import type { Scope } from "./scope.ts";

/** The machine's clock is good enough for a test, whoever keeps it. */
const HURRY = ["--clock-wait-for-sync-seconds", "0"];

/** What a device is made with. */
export interface EdgeSetup {
  readonly name: string;
  /** As `edge init --sensor` takes them: `stream:driver=address`. */
  readonly sensors: readonly string[];
  /** Further arguments of `edge init`. */
  readonly init?: readonly string[];
  /** Further arguments of `edge run`. */
  readonly run?: readonly string[];
  /** What runs the agent's programs, if it is not what runs the test: such as `arm64Node()`. */
  readonly node?: readonly string[];
}

/** One agent. `make` once, then `start`, and `stop` or `kill`, as often as wanted. */
export class EdgeProgram {
  readonly folder: string;
  readonly #scope: Scope;
  readonly #setup: Pick<EdgeSetup, "run" | "node">;
  #running: Running | undefined;

  private constructor(scope: Scope, folder: string, setup: Pick<EdgeSetup, "run" | "node">) {
    this.#scope = scope;
    this.folder = folder;
    this.#setup = setup;
  }

  /** Makes key and settings, and has the hub, which runs, enrol the device. */
  static async make(scope: Scope, hub: HubProgram, setup: EdgeSetup): Promise<EdgeProgram> {
    const { name, sensors, init = [], node } = setup;
    const folder = join(await scope.folder("edge"), name);
    const argv = ["edge", "init", "--name", name, "--folder", folder, "--vkey", hub.vkey];
    argv.push("--origin", hub.origin, "--mqtt", `mqtt://127.0.0.1:${hub.mqttPort}`);
    argv.push("--lat", "51.59", "--lon", "-2.99", ...sensors.flatMap((text) => ["--sensor", text]));
    const said = await kerbstone(scope, [...argv, ...init], node);
    const request = /kerbstone hub enrol (\S+)/.exec(said)?.[1];
    if (request === undefined) throw new Error(`edge init gave no enrolment request:\n${said}`);
    await kerbstone(scope, ["hub", "enrol", request, "--data", hub.folder]);
    return new EdgeProgram(scope, folder, setup);
  }

  /** The same program on another folder, such as a copy. */
  at(folder: string): EdgeProgram {
    return new EdgeProgram(this.#scope, folder, this.#setup);
  }

  get settings(): string {
    return join(this.folder, "edge.toml");
  }

  get running(): Running {
    if (this.#running === undefined) throw new Error("the agent was never started");
    return this.#running;
  }

  /** Changes the settings file, as an installer would with an editor. */
  async edit(change: (text: string) => string): Promise<void> {
    await writeFile(this.settings, change(await readFile(this.settings, "utf8")));
  }

  /** Starts the program without waiting for it to be ready. */
  async launch(): Promise<void> {
    const { run = [], node } = this.#setup;
    const argv = ["edge", "run", this.settings, ...HURRY, ...run];
    this.#running = await startKerbstone(this.#scope, argv, node);
  }

  /** Starts the program and waits until the agent runs; it need not have found its hub by then. */
  async start(): Promise<void> {
    await this.launch();
    await this.running.output(/ runs, for /);
  }

  /** Asks it to end, and expects that it does so of its own accord. */
  async stop(): Promise<void> {
    const exit = await this.running.stop();
    if (exit.code !== 0) {
      throw new Error(`the agent ended badly:\n${this.running.stderr.slice(-2000)}`);
    }
  }

  /** Ends it as a power cut would. */
  kill(): Promise<Exit> {
    return this.running.kill();
  }

  /** How it was when it last stopped cleanly, or up to ten minutes ago while it runs. */
  async status(): Promise<AgentStatus> {
    return JSON.parse(
      await readFile(join(this.folder, "data", "status.json"), "utf8"),
    ) as AgentStatus;
  }

  /** Hashes in hex of the statements on its disk, by number. Torn bytes are stepped over. */
  async outbox(data: string = join(this.folder, "data")): Promise<Map<number, string>> {
    const folder = join(data, "outbox");
    const statements = new Map<number, string>();
    for (const name of await readdir(folder).catch(() => [])) {
      if (!name.endsWith(".outbox")) continue;
      const bytes = new Uint8Array(await readFile(join(folder, name)));
      const scan = scanSegment(bytes);
      if (typeof scan === "string") throw new Error(`${name}: ${scan}`);
      for (const { offset, seq } of scan.entries) {
        const { statement } = decodeRecord(bytes, offset)!;
        statements.set(seq, encodeHex(sha256(statement)));
      }
    }
    return statements;
  }
}

/** A simulated board that serves its line over TCP, or a camera. */
export interface BoardProgram {
  /** As the edge takes it: `tcp://127.0.0.1:…`, or `rtsp://127.0.0.1:…/live`. */
  readonly address: string;
  readonly running: Running;
}

/** Starts `kerbstone sim --board …argv` on a free port. */
export async function startBoard(scope: Scope, argv: readonly string[]): Promise<BoardProgram> {
  const sim = ["sim", "--listen", "127.0.0.1:0", "--json", ...argv];
  const running = await startKerbstone(scope, sim);
  const [, address] = await running.output(/"address":"((?:tcp|rtsp):[^"]+)"/);
  return { address: address!, running };
}
