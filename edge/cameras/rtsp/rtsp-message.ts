/**
 * RTSP 1.0 on a TCP connection: messages as text, and pictures between them in frames that begin with `$` (RFC 2326,
 * sections 4 to 6 and 10.12).
 *
 * Pure. Frames are not gathered: their bytes go on as they come, since they are nearly all of the traffic.
 */

import { concatBytes } from "../../../ledger/bytes.ts";

/** A request, or an answer to one. */
export interface RtspMessage {
  /** `RTSP/1.0 200 OK`, or `DESCRIBE rtsp://… RTSP/1.0`. */
  readonly startLine: string;
  /** In their order, names as they came. */
  readonly headers: readonly RtspHeader[];
  readonly body: Uint8Array;
}

export type RtspHeader = readonly [name: string, value: string];

/** What comes out of a connection, in order. */
export type RtspPart =
  | { readonly kind: "message"; readonly message: RtspMessage }
  /** Bytes of frames, cut anywhere, and the channels of those that begin in them. */
  | { readonly kind: "frames"; readonly bytes: Uint8Array; readonly channels: readonly number[] }
  /** The other side does not speak RTSP, or says too much; nothing comes after this. */
  | { readonly kind: "fault"; readonly text: string };

const HEAD_BYTES_MAX = 16_384;
const BODY_BYTES_MAX = 65_536;
const DOLLAR = 0x24;
const CR = 0x0d;
const LF = 0x0a;
const FRAME_HEAD_BYTES = 4;
const NO_BYTES = new Uint8Array(0);

/** Takes a connection's bytes apart, however they are cut. Holds at most one message and the head of one frame. */
export class RtspReader {
  private pending: Uint8Array = NO_BYTES;
  /** Length of the message in `pending`, once its head has said so: it is not read again for each byte of its body. */
  private pendingLength = 0;
  /** Bytes of the present frame that are still to come. */
  private frameBytesLeft = 0;
  private isDead = false;

  /** Takes a piece; the parts share its memory, so they are used before it is. */
  push(chunk: Uint8Array): RtspPart[] {
    if (this.isDead) return [];
    const parts: RtspPart[] = [];
    let rest = this.pending.length === 0 ? chunk : concatBytes(this.pending, chunk);
    if (rest.length < this.pendingLength) {
      this.pending = rest;
      return parts;
    }
    this.pending = NO_BYTES;
    this.pendingLength = 0;
    while (rest.length > 0) {
      const took =
        this.frameBytesLeft > 0 || rest[0] === DOLLAR
          ? this.takeFrames(rest, parts)
          : this.takeMessage(rest, parts);
      if (this.isDead) return parts;
      if (took === 0) {
        // The piece's memory is the connection's again after the call.
        this.pending = rest.slice();
        return parts;
      }
      rest = rest.subarray(took);
    }
    return parts;
  }

  /** Goes through as many frames as there are in one go; gives the bytes that it took. */
  private takeFrames(bytes: Uint8Array, parts: RtspPart[]): number {
    const channels: number[] = [];
    let at = Math.min(this.frameBytesLeft, bytes.length);
    this.frameBytesLeft -= at;
    while (bytes[at] === DOLLAR && at + FRAME_HEAD_BYTES <= bytes.length) {
      channels.push(bytes[at + 1]!);
      const length = FRAME_HEAD_BYTES + bytes[at + 2]! * 256 + bytes[at + 3]!;
      const there = Math.min(length, bytes.length - at);
      this.frameBytesLeft = length - there;
      at += there;
    }
    if (at > 0) parts.push({ kind: "frames", bytes: bytes.subarray(0, at), channels });
    return at;
  }

  private takeMessage(bytes: Uint8Array, parts: RtspPart[]): number {
    // Some senders put empty lines between messages.
    let begin = 0;
    while (bytes[begin] === CR || bytes[begin] === LF) begin += 1;
    if (begin > 0) return begin;
    const head = endOfHead(bytes);
    if (head === undefined) {
      return bytes.length > HEAD_BYTES_MAX ? this.die(parts, "a head without an end") : 0;
    }
    const { startLine, headers } = parseHead(bytes.subarray(0, head));
    if (!isStartLine(startLine)) return this.die(parts, "something that is not RTSP");
    const length = bodyLength(headers);
    if (length === undefined) return this.die(parts, "a message whose length makes no sense");
    if (bytes.length < head + length) {
      this.pendingLength = head + length;
      return 0;
    }
    const body = bytes.slice(head, head + length);
    parts.push({ kind: "message", message: { startLine, headers, body } });
    return head + length;
  }

  private die(parts: RtspPart[], text: string): number {
    this.isDead = true;
    parts.push({ kind: "fault", text });
    return 0;
  }
}

/** Writes a message. The caller keeps line ends out of its parts, and sets `Content-Length` by `withBody`. */
export function formatMessage({ startLine, headers, body }: RtspMessage): Uint8Array {
  const lines = [startLine, ...headers.map(([name, value]) => `${name}: ${value}`), "", ""];
  return concatBytes(encodeLatin1(lines.join("\r\n")), body);
}

/** The first value of a header, whatever the case of its name. */
export function headerOf(message: RtspMessage, name: string): string | undefined {
  return headersOf(message, name)[0];
}

/** All values of a header. */
export function headersOf({ headers }: RtspMessage, name: string): string[] {
  const wanted = name.toLowerCase();
  return headers.filter(([each]) => each.toLowerCase() === wanted).map(([, value]) => value);
}

/** Gives the message with one header of that name, or none where `value` is absent. */
export function withHeader(
  message: RtspMessage,
  name: string,
  value: string | undefined,
): RtspMessage {
  const wanted = name.toLowerCase();
  const others = message.headers.filter(([each]) => each.toLowerCase() !== wanted);
  return { ...message, headers: value === undefined ? others : [...others, [name, value]] };
}

/** The body as a text of which each character is a byte: what is not understood in it survives. */
export function bodyText({ body }: RtspMessage): string {
  return decodeLatin1(body);
}

/** Gives the message with another body, of the kind of `bodyText`, and its length. */
export function withBody(message: RtspMessage, text: string): RtspMessage {
  const body = encodeLatin1(text);
  return { ...withHeader(message, "Content-Length", String(body.length)), body };
}

/** Takes the start line of a request apart; `undefined` where it is none. */
export function parseRequestLine(line: string): { method: string; url: string } | undefined {
  const groups = /^(?<method>[A-Z_]+) (?<url>\S+) RTSP\/1\.\d$/.exec(line)?.groups;
  return groups && { method: groups["method"]!, url: groups["url"]! };
}

/** Takes the start line of an answer apart; `undefined` where it is none. */
export function parseStatusLine(line: string): { code: number; text: string } | undefined {
  const groups = /^RTSP\/1\.\d (?<code>[1-9]\d\d)(?: (?<text>.*))?$/.exec(line)?.groups;
  return groups && { code: Number(groups["code"]), text: groups["text"] ?? "" };
}

function isStartLine(line: string): boolean {
  return parseStatusLine(line) !== undefined || parseRequestLine(line) !== undefined;
}

/** The offset behind the empty line that ends a head, wherever line ends are CR LF or LF alone. */
function endOfHead(bytes: Uint8Array): number | undefined {
  const last = Math.min(bytes.length, HEAD_BYTES_MAX);
  for (let at = bytes.indexOf(LF); at !== -1 && at < last; at = bytes.indexOf(LF, at + 1)) {
    if (bytes[at + 1] === LF) return at + 2;
    if (bytes[at + 1] === CR && bytes[at + 2] === LF) return at + 3;
  }
  return undefined;
}

function parseHead(bytes: Uint8Array): Pick<RtspMessage, "startLine" | "headers"> {
  const [startLine = "", ...lines] = decodeLatin1(bytes).split(/\r?\n/);
  const headers: [string, string][] = [];
  for (const line of lines) {
    const last = headers.at(-1);
    const colon = line.indexOf(":");
    if (/^[ \t]/.test(line) && last !== undefined) last[1] += ` ${line.trim()}`;
    else if (colon > 0) headers.push([line.slice(0, colon).trim(), line.slice(colon + 1).trim()]);
  }
  return { startLine: startLine.trimEnd(), headers };
}

/** The length of the body by the headers; `undefined` where it is none, or beyond what is taken in. */
function bodyLength(headers: readonly RtspHeader[]): number | undefined {
  const [, text] = headers.find(([name]) => name.toLowerCase() === "content-length") ?? [];
  if (text === undefined) return 0;
  const length = /^\d{1,7}$/.test(text) ? Number(text) : Infinity;
  return length <= BODY_BYTES_MAX ? length : undefined;
}

/** Each byte a character: heads are ASCII, and what is not must survive unread. */
function decodeLatin1(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}

function encodeLatin1(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0) & 0xff);
}
