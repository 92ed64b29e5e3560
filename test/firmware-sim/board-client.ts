/**
 * A program that reads a simulated board over TCP, as an edge would.
 */
import { Buffer } from "node:buffer";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import type { Scope } from "../support/scope.ts";

/** A connection that keeps all it has read. */
export class BoardClient {
  readonly socket: Socket;
  #read: Buffer = Buffer.alloc(0);
  #changed: () => void = () => undefined;

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on("data", (chunk: Buffer) => {
      this.#read = Buffer.concat([this.#read, chunk]);
      this.#changed();
    });
    socket.on("close", () => this.#changed());
  }

  /** Connects to `tcp://host:port`; the connection ends with the scope. */
  static async connect(scope: Scope, address: string): Promise<BoardClient> {
    const { hostname, port } = new URL(address);
    const socket = connect(Number(port), hostname);
    scope.defer(() => socket.destroy());
    await once(socket, "connect");
    return new BoardClient(socket);
  }

  /** All bytes so far. */
  get bytes(): Buffer {
    return this.#read;
  }

  /** Waits until at least so many bytes were read, all in all. */
  async atLeast(length: number): Promise<Buffer> {
    await this.#until(() => this.#read.length >= length);
    return this.#read;
  }

  /** Waits until the board hangs up; gives all bytes. */
  async toEnd(): Promise<Buffer> {
    await this.#until(() => this.socket.closed);
    return this.#read;
  }

  async #until(done: () => boolean): Promise<void> {
    while (!done()) {
      if (this.socket.closed) throw new Error(`the board hung up after ${this.#read.length} bytes`);
      await new Promise<void>((resolve) => {
        this.#changed = resolve;
      });
    }
  }
}
