/**
 * A hub as a program, over several starts: the same data folder and the same ports each time, whatever ended it.
 */
import { join } from "node:path";
import { askHub } from "../../hub/operator/client.ts";
import { kerbstone, startKerbstone } from "./kerbstone.ts";
import { freePort } from "./ports.ts";
import type { Exit, Running } from "./process.ts";
import type { Scope } from "./scope.ts";

/** What the hub says of itself to its operator. */
export interface HubStatus {
  readonly origin: string;
  readonly vkey: string;
  readonly height: number;
  /** Entries in sealed blocks. */
  readonly size: number;
}

/** What a hub is made with. */
export interface HubSetup {
  readonly origin?: string;
  readonly blockSeconds?: number;
  /** Further flags of `hub run`, the same at every start. */
  readonly flags?: readonly string[];
}

/** One hub. `make` once, then `start`, and `stop` or `kill`, as often as wanted. */
export class HubProgram {
  readonly folder: string;
  readonly origin: string;
  readonly vkey: string;
  readonly mqttPort: number;
  readonly httpPort: number;
  readonly #scope: Scope;
  readonly #flags: readonly string[];
  #running: Running | undefined;

  private constructor(
    scope: Scope,
    own: Pick<HubProgram, "folder" | "origin" | "vkey" | "mqttPort" | "httpPort">,
    flags: readonly string[],
  ) {
    this.#scope = scope;
    this.folder = own.folder;
    this.origin = own.origin;
    this.vkey = own.vkey;
    this.mqttPort = own.mqttPort;
    this.httpPort = own.httpPort;
    this.#flags = flags;
  }

  /** Makes a data folder by `hub init`. */
  static async make(scope: Scope, setup: HubSetup = {}): Promise<HubProgram> {
    const { origin = "kerbstone.test/city", blockSeconds = 1, flags = [] } = setup;
    const folder = join(await scope.folder("hub"), "hub");
    const seconds = String(blockSeconds);
    const init = ["hub", "init", "--data", folder, "--origin", origin, "--block-seconds", seconds];
    await kerbstone(scope, init);
    const vkey = (await kerbstone(scope, ["hub", "vkey", "--data", folder])).trim();
    const own = { folder, origin, vkey, mqttPort: await freePort(), httpPort: await freePort() };
    return new HubProgram(scope, own, flags);
  }

  /** The same ports and name on another data folder, such as a copy. */
  on(folder: string, flags: readonly string[] = this.#flags): HubProgram {
    const { origin, vkey, mqttPort, httpPort } = this;
    return new HubProgram(this.#scope, { folder, origin, vkey, mqttPort, httpPort }, flags);
  }

  /** The folder of the published log. */
  get log(): string {
    return join(this.folder, "log");
  }

  /** The address of page and API, with a slash at its end. */
  get url(): string {
    return `http://127.0.0.1:${this.httpPort}/`;
  }

  get running(): Running {
    if (this.#running === undefined) throw new Error("the hub was never started");
    return this.#running;
  }

  /** Starts the program without waiting for it to be ready. */
  async launch(flags: readonly string[] = []): Promise<Running> {
    const argv = ["hub", "run", "--data", this.folder, "--mqtt-port", String(this.mqttPort)];
    argv.push("--http-port", String(this.httpPort), ...this.#flags, ...flags);
    this.#running = await startKerbstone(this.#scope, argv);
    return this.#running;
  }

  /** Starts the program and waits until it takes connections. */
  async start(flags: readonly string[] = []): Promise<void> {
    const running = await this.launch(flags);
    await running.output(/^HTTP /m, 60_000);
  }

  /** Asks it to end, and expects that it does so of its own accord. */
  async stop(): Promise<void> {
    const exit = await this.running.stop();
    if (exit.code !== 0)
      throw new Error(`the hub ended badly:\n${this.running.stderr.slice(-2000)}`);
  }

  /** Ends it as a power cut would. */
  kill(): Promise<Exit> {
    return this.running.kill();
  }

  async status(): Promise<HubStatus> {
    return (await this.#ask({ command: "status" })) as HubStatus;
  }

  /** Enrols by a request that a device has made. */
  async enrol(request: string): Promise<void> {
    await this.#ask({ command: "enrol", request });
  }

  async devices(): Promise<{ name: string; lastSeq: number; online: boolean | null }[]> {
    return (await this.#ask({ command: "devices" })) as Awaited<ReturnType<HubProgram["devices"]>>;
  }

  #ask(request: { command: string; request?: string }): Promise<unknown> {
    return askHub(this.folder, request);
  }
}
