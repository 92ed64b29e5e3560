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
  return new TcpOutlet(server, taken, received, clock);
}

class TcpOutlet implements Outlet {
  readonly address: string;
  readonly ended: Promise<Error | undefined>;
  readonly #place: TcpPlace;
  readonly #received: BytesReceived;
  readonly #clock: Clock;
  readonly #queue: ReadyQueue;
  #server: Server | undefined;
  #client: Socket | undefined;
  #bytesLost = 0;
  #end: (error?: Error) => void = () => undefined;

  constructor(server: Server, place: TcpPlace, received: BytesReceived, clock: Clock) {
    this.address = `tcp://${formatListenAddress(place)}`;
    this.#place = place;
    this.#received = received;
    this.#clock = clock;
    this.#queue = new ReadyQueue(() => this.#takesBytes());
    this.ended = new Promise((resolve) => (this.#end = resolve));
    this.#accept(server);
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

  async unplug(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    this.#client?.resetAndDestroy();
    if (server !== undefined) await closed(server);
  }

  async plug(): Promise<void> {
    if (this.#server === undefined) this.#accept((await listenTcp(this.#place)).server);
  }

  async close(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    const gone = server === undefined ? undefined : closed(server);
    const client = this.#client;
    if (client !== undefined && !client.destroyed) {
      const cancel = this.#clock.after(CLOSE_LIMIT_MS, () => client.destroy());
      await new Promise<void>((resolve) => {
        client.once("close", () => resolve());
        client.end();
      });
      cancel();
    }
    await gone;
    this.#end();
  }

  #accept(server: Server): void {
    server.once("error", (error) => this.#end(error));
    server.on("connection", (socket) => {
      // One that was on its way when the plug was pulled would hold it back.
      if (server === this.#server) this.#serve(socket);
      else socket.destroy();
    });
    this.#server = server;
  }

  #serve(socket: Socket): void {
    this.#client?.destroy();
    this.#client = socket;
    socket.on("data", (chunk: Buffer) => {
      if (socket === this.#client) this.#received(chunk);
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

/** Resolves when the server and all its connections are closed. */
function closed(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
  });
}
