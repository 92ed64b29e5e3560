/**
 * Signed notes and verifier keys (C2SP signed-note 1.0; docs/formats.md, section 8).
 *
 * A note is text with signature lines below it. Which keys are trusted, and what the text must say, is left to
 * checkpoint.ts and policy.ts; signatures of type 04 are cosignature.ts's.
 */

import {
  concatBytes,
  decodeBase64,
  encodeBase64,
  encodeHex,
  encodeUtf8,
  equalBytes,
} from "./bytes.ts";
import { Fault, malformedText } from "./fault.ts";
import { PUBLIC_KEY_BYTES } from "./key.ts";
import { sha256 } from "./sha256.ts";
import type { Signer, Verify } from "./signature.ts";

/** Signature type of a log's Ed25519 key. */
export const TYPE_ED25519 = 0x01;

/** Signature type of a cosigner's Ed25519 key, whose signatures bear a time. */
export const TYPE_COSIGNATURE = 0x04;

export const KEY_ID_BYTES = 4;

/** Bounds of a note that is taken in, in UTF-16 units and in lines. The specification asks for at least 16 lines. */
export const NOTE_LENGTH_MAX = 131_072;
export const NOTE_SIGNATURES_MAX = 100;

/** A public key as notes name it. */
export interface Vkey {
  /** The signer's name; that of a log is its origin. */
  readonly name: string;
  /** 4 bytes that follow from name, type and key. */
  readonly keyId: Uint8Array;
  readonly type: typeof TYPE_ED25519 | typeof TYPE_COSIGNATURE;
  /** 32 bytes. */
  readonly key: Uint8Array;
}

/** One signature line, taken apart and not verified. */
export interface NoteSignature {
  readonly name: string;
  readonly keyId: Uint8Array;
  /** What follows the key ID: 64 bytes for type 01, 72 for type 04, anything for unknown keys. */
  readonly signature: Uint8Array;
}

/** A note, taken apart and not verified. */
export interface Note {
  /** The signed text, its final newline included. */
  readonly text: string;
  readonly signatures: readonly NoteSignature[];
}

// Not empty, no Unicode space, no "+", no control character, no lone surrogate (which has no UTF-8).
const KEY_NAME = /^[^\p{White_Space}+\p{Cc}\p{Cs}]+$/u;

/** Says whether a text may be a key name. */
export function isKeyName(name: string): boolean {
  return KEY_NAME.test(name);
}

/** Makes the vkey of a public key. Throws `RangeError` for an impossible name or key: both are the caller's own. */
export function vkeyOf(name: string, type: Vkey["type"], publicKey: Uint8Array): Vkey {
  if (!isKeyName(name)) throw new RangeError(`"${name}" cannot name a key`);
  if (publicKey.length !== PUBLIC_KEY_BYTES) throw new RangeError("a public key has 32 bytes");
  const named = concatBytes(encodeUtf8(`${name}\n`), Uint8Array.of(type), publicKey);
  return { name, keyId: sha256(named).subarray(0, KEY_ID_BYTES), type, key: publicKey };
}

/** Writes `<name>+<hex key ID>+<base64(type || key)>`. */
export function formatVkey(vkey: Vkey): string {
  const key = concatBytes(Uint8Array.of(vkey.type), vkey.key);
  return `${vkey.name}+${encodeHex(vkey.keyId)}+${encodeBase64(key)}`;
}

/** Reads a vkey of type 01 or 04, and checks that its key ID follows from the rest. */
export function parseVkey(text: string): Vkey | Fault {
  // Neither name nor hex holds a "+", the base64 after them may.
  const [name = "", keyId = ""] = text.split("+", 2);
  const key = decodeBase64(text.slice(name.length + keyId.length + 2));
  if (!isKeyName(name) || key?.length !== 1 + PUBLIC_KEY_BYTES) {
    return malformedText(`expected a vkey <name>+<hex key ID>+<base64 key>, got "${text}"`);
  }
  const type = key[0];
  if (type !== TYPE_ED25519 && type !== TYPE_COSIGNATURE) {
    return new Fault("unknown-version", `vkey of ${name}: expected type 01 or 04, got ${type}`);
  }
  const vkey = vkeyOf(name, type, key.subarray(1));
  const expected = encodeHex(vkey.keyId);
  if (keyId !== expected) {
    return malformedText(`vkey of ${name}: the key ID must be ${expected}, not ${keyId}`);
  }
  return vkey;
}

/** Says whether two vkeys name the same key in the same way. */
export function isSameVkey(a: Vkey, b: Vkey): boolean {
  return a.name === b.name && a.type === b.type && equalBytes(a.key, b.key);
}

/** Says whether a signature line claims to be by this key. */
export function isSignedAs(signature: NoteSignature, vkey: Vkey): boolean {
  return signature.name === vkey.name && equalBytes(signature.keyId, vkey.keyId);
}

const SIGNATURE_MARK = "\u2014 ";

/** Writes one signature line, its newline included. */
export function formatSignatureLine(signature: NoteSignature): string {
  const bytes = concatBytes(signature.keyId, signature.signature);
  return `${SIGNATURE_MARK}${signature.name} ${encodeBase64(bytes)}\n`;
}

/** Reads one signature line without its newline; `undefined` where it is none. */
export function parseSignatureLine(line: string): NoteSignature | undefined {
  if (!line.startsWith(SIGNATURE_MARK)) return undefined;
  const [name = "", base64 = "", ...rest] = line.slice(SIGNATURE_MARK.length).split(" ");
  const bytes = decodeBase64(base64);
  if (rest.length > 0 || !isKeyName(name) || bytes === undefined) return undefined;
  if (bytes.length <= KEY_ID_BYTES) return undefined;
  return {
    name,
    keyId: bytes.subarray(0, KEY_ID_BYTES),
    signature: bytes.subarray(KEY_ID_BYTES),
  };
}

/** Reads signature lines, each ended by a newline: those of a note, or the answer of a witness. */
export function parseSignatureLines(text: string): NoteSignature[] | Fault {
  const lines = text.split("\n");
  if (text.length > NOTE_LENGTH_MAX || lines.pop() !== "") {
    return malformedText("signature lines end with a newline, and are not endless");
  }
  if (lines.length > NOTE_SIGNATURES_MAX) {
    return malformedText(`more than ${NOTE_SIGNATURES_MAX} signature lines`);
  }
  const signatures: NoteSignature[] = [];
  for (const line of lines) {
    const signature = parseSignatureLine(line);
    if (signature === undefined) {
      return malformedText('expected "\u2014 <name> <base64>" in each signature line');
    }
    signatures.push(signature);
  }
  return signatures;
}

/**
 * Writes a note: `text`, a blank line, the signature lines.
 *
 * `text` ends with a newline; each of `lines` is as `formatSignatureLine` writes it. Throws `RangeError` if not.
 */
export function formatNote(text: string, lines: readonly string[]): string {
  const note = `${text}\n${lines.join("")}`;
  if (parseNote(note) instanceof Fault) throw new RangeError("this is no note");
  return note;
}

// eslint-disable-next-line no-control-regex
const FORBIDDEN_CHARACTER = /[\u0000-\u0009\u000b-\u001f\p{Cs}]/u;

/** Takes a note apart. The text must be ignored until a trusted signature has been verified. */
export function parseNote(note: string): Note | Fault {
  if (note.length > NOTE_LENGTH_MAX) {
    return malformedText(`a note has at most ${NOTE_LENGTH_MAX} characters`);
  }
  if (FORBIDDEN_CHARACTER.test(note)) {
    return malformedText("a note holds UTF-8 without control characters other than newlines");
  }
  const split = note.lastIndexOf("\n\n");
  if (split < 0) return malformedText("a note has a blank line before its signatures");
  const signatures = parseSignatureLines(note.slice(split + 2));
  if (signatures instanceof Fault) return signatures;
  if (signatures.length === 0) return malformedText("a note has at least one signature line");
  return { text: note.slice(0, split + 1), signatures };
}

/** Signs a note's text with an Ed25519 key of type 01 and gives the signature line. */
export function signNoteText(text: string, name: string, signer: Signer): string {
  const { keyId } = vkeyOf(name, TYPE_ED25519, signer.publicKey);
  return formatSignatureLine({ name, keyId, signature: signer.sign(encodeUtf8(text)) });
}

/** Verifies a signature line of type 01 over a note's text; that it claims this key is checked before. */
export function verifyNoteSignature(
  text: string,
  signature: NoteSignature,
  vkey: Vkey,
  verify: Verify,
): boolean {
  return verify(vkey.key, encodeUtf8(text), signature.signature);
}
