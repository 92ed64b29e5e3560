/** Peers as programs, over several starts, and the policy by which a hub and its devices count them. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Fork } from "../../hub/peer/fork-store.ts";
import { kerbstone, startKerbstone } from "./kerbstone.ts";
import { freePort } from "./ports.ts";
import type { Exit, Running } from "./process.ts";
import type { Scope } from "./scope.ts";

/** What a peer says of itself at its address. */
export interface PeerStatus {
  readonly size: number;
  readonly cosignedSize: number | null;
  readonly forks: number;
  readonly newestRound: { readonly kind: string; readonly text?: string } | null;
}

/** One peer. `make` once, then `start`, and `stop` or `kill`, as often as wanted. */
export class PeerProgram {
  readonly name: string;
  readonly folder: string;
  /** The key with which it says: I hold all of it. */
  readonly mirrorVkey: string;
  /** Its own address, with a slash at its end. */
  readonly url: string;
  readonly #scope: Scope;
  readonly #port: number;
  #running: Running | undefined;

  private constructor(
    scope: Scope,
    own: Pick<PeerProgram, "name" | "folder" | "mirrorVkey">,
    port: number,
  ) {
    this.#scope = scope;
    this.name = own.name;
    this.folder = own.folder;
    this.mirrorVkey = own.mirrorVkey;
    this.#port = port;
    this.url = `http://127.0.0.1:${port}/`;
  }

  /** Makes a peer's keys. */
  static async make(scope: Scope, name: string): Promise<PeerProgram> {
    const folder = join(await scope.folder("peer"), name);
    const argv = ["peer", "--keys", "--data", folder, "--name", `${name}.kerbstone.test`];
    const said = await kerbstone(scope, argv);
    const mirrorVkey = /^mirror\s+(\S+)$/m.exec(said)?.[1];
    if (mirrorVkey === undefined) throw new Error(`peer --keys gave no key:\n${said}`);
    return new PeerProgram(scope, { name, folder, mirrorVkey }, await freePort());
  }

  /** The folder of its copy. */
  get log(): string {
    return join(this.folder, "log");
  }

  get running(): Running {
    if (this.#running === undefined) throw new Error("the peer was never started");
    return this.#running;
  }

  /** Follows the log at `url`, looking every second, and waits until it serves its own copy. */
  async start(url: string, vkey: string): Promise<void> {
    const argv = ["peer", url, "--data", this.folder, "--vkey", vkey, "--every", "1"];
    argv.push("--http", String(this.#port));
    this.#running = await startKerbstone(this.#scope, argv);
    await this.#running.output(/^HTTP /m);
  }

  /** Asks it to end, and expects that it does so of its own accord. */
  async stop(): Promise<void> {
    const exit = await this.running.stop();
    if (exit.code !== 0) {
      throw new Error(`the peer ended badly:\n${this.running.stderr.slice(-2000)}`);
    }
  }

  /** Ends it as a power cut would. */
  kill(): Promise<Exit> {
    return this.running.kill();
  }

  async status(): Promise<PeerStatus> {
    return (await (await fetch(this.url)).json()) as PeerStatus;
  }

  /** What it keeps against its log. */
  async forks(): Promise<readonly Fork[]> {
    const reply = await fetch(new URL("forks", this.url));
    return ((await reply.json()) as { forks: Fork[] }).forks;
  }
}

/** Writes a policy under which all of the peers must have cosigned, each with its address; gives the file's path. */
export async function writePolicy(
  folder: string,
  vkey: string,
  peers: readonly PeerProgram[],
): Promise<string> {
  const lines = [
    `log ${vkey}`,
    ...peers.map(({ name, mirrorVkey, url }) => `witness ${name} ${mirrorVkey} ${url}`),
    `group everybody all ${peers.map(({ name }) => name).join(" ")}`,
    "quorum everybody",
  ];
  const path = join(folder, "policy.txt");
  await writeFile(path, `${lines.join("\n")}\n`);
  return path;
}
