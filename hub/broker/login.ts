/**
 * Login of a device at CONNECT (docs/formats.md, section 10): a JWT (RFC 7519, 8037) signed by its live key.
 *
 * Proves that whoever connects holds the device's key now. Says nothing of what is published afterwards: every
 * statement carries a signature of its own.
 */

import { errors, jwtVerify } from "jose";
import { encodeBase64Url } from "../../ledger/bytes.ts";
import { isName } from "../../ledger/name.ts";
import type { KeyState } from "../../ledger/registry.ts";
import { judgeWill } from "./topics.ts";
import type { Publication } from "./topics.ts";

/** What a CONNECT says, as far as login looks at it. All of it is the stranger's. */
export interface ConnectRequest {
  readonly clientId: string;
  readonly username: string | undefined;
  readonly password: Uint8Array | undefined;
  readonly isClean: boolean;
  readonly will: Publication | undefined;
}

/** Against what a login is checked. */
export interface LoginRules {
  /** What the token must name as its audience. */
  readonly origin: string;
  readonly nowMs: number;
  /** The live key of a name. */
  liveKey(name: string): KeyState | undefined;
}

/** Why a login fails. `returnCode` is the CONNACK's (MQTT 3.1.1, 3.2.2.3); `text` is for the hub's log only. */
export interface LoginFault {
  readonly returnCode: 2 | 4 | 5;
  readonly text: string;
}

/** `exp` lies at most this far after `iat`. */
export const TOKEN_SECONDS_MAX = 3600;
/** How far the device's clock may be off. */
export const TOKEN_TOLERANCE_SECONDS = 300;

const TOKEN_BYTES_MAX = 2048;

/** Checks a CONNECT; gives the live key of the device that logs in. */
export async function checkLogin(
  request: ConnectRequest,
  rules: LoginRules,
): Promise<KeyState | LoginFault> {
  const { clientId: device, password } = request;
  if (!isName(device)) return { returnCode: 2, text: "the client id is no name of a device" };
  if (request.username !== device) {
    return { returnCode: 4, text: "the user name is not the client id" };
  }
  if (!request.isClean) return { returnCode: 2, text: "only clean sessions are kept" };
  const willFault = request.will === undefined ? undefined : judgeWill(device, request.will);
  if (willFault !== undefined) return { returnCode: 5, text: willFault.fault };
  const key = rules.liveKey(device);
  if (key?.role !== "device") return { returnCode: 5, text: "no device of this name is enrolled" };
  if (password === undefined || password.length === 0 || password.length > TOKEN_BYTES_MAX) {
    return { returnCode: 4, text: "the password is no token" };
  }
  const fault = await tokenFault(password, key, rules);
  return fault === undefined ? key : { returnCode: 4, text: fault };
}

async function tokenFault(
  token: Uint8Array,
  key: KeyState,
  rules: LoginRules,
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
