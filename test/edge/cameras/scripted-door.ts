/** A hub's door for live pictures that does what a test says: a WebSocket server on a free port of loopback. */

import type { Buffer } from "node:buffer";
import { createServer } from "node:http";
import type { IncomingMessage } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { WebSocketServer } from "ws";
import type { WebSocket } from "ws";
import { eventually } from "../../support/process.ts";
import type { Scope } from "../../support/scope.ts";

/** See the head of the file. */
export class ScriptedDoor {
  readonly requests: IncomingMessage[] = [];
  /** Words of the edge, of all connections. */
  readonly texts: string[] = [];
  readonly pictures: Uint8Array[] = [];
  readonly sockets: WebSocket[] = [];
  /** Answers a request with this status instead of letting it in; 0 for no answer at all. */
  status: number | undefined;
  port = 0;
  readonly #upgraders = {
    usual: new WebSocketServer({ noServer: true }),
    deaf: new WebSocketServer({ noServer: true, autoPong: false }),
  };
  /** Whether pings are answered. */
  isDeaf = false;

  async start(scope: Scope): Promise<void> {
    const server = createServer();
    const open = new Set<Socket>();
    server.on("connection", (socket) => {
      open.add(socket);
      socket.on("error", () => undefined);
      socket.once("close", () => open.delete(socket));
    });
    server.on("upgrade", (request: IncomingMessage, socket: Socket, head: Buffer) => {
      this.requests.push(request);
      if (this.status === 0) return;
      if (this.status !== undefined) {
        const lines = [`HTTP/1.1 ${this.status} No`, "location: /elsewhere", "content-length: 0"];
        socket.end(`${lines.join("\r\n")}\r\n\r\n`);
        return;
      }
      const upgrader = this.isDeaf ? this.#upgraders.deaf : this.#upgraders.usual;
      upgrader.handleUpgrade(request, socket, head, (webSocket) => this.#serve(webSocket));
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    this.port = (server.address() as AddressInfo).port;
    scope.defer(() => {
      for (const socket of open) socket.destroy();
      return new Promise((resolve) => server.close(resolve));
    });
  }

  get url(): string {
    return `ws://127.0.0.1:${this.port}/preview/v1/edge`;
  }

  /** The newest connection, once there are so many. */
  async connection(least = 1): Promise<WebSocket> {
    return eventually(`connection ${least}`, () =>
      this.sockets.length >= least ? this.sockets.at(-1) : undefined,
    );
  }

  #serve(socket: WebSocket): void {
    this.sockets.push(socket);
    socket.on("error", () => undefined);
    socket.on("message", (data: Buffer, isBinary) => {
      if (isBinary) this.pictures.push(new Uint8Array(data));
      else this.texts.push(data.toString("utf8"));
    });
  }
}
