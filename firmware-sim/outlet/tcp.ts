/**
 * A board's line as a TCP port, as a serial-over-IP converter offers it.
 *
 * One client at a time, as there is one plug: who connects last is served, and the client before is let go, or a
 * half-open connection would lock everybody out.
 */
import type { Server, Socket } from "node:net";
import type { Clock } from "../../platform/clock.ts";
import { formatListenAddress } from "../../platform/listen-address.ts";
import {
  type BytesReceived,
  CLOSE_LIMIT_MS,
  type Outlet,
  ReadyQueue,
  WAITING_BYTES_MAX,
} from "./outlet.ts";
import { listenTcp, type TcpPlace } from "./tcp-server.ts";

/** Listens. Rejects with the system's error when the address cannot be had. */
export async function openTcpOutlet(
  place: TcpPlace,
  received: BytesReceived,
  clock: Clock,
): Promise<Outlet> {
  const { server, place: taken } = await listenTcp(place);
  return new TcpOutlet(server, `tcp://${formatListenAddress(taken)}`, received, clock);
}

class TcpOutlet implements Outlet {
  readonly address: string;
  readonly ended: Promise<Error | undefined>;
  readonly #server: Server;
  readonly #clock: Clock;
  readonly #queue: ReadyQueue;
  #client: Socket | undefined;
  #bytesLost = 0;

  constructor(server: Server, address: string, received: BytesReceived, clock: Clock) {
    this.#server = server;
    this.#clock = clock;
    this.#queue = new ReadyQueue(() => this.#takesBytes());
    this.address = address;
    this.ended = new Promise((resolve) => {
      server.once("error", resolve);
      server.once("close", () => resolve(undefined));
    });
    server.on("connection", (socket) => this.#serve(socket, received));
  }

  get bytesLost(): number {
    return this.#bytesLost;
  }

  write(bytes: Uint8Array): void {
    if (this.#takesBytes()) this.#client?.write(bytes);
    else this.#bytesLost += bytes.length;
  }

  ready(signal: AbortSignal): Promise<void> {
    return this.#queue.wait(signal);
  }

  async close(): Promise<void> {
    if (this.#server.listening) this.#server.close();
    const client = this.#client;
    if (client !== undefined && !client.destroyed) {
      const cancel = this.#clock.after(CLOSE_LIMIT_MS, () => client.destroy());
      await new Promise<void>((resolve) => {
        client.once("close", () => resolve());
        client.end();
      });
      cancel();
    }
    await this.ended;
  }

  #serve(socket: Socket, received: BytesReceived): void {
    this.#client?.destroy();
    this.#client = socket;
    socket.on("data", (chunk: Buffer) => {
      if (socket === this.#client) received(chunk);
    });
    socket.on("drain", () => this.#queue.check());
    // A client that goes away mid-write is no trouble of the board's; "close" follows.
    socket.on("error", () => socket.destroy());
    socket.on("close", () => {
      if (socket === this.#client) this.#client = undefined;
    });
    this.#queue.check();
  }

  #takesBytes(): boolean {
    const client = this.#client;
    return client !== undefined && client.writable && client.writableLength < WAITING_BYTES_MAX;
  }
}
