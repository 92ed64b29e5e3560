/**
 * The password of a connection: a JWT that the device signs itself (RFC 7519, RFC 8037; docs/formats.md, section 10).
 *
 * Put together by hand, since the key stays behind `Signer` and JOSE libraries want to hold it themselves. The tests let
 * one of them check the result.
 */

import { encodeBase64Url, encodeUtf8 } from "./bytes.ts";
import { kidHex } from "./key.ts";
import type { Signer } from "./signature.ts";

/** What a token says. */
export interface LoginClaims {
  readonly device: string;
  readonly origin: string;
  /** POSIX seconds. */
  readonly issuedAt: number;
}

/** A token is used once, at CONNECT; an hour is the most that a hub accepts. */
const VALID_SECONDS = 600;

/** Signs a fresh token. */
export function signLoginToken(claims: LoginClaims, signer: Signer): string {
  const header = { alg: "EdDSA", kid: kidHex(signer.publicKey), typ: "JWT" };
  const payload = {
    sub: claims.device,
    aud: claims.origin,
    iat: claims.issuedAt,
    exp: claims.issuedAt + VALID_SECONDS,
  };
  const text = `${encodePart(header)}.${encodePart(payload)}`;
  return `${text}.${encodeBase64Url(signer.sign(encodeUtf8(text)))}`;
}

function encodePart(part: object): string {
  return encodeBase64Url(encodeUtf8(JSON.stringify(part)));
}
