/**
 * The programs of a small city and the order in which they come and go.
 *
 * Everything is done as an operator and an installer would do it by hand: keys, genesis, policy, enrolment requests,
 * settings files. Nothing here is a short cut that a real city lacks.
 */

import { fileURLToPath } from "node:url";
import { encodeUtf8 } from "../../ledger/bytes.ts";
import { exitCodeOf } from "../../platform/lifecycle.ts";
import type { ProgramIo } from "../../platform/lifecycle.ts";
import { UserError } from "../../platform/user-error.ts";
import { run as runEdge } from "../../edge/main.ts";
import { run as runHub } from "../../hub/main.ts";
import { openPeerKeys } from "../../hub/peer/peer-keys.ts";
import { ChildProgram } from "./child-program.ts";

/** What a city is started with. */
export interface CitySettings {
  /** Holds everything: `hub`, `peer-…`, `edge/…`, `logs`, `policy.txt`. */
  readonly folder: string;
  readonly httpPort: number;
  readonly mqttPort: number;
  /** Absent: what the data folder says, or 10 s for a new one. */
  readonly blockSeconds: number | undefined;
  readonly origin: string | undefined;
  readonly influxUrl: string | undefined;
  readonly seed: string | undefined;
  readonly hasSim: boolean;
}

/** A board as `kerbstone sim --json` announces it. */
interface Board {
  readonly name: string;
  readonly board: string;
  readonly stream: string;
  readonly address: string;
  readonly everySeconds: number;
  readonly lat: number;
  readonly lon: number;
}

const ORIGIN = "localhost/newport";
const BLOCK_SECONDS = 10;
const PACK_SECONDS = 10;
const PEERS = ["gwent", "university"] as const;
const SCENARIO = fileURLToPath(
  new URL("../../../firmware-sim/scenarios/newport.toml", import.meta.url),
);

/** All of the city is on this machine, so that its clocks agree, whoever keeps them. */
/** How often the driver `nmea` keeps a fix unless told otherwise. */
const FIX_SECONDS = 60;
const HURRY = ["--clock-wait-for-sync-seconds", "0"];

/** The driver that reads each kind of board. */
const DRIVER_OF_BOARD: Readonly<Record<string, string>> = {
  sds011: "sds011",
  "nmea-gps": "nmea",
  "line-board": "line-protocol",
  plantower: "plantower",
  mhz19: "mhz19",
  "p1-meter": "dsmr",
};

/** A city. `start` once, then `stop`. */
export class City {
  readonly logs: string;
  readonly #io: ProgramIo;
  readonly #settings: CitySettings;
  readonly #children: ChildProgram[] = [];

  constructor(io: ProgramIo, settings: CitySettings) {
    this.#io = io;
    this.#settings = settings;
    this.logs = `${settings.folder}/logs`;
  }

  /** Starts everything and prints the address of the page. */
  async start(): Promise<void> {
    const { folder, httpPort, hasSim } = this.#settings;
    await this.#io.files.makeFolder(this.logs);
    const vkey = await this.#makeHub();
    const policy = await this.#writePolicy(vkey);
    await this.#startHub(policy);
    const url = `http://127.0.0.1:${httpPort}/`;
    await Promise.all(PEERS.map((name) => this.#startPeer(name, url, vkey)));
    const boards = hasSim ? await this.#startBoards() : [];
    if (boards.length > 0) await this.#startAgents(boards, { url, vkey, policy });
    const { stdout } = this.#io;
    stdout.write(`\nThe city is up: ${url}\n\n`);
    stdout.write(`  vkey   ${vkey}\n`);
    stdout.write(`  MQTT   mqtt://127.0.0.1:${this.#settings.mqttPort}\n`);
    stdout.write(`  data   ${folder}\n`);
    stdout.write(`  audit  npx kerbstone audit ${url} --policy ${policy}\n\n`);
    stdout.write("A sensor of your own: the first line makes it, the second enrols it.\n\n");
    stdout.write(`  npx kerbstone edge init --name my-sensor --hub ${url} --policy ${policy}\n`);
    stdout.write(`  npx kerbstone hub enrol CLAIM --data ${this.#hubFolder}\n\n`);
    stdout.write(`${boards.length} devices, ${PEERS.length} peers. Ctrl-C stops everything.\n`);
  }

  /** Resolves with a sentence when a program ends that should not have. */
  fallen(): Promise<string> {
    return Promise.race(this.#children.map((child) => child.ended));
  }

  /** Stops all programs, those that feed before those that are fed. */
  async stop(): Promise<void> {
    for (let child = this.#children.pop(); child !== undefined; child = this.#children.pop()) {
      await child.stop();
    }
  }

  /** Makes the hub's folder if there is none; gives the log's vkey. */
  async #makeHub(): Promise<string> {
    const { folder, origin, blockSeconds } = this.#settings;
    const path = `${folder}/hub`;
    if (!(await this.#io.files.exists(`${path}/log`))) {
      const seconds = String(blockSeconds ?? BLOCK_SECONDS);
      const argv = [
        "init",
        "--data",
        path,
        "--origin",
        origin ?? ORIGIN,
        "--block-seconds",
        seconds,
      ];
      await this.#command(runHub, argv);
    }
    const said = await this.#command(runHub, ["vkey", "--data", path]);
    return said.trim();
  }

  /** Two mirrors, and both must have checked a block before it counts as cosigned. */
  async #writePolicy(vkey: string): Promise<string> {
    const lines = [`log ${vkey}`];
    for (const name of PEERS) {
      const keys = await openPeerKeys(this.#io, this.#peerFolder(name), `localhost/${name}`);
      lines.push(`witness ${name} ${keys.mirrorVkey}`);
    }
    lines.push(`group both all ${PEERS.join(" ")}`, "quorum both", "");
    const path = `${this.#settings.folder}/policy.txt`;
    await this.#io.files.write(path, encodeUtf8(lines.join("\n")));
    return path;
  }

  async #startHub(policy: string): Promise<void> {
    const { folder, httpPort, mqttPort, origin, blockSeconds, influxUrl } = this.#settings;
    const argv = ["hub", "run", "--data", `${folder}/hub`, "--policy", policy];
    argv.push("--http-port", String(httpPort), "--mqtt-port", String(mqttPort));
    if (origin !== undefined) argv.push("--origin", origin);
    if (blockSeconds !== undefined) argv.push("--block-seconds", String(blockSeconds));
    if (influxUrl !== undefined) argv.push("--influx-url", influxUrl);
    await this.#start("hub", argv).line(/^HTTP /);
  }

  async #startPeer(name: string, url: string, vkey: string): Promise<void> {
    const argv = ["peer", url, "--data", this.#peerFolder(name), "--vkey", vkey, "--http", "0"];
    await this.#start(`peer-${name}`, argv).line(/^HTTP /);
  }

  async #startBoards(): Promise<Board[]> {
    const argv = ["sim", "--scenario", SCENARIO, "--json"];
    if (this.#settings.seed !== undefined) argv.push("--seed", this.#settings.seed);
    const sim = this.#start("sim", argv);
    await sim.line(/"event":"ready"/);
    return sim.lines
      .map((line) => JSON.parse(line) as { event: string } & Board)
      .filter(({ event }) => event === "listening");
  }

  /** Makes settings for each board, enrols the keys that the hub does not know, and runs all agents in one process. */
  async #startAgents(
    boards: readonly Board[],
    hub: { url: string; vkey: string; policy: string },
  ): Promise<void> {
    const known = await this.#command(runHub, ["devices", "--json", "--data", this.#hubFolder]);
    const devices = JSON.parse(known) as { name: string; isRevoked: boolean }[];
    const names = new Set(devices.filter(({ isRevoked }) => !isRevoked).map(({ name }) => name));
    const files: string[] = [];
    for (const board of boards) {
      const request = await this.#makeDevice(board, hub);
      files.push(`${this.#edgeFolder(board.name)}/edge.toml`);
      if (!names.has(board.name)) {
        await this.#command(runHub, ["enrol", request, "--data", this.#hubFolder]);
      }
    }
    const agents = this.#start("edge", ["edge", "run", ...files, ...HURRY]);
    await agents.line(new RegExp(`^${boards.at(-1)!.name} runs`));
  }

  /** Settings are made anew each time, since boards get other ports; the device's key and outbox stay. */
  async #makeDevice(
    board: Board,
    hub: { url: string; vkey: string; policy: string },
  ): Promise<string> {
    const folder = this.#edgeFolder(board.name);
    const driver = DRIVER_OF_BOARD[board.board];
    if (driver === undefined) throw new Error(`no driver for a board of kind ${board.board}`);
    await this.#io.files.remove(`${folder}/edge.toml`);
    const argv = ["init", "--name", board.name, "--hub", hub.url, "--folder", folder];
    argv.push("--vkey", hub.vkey, "--policy", hub.policy, "--yes");
    argv.push("--mqtt", `mqtt://127.0.0.1:${this.#settings.mqttPort}`);
    argv.push("--sensor", `${board.stream}:${driver}=${board.address}`);
    argv.push("--lat", String(board.lat), "--lon", String(board.lon), "--model", board.board);
    // However often a board speaks, its agent packs what it says for ten seconds, and of a receiver it keeps a fix a minute.
    const seconds = driver === "nmea" ? FIX_SECONDS : board.everySeconds;
    argv.push("--every-seconds", String(Math.max(PACK_SECONDS, Math.ceil(seconds))));
    if (driver === "nmea") argv.push("--moves");
    const said = await this.#command(runEdge, argv);
    const request = /kerbstone hub enrol (\S+)/.exec(said)?.[1];
    if (request === undefined) throw new Error(`edge init gave no enrolment request: ${said}`);
    return request;
  }

  /** Runs a command of ours in this process, as if it had been typed; gives what it printed. */
  async #command(
    run: (io: ProgramIo) => Promise<number>,
    argv: readonly string[],
  ): Promise<string> {
    let said = "";
    let complaint = "";
    const code = await exitCodeOf(run, {
      ...this.#io,
      argv,
      stdout: { write: (text) => (said += text) },
      stderr: { write: (text) => (complaint += text) },
    });
    if (code === 0) return said;
    const [sentence = "", ...hint] = complaint
      .replace(/^kerbstone: /, "")
      .trim()
      .split("\n");
    throw new UserError(sentence, { hint: hint.join("\n"), exitCode: code });
  }

  #start(name: string, argv: readonly string[]): ChildProgram {
    const child = new ChildProgram({ name, argv, logs: this.logs, clock: this.#io.clock });
    this.#children.push(child);
    return child;
  }

  get #hubFolder(): string {
    return `${this.#settings.folder}/hub`;
  }

  #peerFolder(name: string): string {
    return `${this.#settings.folder}/peer-${name}`;
  }

  #edgeFolder(name: string): string {
    return `${this.#settings.folder}/edge/${name}`;
  }
}
