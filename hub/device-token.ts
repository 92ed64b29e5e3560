/**
 * A device's token: a JWT (RFC 7519, 8037) signed by its live key (docs/formats.md, section 10).
 *
 * Proves that whoever shows it holds the device's key now. The same token opens MQTT and the channel of live pictures
 * (docs/preview.md), and is judged here for both.
 */

import { decodeJwt, errors, jwtVerify } from "jose";
import { encodeBase64Url } from "../ledger/bytes.ts";
import { isName } from "../ledger/name.ts";
import type { KeyState } from "../ledger/registry.ts";

/** Against what a token is checked. */
export interface TokenRules {
  /** What the token must name as its audience. */
  readonly origin: string;
  readonly nowMs: number;
  /** The live key of a name. */
  liveKey(name: string): KeyState | undefined;
}

/** Why a token is not taken. `text` is for the hub's log only. */
export interface TokenFault {
  readonly fault: "no-device" | "bad-token";
  readonly text: string;
}

/** `exp` lies at most this far after `iat`. */
export const TOKEN_SECONDS_MAX = 3600;
/** How far the device's clock may be off. */
export const TOKEN_TOLERANCE_SECONDS = 300;

export const TOKEN_BYTES_MAX = 2048;

/** Checks the token of a device, as its bytes came; gives the device's live key. */
export async function checkDeviceToken(
  device: string,
  token: Uint8Array | undefined,
  rules: TokenRules,
): Promise<KeyState | TokenFault> {
  const key = rules.liveKey(device);
  if (key?.role !== "device") {
    return { fault: "no-device", text: "no device of this name is enrolled" };
  }
  if (token === undefined || token.length === 0 || token.length > TOKEN_BYTES_MAX) {
    return { fault: "bad-token", text: "the password is no token" };
  }
  const text = await tokenFault(token, key, rules);
  return text === undefined ? key : { fault: "bad-token", text };
}

/** Reads whose token a text claims to be, for where nothing else says it. Says nothing of whether that is true. */
export function claimedDevice(token: string): string | undefined {
  if (token.length > TOKEN_BYTES_MAX) return undefined;
  try {
    const { sub } = decodeJwt(token);
    return isName(sub) ? sub : undefined;
  } catch {
    return undefined;
  }
}

async function tokenFault(
  token: Uint8Array,
  key: KeyState,
  rules: TokenRules,
): Promise<string | undefined> {
  const jwk = { kty: "OKP", crv: "Ed25519", x: encodeBase64Url(key.publicKey), alg: "EdDSA" };
  try {
    const { payload, protectedHeader } = await jwtVerify(token, jwk, {
      algorithms: ["EdDSA"],
      audience: rules.origin,
      subject: key.name,
      requiredClaims: ["exp"],
      maxTokenAge: TOKEN_SECONDS_MAX,
      clockTolerance: TOKEN_TOLERANCE_SECONDS,
      currentDate: new Date(rules.nowMs),
    });
    if (protectedHeader.kid !== key.kid) return "the token names another key";
    const lifeSeconds = payload.exp! - payload.iat!;
    return lifeSeconds <= TOKEN_SECONDS_MAX ? undefined : "the token lives longer than an hour";
  } catch (error) {
    if (error instanceof errors.JOSEError) return `token: ${error.message}`;
    // Bytes that are no token at all come out of the library as its TypeErrors and SyntaxErrors.
    return "the password is no token";
  }
}
