/**
 * A viewer that speaks RTSP by hand: asks, and keeps what it is answered and the frames between.
 */
import { Buffer } from "node:buffer";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import type { Scope } from "../../support/scope.ts";

export interface Answer {
  status: number;
  headers: Map<string, string[]>;
  body: string;
}

export interface Frame {
  channel: number;
  bytes: Buffer;
}

/** A connection to a camera. */
export class RtspClient {
  readonly socket: Socket;
  readonly frames: Frame[] = [];
  #pending: Buffer = Buffer.alloc(0);
  #answers: Answer[] = [];
  #changed: () => void = () => undefined;
  #cseq = 0;

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on("data", (chunk: Buffer) => {
      this.#pending = Buffer.concat([this.#pending, chunk]);
      while (this.#take());
      this.#changed();
    });
    socket.on("error", () => undefined);
    socket.on("close", () => this.#changed());
  }

  /** Connects to where `rtsp://host:port/…` is; the connection ends with the scope. */
  static async connect(scope: Scope, address: string): Promise<RtspClient> {
    const { hostname, port } = new URL(address);
    const socket = connect(Number(port), hostname);
    scope.defer(() => socket.destroy());
    await once(socket, "connect");
    return new RtspClient(socket);
  }

  /** Asks, and waits for the answer. */
  async ask(method: string, url: string, headers: Record<string, string> = {}): Promise<Answer> {
    this.#cseq++;
    const lines = Object.entries({ CSeq: `${this.#cseq}`, ...headers });
    const head = lines.map(([name, value]) => `${name}: ${value}\r\n`).join("");
    this.socket.write(`${method} ${url} RTSP/1.0\r\n${head}\r\n`);
    return this.answer();
  }

  /** Waits for the next answer. */
  async answer(): Promise<Answer> {
    await this.#until(() => this.#answers.length > 0);
    return this.#answers.shift()!;
  }

  /** Sets up and plays over the connection itself; gives the session. */
  async play(url: string): Promise<string> {
    const transport = "RTP/AVP/TCP;unicast;interleaved=0-1";
    const { headers } = await this.ask("SETUP", `${url}/trackID=0`, { Transport: transport });
    const [session = ""] = headers.get("session")?.[0]?.split(";") ?? [];
    await this.ask("PLAY", url, { Session: session });
    return session;
  }

  /** Waits until so many frames have come, all in all. */
  async framesAtLeast(count: number): Promise<Frame[]> {
    await this.#until(() => this.frames.length >= count);
    return this.frames;
  }

  /** Waits until the camera hangs up. */
  closed(): Promise<void> {
    return this.#until(() => this.socket.closed, true);
  }

  async #until(done: () => boolean, isEnd = false): Promise<void> {
    while (!done()) {
      if (this.socket.closed && !isEnd) throw new Error("the camera hung up");
      await new Promise<void>((resolve) => {
        this.#changed = resolve;
      });
    }
  }

  #take(): boolean {
    const pending = this.#pending;
    if (pending.length < 4) return false;
    if (pending[0] === 0x24) {
      const end = 4 + pending.readUInt16BE(2);
      if (pending.length < end) return false;
      this.frames.push({ channel: pending.readUInt8(1), bytes: pending.subarray(4, end) });
      this.#pending = pending.subarray(end);
      return true;
    }
    const headEnd = pending.indexOf("\r\n\r\n");
    if (headEnd < 0) return false;
    const [first = "", ...lines] = pending.subarray(0, headEnd).toString("utf8").split("\r\n");
    const headers = new Map<string, string[]>();
    for (const line of lines) {
      const [, name = "", value = ""] = /^([^:]+): (.*)$/.exec(line) ?? [];
      const key = name.toLowerCase();
      headers.set(key, [...(headers.get(key) ?? []), value]);
    }
    const end = headEnd + 4 + Number(headers.get("content-length")?.[0] ?? 0);
    if (pending.length < end) return false;
    const body = pending.subarray(headEnd + 4, end).toString("utf8");
    this.#answers.push({ status: Number(first.split(" ")[1]), headers, body });
    this.#pending = pending.subarray(end);
    return true;
  }
}
