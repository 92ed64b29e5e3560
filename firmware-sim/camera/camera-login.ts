/**
 * How a camera asks for name and password: Digest with MD5 (RFC 7616, and RFC 2617 before it) and Basic (RFC 7617).
 *
 * Digest without `qop`, as most cameras have it. The address in the answer is not compared with that of the request:
 * VLC's library puts the address of the whole stream there, whatever the request is for.
 */
import { createHash } from "node:crypto";
import { decodeBase64, decodeUtf8 } from "../../ledger/bytes.ts";

/** Which schemes a camera offers. */
export const CAMERA_SCHEMES = ["both", "digest", "basic"] as const;
export type CameraScheme = (typeof CAMERA_SCHEMES)[number];

/** Who may look. */
export interface CameraLogin {
  readonly username: string;
  readonly password: string;
  readonly scheme: CameraScheme;
}

/** What a Digest answer is made for. */
interface Question {
  readonly realm: string;
  readonly nonce: string;
  readonly method: string;
}

/** Gives the challenges, one for each `WWW-Authenticate`, Digest first. */
export function loginChallenges({ scheme }: CameraLogin, realm: string, nonce: string): string[] {
  const digest = `Digest realm="${realm}", nonce="${nonce}", algorithm=MD5`;
  const basic = `Basic realm="${realm}"`;
  return scheme === "both" ? [digest, basic] : [scheme === "digest" ? digest : basic];
}

/** Says whether an `Authorization` header answers one of the challenges. */
export function isLoginRight(login: CameraLogin, header: string, question: Question): boolean {
  const space = header.indexOf(" ");
  const scheme = header.slice(0, space).toLowerCase();
  const rest = header.slice(space + 1).trim();
  if (scheme === "basic") return login.scheme !== "digest" && isBasicRight(login, rest);
  return scheme === "digest" && login.scheme !== "basic" && isDigestRight(login, rest, question);
}

/** Answers a challenge without `qop`, as a client does. */
export function digestAnswer(
  { username, password }: Pick<CameraLogin, "username" | "password">,
  { realm, nonce, method }: Question,
  uri: string,
): string {
  return md5(`${md5(`${username}:${realm}:${password}`)}:${nonce}:${md5(`${method}:${uri}`)}`);
}

function isBasicRight({ username, password }: CameraLogin, text: string): boolean {
  const bytes = decodeBase64(text);
  return bytes !== undefined && decodeUtf8(bytes) === `${username}:${password}`;
}

function isDigestRight(login: CameraLogin, text: string, question: Question): boolean {
  const given = parseParameters(text);
  const algorithm = given.get("algorithm") ?? "MD5";
  return (
    algorithm.toUpperCase() === "MD5" &&
    given.get("username") === login.username &&
    given.get("realm") === question.realm &&
    given.get("nonce") === question.nonce &&
    given.get("response")?.toLowerCase() === digestAnswer(login, question, given.get("uri") ?? "")
  );
}

/** Reads `name="value", name=value`, with backslashes before what they protect. */
function parseParameters(text: string): Map<string, string> {
  const pattern = /([a-z]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,]+))/gi;
  return new Map(
    [...text.matchAll(pattern)].map(([, name = "", quoted, plain]) => [
      name.toLowerCase(),
      quoted?.replaceAll(/\\(.)/g, "$1") ?? plain ?? "",
    ]),
  );
}

function md5(text: string): string {
  return createHash("md5").update(text).digest("hex");
}
