/**
 * `kerbstone peer`: copies a log, checks all of it, serves the copy and countersigns (docs/operations.md).
 */

import { resolve } from "node:path";
import { decodeUtf8 } from "../../ledger/bytes.ts";
import { parseVkey } from "../../ledger/note.ts";
import type { Vkey } from "../../ledger/note.ts";
import { Fault } from "../../ledger/fault.ts";
import { logVkeys } from "../../ledger/log-keys.ts";
import { formatHelp, parseFlags } from "../../platform/command-line.ts";
import { lockFolder } from "../../platform/folder-lock.ts";
import { HttpClient } from "../../platform/http-client.ts";
import { Shutdown } from "../../platform/lifecycle.ts";
import type { ProgramIo } from "../../platform/lifecycle.ts";
import { pinoLogger } from "../../platform/log.ts";
import type { Logger } from "../../platform/log.ts";
import { httpSource } from "../../platform/log-source.ts";
import { fastestVerify } from "../../platform/native-verify.ts";
import { UserError } from "../../platform/user-error.ts";
import { VerifyPool } from "../../platform/verify-pool.ts";
import { ForkStore } from "./fork-store.ts";
import { Mirror } from "./mirror.ts";
import { Peer } from "./peer.ts";
import type { CosignatureSink, RoundOutcome } from "./peer.ts";
import { openPeerKeys } from "./peer-keys.ts";
import type { PeerKeys } from "./peer-keys.ts";
import { peerServer } from "./server.ts";
import { WitnessDesk } from "./witness-desk.ts";

const SPEC = {
  usage: "kerbstone peer <url> --data DIR [--name NAME] [--vkey VKEY] [--http PORT]",
  about:
    "Follows the log at <url>: copies it, admits every entry again, recomputes every root, keeps and serves the copy, and cosigns what holds. With --keys it only makes its keys and prints them.",
  flags: {
    data: { type: "text", value: "DIR", about: "the peer's folder (peer-data)" },
    name: { type: "text", value: "NAME", about: "its name as a cosigner, a URL without scheme" },
    vkey: {
      type: "text",
      value: "VKEY",
      about: "the log's key; else the first that is seen is trusted",
    },
    http: { type: "text", value: "PORT", about: "port of its own server; 0 for any (7080)" },
    host: { type: "text", value: "ADDRESS", about: "address of its own server (127.0.0.1)" },
    every: {
      type: "text",
      value: "SECONDS",
      about: "pause between rounds (a quarter of a block, at most 60)",
    },
    threads: { type: "text", value: "N", about: "threads that check signatures (1)" },
    once: {
      type: "switch",
      about: "stops after one round; exit code 0 if it cosigned or nothing is new",
    },
    keys: { type: "switch", about: "makes the keys if there are none, prints them and stops" },
  },
  positionals: { min: 0, max: 1, about: "the address of the log" },
} as const;

/** Runs `kerbstone peer …` until it is asked to stop. */
export async function run(io: ProgramIo): Promise<number> {
  const { flags, positionals, help } = parseFlags(io.argv, SPEC);
  if (help) {
    io.stdout.write(formatHelp(SPEC));
    return 0;
  }
  const folder = resolve(io.cwd, flags.data ?? "peer-data");
  const keys = await openPeerKeys(io, folder, flags.name);
  if (flags.keys) {
    io.stdout.write(`mirror  ${keys.mirrorVkey}\nwitness ${keys.witnessVkey}\n`);
    return 0;
  }
  const url = positionals[0];
  if (url === undefined || !/^https?:\/\/\S+$/.test(url)) {
    throw new UserError("Expected the address of the log to follow.", {
      hint: `Usage: ${SPEC.usage}\nExample: kerbstone peer https://sensors.example.org --data peer-data`,
    });
  }
  const logger = pinoLogger("peer", "info", { write: (line) => void io.stderr.write(line) });
  const shutdown = new Shutdown({ signal: io.signal, clock: io.clock, logger });
  try {
    const settings: PeerSettings = {
      url,
      folder,
      keys,
      vkey: pinned(flags.vkey),
      host: flags.host ?? "127.0.0.1",
      port: whole(flags.http, "--http", 7080),
      everyMs: flags.every === undefined ? undefined : whole(flags.every, "--every", 0) * 1000,
      threads: whole(flags.threads, "--threads", 1),
      once: flags.once,
    };
    return await follow(io, settings, logger, shutdown);
  } finally {
    await shutdown.stop();
  }
}

interface PeerSettings {
  readonly url: string;
  readonly folder: string;
  readonly keys: PeerKeys;
  readonly vkey: Vkey | undefined;
  readonly host: string;
  readonly port: number;
  readonly everyMs: number | undefined;
  readonly threads: number;
  readonly once: boolean;
}

/** Starts all parts, runs rounds, and gives the exit code. */
async function follow(
  io: ProgramIo,
  settings: PeerSettings,
  logger: Logger,
  shutdown: Shutdown,
): Promise<number> {
  const { files, clock, random } = io;
  const { url, folder, keys, vkey } = settings;
  const lock = await lockFolder(folder);
  shutdown.add("folder lock", () => lock.release());
  const pool = new VerifyPool(settings.threads);
  shutdown.add("verify workers", () => pool.close());
  const client = new HttpClient({ clock, random });
  const verify = fastestVerify;
  const mirror = await Mirror.open({ files, folder, verify, verifyMany: pool.verify.bind(pool) });
  const forks = await ForkStore.open(files, `${folder}/forks`);
  const source = httpSource(url, client, shutdown.signal);
  const sink = httpSink(url, client, shutdown.signal);
  const common = { files, verify, clock, name: keys.name };
  const peer = await Peer.open({
    ...common,
    source,
    sink,
    mirror,
    forks,
    folder,
    logger,
    mirrorKey: keys.mirror,
    vkey,
  });
  const witness = await WitnessDesk.open({
    ...common,
    folder: `${folder}/witness`,
    key: keys.witness,
    forks,
    // Only the live key: what a replaced one signs now is no word of the log.
    logKeys: (origin) =>
      logVkeys(mirror.state)
        .slice(-1)
        .filter((key) => key.name === origin),
  });
  const rounds = new Rounds(peer, clock, logger);
  if (settings.once) {
    await rounds.run();
    return rounds.exitCode;
  }
  const app = peerServer({
    name: keys.name,
    peer,
    mirror,
    forks,
    witness,
    newest: () => rounds.newest,
  });
  const address = await app.listen({ host: settings.host, port: settings.port });
  shutdown.add("HTTP port", () => app.close());
  io.stdout.write(`Peer ${keys.name} follows ${url}\nmirror  ${keys.mirrorVkey}\n`);
  io.stdout.write(`HTTP ${new URL(address).origin}\n`);
  while (!shutdown.signal.aborted) {
    await rounds.run();
    const blockMs = (mirror.state.blockSeconds || 4) * 1000;
    const pauseMs = settings.everyMs ?? Math.min(blockMs / 4, 60_000);
    // Jitter keeps the peers of one hub from asking all at once.
    const pause = clock.sleep(pauseMs * (0.75 + random.unit() / 2), shutdown.signal);
    await pause.catch(() => undefined);
  }
  return 0;
}

/** Runs rounds and tells of every change in how they end. */
class Rounds {
  newest: { readonly outcome: RoundOutcome; readonly atMs: number } | undefined;
  readonly #peer: Peer;
  readonly #clock: ProgramIo["clock"];
  readonly #logger: Logger;

  constructor(peer: Peer, clock: ProgramIo["clock"], logger: Logger) {
    this.#peer = peer;
    this.#clock = clock;
    this.#logger = logger;
  }

  async run(): Promise<RoundOutcome> {
    const before = this.newest?.outcome.kind;
    const outcome = await this.#peer.round();
    this.newest = { outcome, atMs: this.#clock.nowMs() };
    if (outcome.kind === "cosigned") this.#logger.info({ size: outcome.size }, "cosigned");
    else if (outcome.kind === "checked") {
      this.#logger.info({ size: outcome.size }, outcome.kind === before ? "checked" : outcome.text);
    } else if (outcome.kind !== "idle" && outcome.kind !== before) {
      this.#logger.warn({ outcome: outcome.kind }, outcome.text);
    }
    return outcome;
  }

  /** 0 when the newest round found nothing wrong, 1 when it would not cosign, 2 when it could not look. */
  get exitCode(): number {
    const kind = this.newest?.outcome.kind;
    if (kind === "cosigned" || kind === "checked" || kind === "idle") return 0;
    return kind === "unreadable" ? 2 : 1;
  }
}

function httpSink(url: string, client: HttpClient, signal: AbortSignal): CosignatureSink {
  const address = new URL("cosignatures", url.endsWith("/") ? url : `${url}/`).href;
  return {
    send: async (body) => {
      const headers = { "content-type": "text/plain; charset=utf-8" };
      const reply = await client.post(address, { body, headers, signal, repeatable: true });
      return { status: reply.status, text: decodeUtf8(reply.body) ?? "" };
    },
  };
}

function pinned(text: string | undefined): Vkey | undefined {
  if (text === undefined) return undefined;
  const vkey = parseVkey(text);
  if (vkey instanceof Fault) throw new UserError(`--vkey: ${vkey.text}`);
  return vkey;
}

function whole(text: string | undefined, flag: string, standard: number): number {
  if (text === undefined) return standard;
  if (/^\d{1,6}$/.test(text)) return Number(text);
  throw new UserError(`${flag} needs a whole number, not "${text}".`);
}
