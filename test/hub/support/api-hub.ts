/** A whole hub with its HTTP port: real log over a disk in memory, real projections, and three peers that may cosign. */

import { Buffer } from "node:buffer";
import { request as httpRequest } from "node:http";
import type { IncomingHttpHeaders } from "node:http";
import { Cosigning } from "../../../hub/cosigning.ts";
import { Hub } from "../../../hub/hub.ts";
import { HubLog } from "../../../hub/log.ts";
import { HubMetrics } from "../../../hub/metrics.ts";
import { HubServices } from "../../../hub/services.ts";
import type { ServicesParts } from "../../../hub/services.ts";
import { timedFiles } from "../../../hub/timed-files.ts";
import { MemoryEntryIndex } from "../../../hub/store/memory-entry-index.ts";
import { encodeUtf8 } from "../../../ledger/bytes.ts";
import { parseCheckpoint } from "../../../ledger/checkpoint.ts";
import { cosign } from "../../../ledger/cosignature.ts";
import { Fault } from "../../../ledger/fault.ts";
import { provePossession } from "../../../ledger/kinds/possession.ts";
import { formatNote, formatVkey, TYPE_COSIGNATURE, vkeyOf } from "../../../ledger/note.ts";
import { parsePolicy } from "../../../ledger/policy.ts";
import { encodePack } from "../../../ledger/senml.ts";
import type { Reading } from "../../../ledger/senml.ts";
import { sha256 } from "../../../ledger/sha256.ts";
import { nobleSigner } from "../../../ledger/signature.ts";
import { signStatement } from "../../../ledger/statement.ts";
import type { Draft, Statement } from "../../../ledger/statement.ts";
import { systemClock } from "../../../platform/clock.ts";
import { silentLogger } from "../../../platform/log.ts";
import { MemoryFiles } from "../../../platform/memory-files.ts";
import { fastestVerify } from "../../../platform/native-verify.ts";
import { seededRandom } from "../../../platform/random.ts";
import type { Scope } from "../../support/scope.ts";
import { ORIGIN, testDevice } from "./devices.ts";
import { accepted } from "./log-bench.ts";
import { enrolment, secondsOf } from "./log-maker.ts";

export const FOLDER = "/data";
const hubSigner = nobleSigner(new Uint8Array(32).fill(3));

/** Two of these three make the quorum. */
export const PEERS = ["gwent", "cardiff", "usk"] as const;

export const registrar = nobleSigner(sha256(encodeUtf8("registrar")));

/** What a test may want otherwise. */
export interface ApiHubChanges extends Partial<ServicesParts> {
  /** Whether there is a policy; there is one unless said otherwise. */
  readonly hasPolicy?: boolean;
  /** Whether genesis names a registrar, so that the hub may not enrol. */
  readonly hasRegistrar?: boolean;
}

/** An answer, as bytes. */
export interface HttpAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Uint8Array;
  readonly text: string;
}

/** See the head of the file. */
export class ApiHub {
  readonly hub: Hub;
  readonly log: HubLog;
  readonly files: MemoryFiles;
  readonly services: HubServices;
  readonly port: number;
  readonly policyText: string;

  private constructor(
    own: Pick<ApiHub, "hub" | "log" | "files" | "services" | "port" | "policyText">,
  ) {
    this.hub = own.hub;
    this.log = own.log;
    this.files = own.files;
    this.services = own.services;
    this.port = own.port;
    this.policyText = own.policyText;
  }

  /** Starts one. Blocks are sealed by the test. */
  static async start(scope: Scope, changes: ApiHubChanges = {}): Promise<ApiHub> {
    const { hasPolicy = true, hasRegistrar = false, ...rest } = changes;
    const files = new MemoryFiles();
    const clock = systemClock;
    const metrics = new HubMetrics(clock);
    const timed = timedFiles(files, clock, (seconds) => metrics.observeSync(seconds));
    const logger = silentLogger;
    const verify = fastestVerify;
    await files.makeFolder(FOLDER);
    const log = await HubLog.create({
      files: timed,
      folder: FOLDER,
      signer: hubSigner,
      verify,
      clock,
      logger,
      openIndex: async () => new MemoryEntryIndex(),
      origin: ORIGIN,
      blockSeconds: 3600,
      registrars: hasRegistrar ? [genesisRegistrar()] : [],
      hasQuorum: hasPolicy,
    });
    const policyText = policyOf(log);
    const policy = parsePolicy(policyText);
    if (policy instanceof Fault) throw new Error(policy.text);
    const cosigned = { log, policy, verify, files, folder: `${FOLDER}/cosigned`, logger };
    const cosigning = hasPolicy ? await Cosigning.open(cosigned) : undefined;
    const hub = await Hub.open({
      log,
      files: timed,
      folder: FOLDER,
      clock,
      logger,
      verify,
      cosigned: cosigning,
      onDecision: (decision) => metrics.countDecision(decision),
    });
    scope.defer(() => hub.close().catch(() => undefined));
    const services = await HubServices.open({
      hub,
      files,
      folder: FOLDER,
      indexPath: await scope.folder("index"),
      clock,
      random: seededRandom(5),
      logger,
      metrics,
      cosigning,
      page: new Map(),
      ...rest,
    });
    scope.defer(() => services.close());
    const port = await services.listen("127.0.0.1", 0);
    return new ApiHub({ hub, log, files, services, port, policyText });
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** Waits until the projections have taken all that is durable. */
  settled(): Promise<void> {
    return this.services.projections.settled(AbortSignal.timeout(20_000));
  }

  /** Enrols a device by the hub's own word. */
  async enrol(name: string): Promise<Measuring> {
    const device = testDevice(name);
    const payload = enrolment(device);
    const iat = secondsOf(systemClock.nowMs());
    const decision = this.log.submit({ kind: "enrol", stream: "registry", iat, payload });
    await this.log.durable();
    return new Measuring(this, name, accepted(decision).statement.hash);
  }

  /** Seals, and lets peers cosign. */
  async seal(...by: readonly string[]): Promise<void> {
    await this.log.seal();
    if (by.length > 0) await this.cosign(...by);
  }

  /** Peers fetch the pending checkpoint and hand in their lines. */
  async cosign(...by: readonly string[]): Promise<HttpAnswer> {
    const { text: note } = await this.get("/checkpoint/pending");
    const checkpoint = parseCheckpoint(note);
    if (checkpoint instanceof Fault) throw new Error(checkpoint.text);
    const lines = by.map((name) =>
      cosign(checkpoint.text, `peer.example/${name}`, peerSigner(name), secondsOf(Date.now())),
    );
    return this.post("/cosignatures", encodeUtf8(formatNote(checkpoint.text, lines)), "text/plain");
  }

  /** Asks as a browser would. */
  get(path: string, headers: Record<string, string> = {}): Promise<HttpAnswer> {
    return this.request("GET", path, { headers });
  }

  /** Asks for JSON, and expects it. */
  async json<T = Record<string, unknown>>(path: string): Promise<T> {
    const answer = await this.get(`/api/v1${path}`);
    if (answer.status !== 200) throw new Error(`${path}: ${answer.status} ${answer.text}`);
    return JSON.parse(answer.text) as T;
  }

  post(path: string, body: Uint8Array, contentType: string): Promise<HttpAnswer> {
    return this.request("POST", path, { body, headers: { "content-type": contentType } });
  }

  /** Sends a path as it stands: nothing is put right on the way. */
  request(
    method: string,
    path: string,
    { headers = {}, body }: { headers?: Record<string, string>; body?: Uint8Array } = {},
  ): Promise<HttpAnswer> {
    return new Promise((resolve, reject) => {
      const asked = httpRequest(
        { host: "127.0.0.1", port: this.port, method, path, headers, agent: false },
        (response) => {
          const chunks: Uint8Array[] = [];
          response.on("data", (chunk: Uint8Array) => chunks.push(chunk));
          response.on("error", reject);
          response.on("end", () => {
            const all = Buffer.concat(chunks);
            resolve({
              status: response.statusCode ?? 0,
              headers: response.headers,
              body: new Uint8Array(all),
              text: all.toString("utf8"),
            });
          });
        },
      );
      asked.on("error", reject);
      asked.end(body);
    });
  }
}

/** A device with its chain. */
export class Measuring {
  readonly #hub: ApiHub;
  readonly #name: string;
  #seq = 0;
  #prev: Statement["hash"];

  constructor(hub: ApiHub, name: string, enrolled: Statement["hash"]) {
    this.#hub = hub;
    this.#name = name;
    this.#prev = enrolled;
  }

  /** Signs a pack. */
  sign(readings: readonly Reading[]): Statement {
    const iat = secondsOf(Date.now());
    const payload = encodePack(this.#name, { lat: 51.59, lon: -2.99 }, readings, iat);
    return this.signDraft({ kind: "readings", stream: "main", iat, payload });
  }

  signDraft(draft: Draft): Statement {
    const chain = { issuer: this.#name, seq: this.#seq, prev: this.#prev };
    const statement = signStatement(chain, draft, testDevice(this.#name).signer);
    this.#seq += 1;
    this.#prev = statement.hash;
    return statement;
  }

  /** Says a pack, durably; gives its index. */
  async say(readings: readonly Reading[]): Promise<number> {
    const { log } = this.#hub;
    const { index } = accepted(log.decide(this.sign(readings)));
    await log.durable();
    return index;
  }
}

function peerSigner(name: string): ReturnType<typeof nobleSigner> {
  return nobleSigner(sha256(encodeUtf8(name)));
}

function policyOf(log: HubLog): string {
  const hub = formatVkey(vkeyOf(ORIGIN, 1, log.state.hub!.publicKey));
  const witnesses = PEERS.map((name) => {
    const key = peerSigner(name).publicKey;
    const vkey = formatVkey(vkeyOf(`peer.example/${name}`, TYPE_COSIGNATURE, key));
    return `witness ${name} ${vkey}`;
  });
  return [`log ${hub}`, ...witnesses, `group both 2 ${PEERS.join(" ")}`, "quorum both", ""].join(
    "\n",
  );
}

function genesisRegistrar(): { name: string; key: Uint8Array; pop: Uint8Array } {
  const pop = provePossession(ORIGIN, "council", "registrar", registrar);
  return { name: "council", key: registrar.publicKey, pop };
}
