/**
 * Logging in to a camera: what it asks for with a 401, and what is answered (Digest by RFC 2617 and RFC 7616, Basic by
 * RFC 7617).
 *
 * Digest does not show the password, Basic does; so Basic is used only where the caller allows it. Of several Digest
 * challenges the first that is understood and has the strongest hash is taken. Pure but for the chance of `cnonce`.
 */

import { createHash } from "node:crypto";
import { encodeBase64, encodeHex, encodeUtf8 } from "../../../ledger/bytes.ts";
import type { Random } from "../../../platform/random.ts";

/** Who logs in. */
export interface Credentials {
  /** Printable ASCII. */
  readonly username: string;
  readonly password: string;
}

/** One way to log in that a camera offers. */
export type Challenge =
  | { readonly scheme: "basic"; readonly realm: string }
  | {
      readonly scheme: "digest";
      readonly realm: string;
      readonly nonce: string;
      readonly opaque: string | undefined;
      readonly algorithm: DigestAlgorithm;
      /** Whether `qop=auth` is offered; without it the form of RFC 2069 is used. */
      readonly hasQop: boolean;
      /** The nonce before was too old, and nothing else was wrong. */
      readonly isStale: boolean;
    };

/** The best first. */
export const DIGEST_ALGORITHMS = ["SHA-256-sess", "SHA-256", "MD5-sess", "MD5"] as const;

export type DigestAlgorithm = (typeof DIGEST_ALGORITHMS)[number];

type DigestChallenge = Extract<Challenge, { scheme: "digest" }>;

/** Reads the `WWW-Authenticate` headers of an answer; leaves out what is not understood. */
export function parseChallenges(values: readonly string[]): Challenge[] {
  return values.flatMap((value) => {
    const groups = /^\s*(?<scheme>[A-Za-z]+)\s+(?<rest>.*)$/s.exec(value)?.groups;
    const fields = fieldsOf(groups?.["rest"] ?? "");
    const realm = fields.get("realm") ?? "";
    switch (groups?.["scheme"]?.toLowerCase()) {
      case "basic":
        return [{ scheme: "basic", realm }];
      case "digest":
        return digestChallenge(fields, realm);
      default:
        return [];
    }
  });
}

/** What an answer to a digest challenge is made of, besides the credentials. */
export interface DigestUse {
  readonly method: string;
  /** As it stands in the request. */
  readonly url: string;
  /** How often the nonce was used, this time included. */
  readonly count: number;
  readonly cnonce: string;
}

/** The value of `response` (RFC 7616, 3.4.1), in hex. */
export function digestResponse(
  challenge: DigestChallenge,
  { username, password }: Credentials,
  { method, url, count, cnonce }: DigestUse,
): string {
  const { algorithm, realm, nonce, hasQop } = challenge;
  const hash = (text: string): string =>
    encodeHex(
      createHash(algorithm.startsWith("MD5") ? "md5" : "sha256")
        .update(text)
        .digest(),
    );
  const secret = hash(`${username}:${realm}:${password}`);
  const ha1 = algorithm.endsWith("-sess") ? hash(`${secret}:${nonce}:${cnonce}`) : secret;
  const ha2 = hash(`${method}:${url}`);
  const middle = hasQop ? `${nonce}:${countText(count)}:${cnonce}:auth` : nonce;
  return hash(`${ha1}:${middle}:${ha2}`);
}

/** What trying again after a 401 promises. */
export type LoginHope =
  | "try-again"
  /** The camera has seen the credentials and does not want them. */
  | "refused"
  /** It wants some, and there are none. */
  | "none-given"
  /** It takes the password in clear only, and that is not allowed. */
  | "only-basic"
  /** It offers nothing that is understood here. */
  | "unknown-scheme";

/** What a login is made of. */
export interface LoginParts {
  readonly credentials: Credentials | undefined;
  /** Whether the password may be shown to whoever answers: over TLS, or because somebody said so. */
  readonly mayUseBasic: boolean;
  readonly random: Random;
}

const CNONCE_BYTES = 16;

/** One connection's login: remembers the challenge, so that only the first request is asked for it. */
export class CameraLogin {
  private readonly parts: LoginParts;
  private challenge: Challenge | undefined;
  private count = 0;

  constructor(parts: LoginParts) {
    this.parts = parts;
  }

  /** The value of `Authorization` for a request; `undefined` while the camera has not asked for one. */
  authorize(method: string, url: string): string | undefined {
    const { challenge } = this;
    const { credentials, random } = this.parts;
    if (challenge === undefined || credentials === undefined) return undefined;
    if (challenge.scheme === "basic") {
      return `Basic ${encodeBase64(encodeUtf8(`${credentials.username}:${credentials.password}`))}`;
    }
    this.count += 1;
    const cnonce = encodeHex(random.bytes(CNONCE_BYTES));
    return formatDigest(challenge, credentials, { method, url, count: this.count, cnonce });
  }

  /** Takes the challenges of a 401; `hadAnswer` says whether its request bore an answer to an earlier one. */
  hear(values: readonly string[], hadAnswer: boolean): LoginHope {
    const { credentials, mayUseBasic } = this.parts;
    const best = bestOf(parseChallenges(values));
    if (credentials === undefined) return "none-given";
    if (best === undefined) return "unknown-scheme";
    if (best.scheme === "basic" && !mayUseBasic) return "only-basic";
    if (hadAnswer && !isFresh(best, this.challenge)) return "refused";
    this.challenge = best;
    this.count = 0;
    return "try-again";
  }
}

function bestOf(offered: readonly Challenge[]): Challenge | undefined {
  for (const algorithm of DIGEST_ALGORITHMS) {
    const found = offered.find((one) => one.scheme === "digest" && one.algorithm === algorithm);
    if (found) return found;
  }
  return offered.find(({ scheme }) => scheme === "basic");
}

/** Whether a second challenge is about the nonce alone: said so, or, where cameras forget to, a new one. */
function isFresh(next: Challenge, before: Challenge | undefined): boolean {
  if (next.scheme !== "digest" || before?.scheme !== "digest") return false;
  return next.isStale || next.nonce !== before.nonce;
}

function formatDigest(
  challenge: DigestChallenge,
  credentials: Credentials,
  use: DigestUse,
): string {
  const { realm, nonce, opaque, algorithm, hasQop } = challenge;
  const hasCnonce = hasQop || algorithm.endsWith("-sess");
  return `Digest ${[
    `username=${quote(credentials.username)}`,
    `realm=${quote(realm)}`,
    `nonce=${quote(nonce)}`,
    `uri=${quote(use.url)}`,
    `response="${digestResponse(challenge, credentials, use)}"`,
    // Cameras that know MD5 only may not know the word either.
    ...(algorithm === "MD5" ? [] : [`algorithm=${algorithm}`]),
    ...(opaque === undefined ? [] : [`opaque=${quote(opaque)}`]),
    ...(hasQop ? [`qop=auth`, `nc=${countText(use.count)}`] : []),
    ...(hasCnonce ? [`cnonce="${use.cnonce}"`] : []),
  ].join(", ")}`;
}

function digestChallenge(fields: ReadonlyMap<string, string>, realm: string): Challenge[] {
  const nonce = fields.get("nonce");
  const named = fields.get("algorithm") ?? "MD5";
  const algorithm = DIGEST_ALGORITHMS.find((one) => one.toLowerCase() === named.toLowerCase());
  const qops = fields
    .get("qop")
    ?.split(",")
    .map((qop) => qop.trim().toLowerCase());
  if (nonce === undefined || algorithm === undefined) return [];
  // `auth-int` alone would want a hash of each body.
  if (qops !== undefined && !qops.includes("auth")) return [];
  return [
    {
      scheme: "digest",
      realm,
      nonce,
      opaque: fields.get("opaque"),
      algorithm,
      hasQop: qops !== undefined,
      isStale: fields.get("stale")?.toLowerCase() === "true",
    },
  ];
}

/** `name=value` and `name="value"`, with commas between. */
function fieldsOf(text: string): Map<string, string> {
  const fields = new Map<string, string>();
  for (const match of text.matchAll(/([\w-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,]*))/g)) {
    const [, name = "", quoted, plain = ""] = match;
    fields.set(name.toLowerCase(), quoted?.replaceAll(/\\(.)/g, "$1") ?? plain);
  }
  return fields;
}

function quote(text: string): string {
  return `"${text.replaceAll(/["\\]/g, "\\$&")}"`;
}

function countText(count: number): string {
  return count.toString(16).padStart(8, "0");
}
