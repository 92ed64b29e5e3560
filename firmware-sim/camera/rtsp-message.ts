/**
 * RTSP 1.0 on the wire, after RFC 2326: requests, answers, and binary frames between them (section 10.12).
 *
 * What a request asks for is camera-session.ts' business; headers are kept as they came, by lower-case name.
 */
import { concatBytes, decodeUtf8, encodeUtf8 } from "../../ledger/bytes.ts";

/** A request; `body` is empty where there is none. */
export interface RtspRequest {
  readonly method: string;
  readonly url: string;
  readonly version: string;
  readonly headers: ReadonlyMap<string, string>;
  readonly body: string;
}

/** A binary frame: RTP or RTCP, as the transport of its channel says. */
export interface RtspFrame {
  /** 0 to 255. */
  readonly channel: number;
  readonly bytes: Uint8Array;
}

/** One thing that came over a connection. After `bad` nothing more comes: where the next one begins is not known. */
export type RtspInput =
  | { readonly kind: "request"; readonly request: RtspRequest }
  | { readonly kind: "frame"; readonly frame: RtspFrame }
  | { readonly kind: "bad"; readonly why: string };

/** An answer. `headers` come in their order, besides those for its request's number and its body's length. */
export interface RtspAnswer {
  readonly status: RtspStatus;
  readonly headers?: readonly (readonly [name: string, value: string])[];
  readonly body?: string;
}

/** The answers of RFC 2326, section 7.1.1, that are given here. */
export const RTSP_REASONS = {
  200: "OK",
  400: "Bad Request",
  401: "Unauthorized",
  404: "Not Found",
  451: "Parameter Not Understood",
  453: "Not Enough Bandwidth",
  454: "Session Not Found",
  455: "Method Not Valid in This State",
  459: "Aggregate Operation Not Allowed",
  461: "Unsupported Transport",
  501: "Not Implemented",
  505: "RTSP Version Not Supported",
  551: "Option Not Supported",
} as const;
export type RtspStatus = keyof typeof RTSP_REASONS;

const DOLLAR = 0x24;
const FRAME_HEAD_BYTES = 4;
const HEAD_BYTES_MAX = 8 * 1024;
const BODY_BYTES_MAX = 64 * 1024;

/** Takes the bytes of one connection, cut anywhere, apart. Holds at most one message. */
export class RtspReader {
  #pending: Uint8Array = new Uint8Array(0);
  #isLost = false;

  /** Takes more bytes and gives what is complete. What it gives is its own copy. */
  push(chunk: Uint8Array): RtspInput[] {
    if (this.#isLost) return [];
    this.#pending = concatBytes(this.#pending, chunk);
    const inputs: RtspInput[] = [];
    for (let next = this.#next(); next !== undefined; next = this.#next()) {
      inputs.push(next);
      if (next.kind !== "bad") continue;
      this.#isLost = true;
      this.#pending = new Uint8Array(0);
      break;
    }
    return inputs;
  }

  #next(): RtspInput | undefined {
    this.#skipLineEnds();
    const pending = this.#pending;
    if (pending[0] === DOLLAR) return this.#nextFrame();
    const headEnd = endOfHead(pending);
    if (headEnd === undefined)
      return pending.length > HEAD_BYTES_MAX ? bad("a head of more than 8 KiB") : undefined;
    const text = decodeUtf8(pending.subarray(0, headEnd));
    const head = text === undefined ? undefined : parseHead(text);
    if (head === undefined) return bad("no RTSP request");
    const length = head.headers.get("content-length") ?? "0";
    if (!/^\d{1,9}$/.test(length) || Number(length) > BODY_BYTES_MAX)
      return bad(`a body of ${length} bytes`);
    const end = headEnd + Number(length);
    if (pending.length < end) return undefined;
    const body = decodeUtf8(pending.subarray(headEnd, end));
    this.#pending = pending.slice(end);
    return body === undefined
      ? bad("a body that is no UTF-8 text")
      : { kind: "request", request: { ...head, body } };
  }

  #nextFrame(): RtspInput | undefined {
    const pending = this.#pending;
    const end = FRAME_HEAD_BYTES + (((pending[2] ?? 0) << 8) | (pending[3] ?? 0));
    if (pending.length < FRAME_HEAD_BYTES || pending.length < end) return undefined;
    const frame = { channel: pending[1] ?? 0, bytes: pending.slice(FRAME_HEAD_BYTES, end) };
    this.#pending = pending.slice(end);
    return { kind: "frame", frame };
  }

  /** Some clients send empty lines between requests; section 4.1 asks to pass over them. */
  #skipLineEnds(): void {
    let at = 0;
    while (this.#pending[at] === 0x0d || this.#pending[at] === 0x0a) at++;
    if (at > 0) this.#pending = this.#pending.slice(at);
  }
}

/** Encodes an answer to the request with this number; without one where there was none. */
export function encodeRtspAnswer(answer: RtspAnswer, cseq: string | undefined): Uint8Array {
  const body = encodeUtf8(answer.body ?? "");
  const lines = [
    `RTSP/1.0 ${answer.status} ${RTSP_REASONS[answer.status]}`,
    ...(cseq === undefined ? [] : [`CSeq: ${cseq}`]),
    ...(answer.headers ?? []).map(([name, value]) => `${name}: ${value}`),
    ...(body.length === 0 ? [] : [`Content-Length: ${body.length}`]),
  ];
  return concatBytes(encodeUtf8(`${lines.join("\r\n")}\r\n\r\n`), body);
}

/** Puts a packet of at most 65535 bytes into a frame. */
export function encodeRtspFrame({ channel, bytes }: RtspFrame): Uint8Array {
  const head = Uint8Array.of(DOLLAR, channel, bytes.length >> 8, bytes.length & 0xff);
  return concatBytes(head, bytes);
}

function bad(why: string): RtspInput {
  return { kind: "bad", why };
}

/** Where the empty line that closes a head ends. */
function endOfHead(bytes: Uint8Array): number | undefined {
  for (let at = bytes.indexOf(0x0a); at >= 0; at = bytes.indexOf(0x0a, at + 1)) {
    const next = bytes[at + 1] === 0x0d ? at + 2 : at + 1;
    if (bytes[next] === 0x0a) return next + 1;
  }
  return undefined;
}

function parseHead(text: string): Omit<RtspRequest, "body"> | undefined {
  const [first = "", ...lines] = text.trimEnd().split(/\r?\n/);
  const [method, url, version, ...rest] = first.split(" ");
  if (method === undefined || url === undefined || version === undefined || rest.length > 0)
    return undefined;
  if (!/^[A-Z_]+$/.test(method) || !/^RTSP\/\d\.\d$/.test(version)) return undefined;
  const headers = new Map<string, string>();
  for (const line of lines) {
    const colon = line.indexOf(":");
    if (colon < 1) return undefined;
    headers.set(line.slice(0, colon).trim().toLowerCase(), line.slice(colon + 1).trim());
  }
  return { method, url, version, headers };
}
