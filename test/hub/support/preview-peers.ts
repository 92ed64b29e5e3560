/** Whoever is at the other end of the hub's doors for live pictures: devices and viewers by the library `ws`, honest or not. */

import { Buffer } from "node:buffer";
import type { IncomingMessage } from "node:http";
import { WebSocket } from "ws";
import type { ClientOptions } from "ws";
import { signLoginToken } from "../../../ledger/login-token.ts";
import { joinBytes } from "../../../ledger/bytes.ts";
import { eventually } from "../../support/process.ts";
import type { Scope } from "../../support/scope.ts";
import { ORIGIN, testDevice } from "./devices.ts";

export const PROTOCOL = "kerbstone.preview.v1";

/** A connection, with all that came on it. */
export class PreviewPeer {
  readonly socket: WebSocket;
  readonly texts: string[] = [];
  readonly got: Uint8Array[] = [];
  /** Close code and reason, once it is over. */
  readonly closed: Promise<readonly [code: number, reason: string]>;

  constructor(socket: WebSocket) {
    this.socket = socket;
    socket.on("message", (data: Buffer, isBinary) => {
      if (isBinary) this.got.push(new Uint8Array(data));
      else this.texts.push(data.toString("utf8"));
    });
    socket.on("error", () => undefined);
    this.closed = new Promise((resolve) => {
      socket.once("close", (code, reason) => resolve([code, reason.toString("utf8")]));
    });
  }

  /** All bytes that came. */
  get bytes(): Uint8Array {
    return joinBytes(this.got);
  }

  say(word: unknown): void {
    this.socket.send(typeof word === "string" ? word : JSON.stringify(word));
  }

  /** Sends pictures as an edge does. */
  show(index: number, packets: Uint8Array): void {
    this.socket.send(joinBytes([Uint8Array.of(index), packets]));
  }

  /** Waits for a word. */
  word(text: string): Promise<true> {
    return eventually(`the word ${text}`, () => (this.texts.includes(text) ? true : undefined));
  }

  /** Waits until so many bytes have come. */
  count(bytes: number): Promise<true> {
    return eventually(`${bytes} bytes`, () => (this.bytes.length >= bytes ? true : undefined));
  }
}

/** What a peer may do otherwise than an honest one. */
export interface PeerChanges {
  readonly protocols?: string[];
  readonly options?: ClientOptions;
}

/** Opens a connection; rejects with the status where the hub refuses. */
export async function openPeer(
  scope: Scope,
  url: string,
  { protocols = [PROTOCOL], options = {} }: PeerChanges = {},
): Promise<PreviewPeer> {
  const socket = new WebSocket(url, protocols, { perMessageDeflate: false, ...options });
  scope.defer(() => socket.terminate());
  const peer = new PreviewPeer(socket);
  await new Promise<void>((resolve, reject) => {
    socket.once("open", () => resolve());
    socket.once("error", reject);
    socket.once("unexpected-response", (_request, response: IncomingMessage) => {
      reject(new Error(`status ${response.statusCode}`));
      response.resume();
      socket.terminate();
    });
  });
  return peer;
}

/** A device's token as its agent makes it. */
export function deviceToken(
  device: string,
  { generation = 0, origin = ORIGIN, atMs = Date.now() } = {},
): string {
  const issuedAt = Math.floor(atMs / 1000);
  return signLoginToken({ device, origin, issuedAt }, testDevice(device, generation).signer);
}

/** Opens a device's connection. */
export function openEdge(
  scope: Scope,
  port: number,
  device: string,
  changes: PeerChanges & { readonly token?: string } = {},
): Promise<PreviewPeer> {
  const { token = deviceToken(device), options = {}, ...rest } = changes;
  const headers = { authorization: `Bearer ${token}`, ...options.headers };
  const url = `ws://127.0.0.1:${port}/preview/v1/edge`;
  return openPeer(scope, url, { ...rest, options: { ...options, headers } });
}

/** Opens a device's connection, with cameras that are all well. */
export async function showCameras(
  scope: Scope,
  port: number,
  device: string,
  ...cameras: string[]
): Promise<PreviewPeer> {
  const peer = await openEdge(scope, port, device);
  peer.say({ cameras: cameras.map((camera) => ({ camera, state: "ok" })) });
  return peer;
}

/** Opens a viewer's connection, and says the token where there is one. */
export async function openViewer(
  scope: Scope,
  port: number,
  camera: string,
  token: string | undefined,
  changes: PeerChanges = {},
): Promise<PreviewPeer> {
  const [device, name] = camera.split("/");
  const url = `ws://127.0.0.1:${port}/preview/v1/devices/${device}/cameras/${name}`;
  const peer = await openPeer(scope, url, changes);
  if (token !== undefined) peer.say({ token });
  return peer;
}

/** Waits until a socket has been handed all that was sent on it. */
export async function drained(socket: WebSocket): Promise<void> {
  await eventually("the socket is drained", () => (socket.bufferedAmount === 0 ? true : undefined));
}

/** The head of a request for a WebSocket, as bytes, for those who then do not behave. */
export function upgradeRequest(path: string, headers: readonly string[] = []): string {
  const lines = [
    `GET ${path} HTTP/1.1`,
    "host: 127.0.0.1",
    "connection: Upgrade",
    "upgrade: websocket",
    "sec-websocket-version: 13",
    `sec-websocket-key: ${Buffer.from("0123456789abcdef").toString("base64")}`,
    `sec-websocket-protocol: ${PROTOCOL}`,
    ...headers,
  ];
  return `${lines.join("\r\n")}\r\n\r\n`;
}
