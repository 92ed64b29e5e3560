/**
 * SCRAPI: statements come in by HTTP, receipts go out (docs/formats.md, section 12).
 *
 * The way in for registrars and owners, and for any device that prefers it to MQTT. What is decided, and in which order,
 * is admission's matter: a statement that comes here passes the same pipeline as one from the broker.
 */

import { Buffer } from "node:buffer";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { decodeBase64Url, decodeHex, encodeHex } from "../../ledger/bytes.ts";
import { encodeCbor } from "../../ledger/cbor.ts";
import type { CborMap, CborValue } from "../../ledger/cbor.ts";
import type { Refusal } from "../../ledger/errors.ts";
import { encodeCoseKey } from "../../ledger/key.ts";
import { PAIR_BYTES_MAX, STATEMENT_BYTES_MAX } from "../../ledger/limits.ts";
import type { KeyState } from "../../ledger/registry.ts";
import { asHash, HASH_BYTES } from "../../ledger/sha256.ts";
import type { Hash } from "../../ledger/sha256.ts";
import { ALG_ED25519 } from "../../ledger/statement.ts";
import type { Clock } from "../../platform/clock.ts";
import type { AdmissionPipeline } from "../admission/pipeline.ts";
import type { Decision, HubLog } from "../log.ts";
import { encodeProblem, Problem, PROBLEM_CBOR, statusOfRefusal } from "./problem.ts";
import type { Proofs } from "./proofs.ts";

/** What SCRAPI works with. */
export interface ScrapiParts {
  readonly log: HubLog;
  readonly pipeline: Pick<AdmissionPipeline, "submit" | "isBusy">;
  readonly proofs: Proofs;
  readonly clock: Clock;
}

const COSE = "application/cose";
const CBOR = "application/cbor";

/** How long a decision may take before the sender is asked to come again: a repeated statement does no harm. */
const DECISION_MS_MAX = 30_000;

/** Statements waiting for their decision that came by HTTP; beyond, senders are asked to come again. */
const WAITING_MAX = 256;

/** Adds the routes. Bodies are bytes, whatever their type says. */
export function serveScrapi(app: FastifyInstance, parts: ScrapiParts): void {
  const { log, proofs } = parts;
  app.get("/.well-known/scitt-keys", (_request, reply) =>
    reply.type("application/cose-key-set").send(bufferOf(encodeCbor(hubKeys(log).map(coseKey)))),
  );
  app.get<{ Params: { kid: string } }>("/.well-known/scitt-keys/:kid", (request, reply) => {
    const kid = decodeBase64Url(request.params.kid);
    const key = hubKeys(log).find((each) => kid !== undefined && each.kid === encodeHex(kid));
    if (key === undefined) return refuse(reply, 404, "not-found", "the log has no such key");
    return reply.type("application/cose-key").send(bufferOf(encodeCbor(coseKey(key))));
  });
  const desk = new Desk(parts);
  app.post("/entries", (request, reply) => desk.take(request, reply));
  app.get<{ Params: { hash: string } }>("/entries/:hash", async (request, reply) => {
    const bytes = decodeHex(request.params.hash);
    const index = bytes?.length === HASH_BYTES ? log.findByHash(asHash(bytes)) : undefined;
    if (index === undefined) return refuse(reply, 404, "not-found", "the log has no such entry");
    const receipt = await proofs.receipt(index);
    if (!(receipt instanceof Problem)) return reply.type(COSE).send(bufferOf(receipt));
    const seconds = receipt.retryAfterSeconds ?? proofs.sealDueSeconds();
    const location = `/entries/${request.params.hash}`;
    return reply.code(302).header("location", location).header("retry-after", seconds).send();
  });
}

/** Takes statements in. */
class Desk {
  readonly #parts: ScrapiParts;
  #waiting = 0;

  constructor(parts: ScrapiParts) {
    this.#parts = parts;
  }

  async take(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    const type = request.headers["content-type"]?.split(";")[0]?.trim().toLowerCase();
    if (type !== COSE && type !== CBOR) {
      return refuse(reply, 415, "unsupported", `expected ${COSE} or ${CBOR}`);
    }
    const body = request.body instanceof Uint8Array ? request.body : new Uint8Array(0);
    const bytesMax = type === COSE ? STATEMENT_BYTES_MAX : PAIR_BYTES_MAX;
    if (body.length > bytesMax) {
      return refuse(reply, 413, "too-large", `at most ${bytesMax} bytes are taken as ${type}`);
    }
    if (this.#parts.pipeline.isBusy || this.#waiting >= WAITING_MAX) {
      return refuse(reply.header("retry-after", 1), 429, "quota", "too much is waiting already");
    }
    this.#waiting += 1;
    try {
      return await this.#answer(reply, await this.#decide(body));
    } finally {
      this.#waiting -= 1;
    }
  }

  /** Waits for the decision; `undefined` where it does not come in time. */
  #decide(body: Uint8Array): Promise<{ decision: Decision; hash: Hash } | undefined> {
    const { pipeline, clock } = this.#parts;
    return new Promise((resolve) => {
      const cancel = clock.after(DECISION_MS_MAX, () => resolve(undefined));
      // A copy, since the pipeline keeps what it is given.
      pipeline.submit(undefined, new Uint8Array(body), (decision, hash) => {
        cancel();
        resolve({ decision, hash });
      });
    });
  }

  async #answer(
    reply: FastifyReply,
    decided: { decision: Decision; hash: Hash } | undefined,
  ): Promise<FastifyReply> {
    if (decided === undefined) {
      const text = "no decision yet: send the same statement again";
      return refuse(reply.header("retry-after", 5), 503, "busy", text);
    }
    const { decision, hash } = decided;
    if (decision.kind === "refused" || decision.kind === "equivocation") {
      const { refusal } = decision;
      return refuse(reply, statusOfRefusal(refusal), refusal.code, refusal.text);
    }
    const index = decision.kind === "accepted" ? decision.entry.index : decision.index;
    const receipt = await this.#parts.proofs.receipt(index);
    reply.header("location", `/entries/${encodeHex(hash)}`);
    if (!(receipt instanceof Problem)) return reply.code(201).type(COSE).send(bufferOf(receipt));
    const seconds = receipt.retryAfterSeconds ?? this.#parts.proofs.sealDueSeconds();
    return reply.code(303).header("retry-after", seconds).send();
  }
}

/** Answers with a problem in CBOR. `title` is a refusal code wherever there is one. */
function refuse(reply: FastifyReply, status: number, title: string, text: string): FastifyReply {
  return reply
    .code(status)
    .type(PROBLEM_CBOR)
    .send(bufferOf(encodeProblem(title, text)));
}

/** Answers a refusal that another part of the server has come to. */
export function sendRefusal(reply: FastifyReply, refusal: Refusal): FastifyReply {
  return refuse(reply, statusOfRefusal(refusal), refusal.code, refusal.text);
}

function hubKeys(log: HubLog): KeyState[] {
  return [...log.state.registry.all()].filter(({ role }) => role === "hub");
}

const LABEL_KID = 2;
const LABEL_ALG = 3;

function coseKey({ publicKey, kid }: KeyState): CborMap {
  const key = new Map<string | number, CborValue>(encodeCoseKey(publicKey));
  return key.set(LABEL_KID, decodeHex(kid)!).set(LABEL_ALG, ALG_ED25519);
}

function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}
