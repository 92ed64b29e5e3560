/**
 * A camera's port: viewers by TCP, their packets by the same connection or by UDP.
 *
 * Any number of viewers get the same packets, up to a bound. A camera that is unplugged refuses connections and has
 * dropped those that there were; its port stays its own.
 */
import { createSocket, type Socket as UdpSocket } from "node:dgram";
import type { Server, Socket } from "node:net";
import { encodeHex } from "../../ledger/bytes.ts";
import type { Clock } from "../../platform/clock.ts";
import { formatListenAddress } from "../../platform/listen-address.ts";
import type { Random } from "../../platform/random.ts";
import { listenTcp, type TcpPlace } from "../outlet/tcp-server.ts";
import type { CameraLogin } from "./camera-login.ts";
import { CAMERA_PATH, type CameraView } from "./camera-session.ts";
import { CameraViewer } from "./camera-viewer.ts";
import type { MediaPacket } from "./video-source.ts";

/** What a camera's port is made from. */
export interface CameraServerParts {
  readonly place: TcpPlace;
  /** Anybody may look without. */
  readonly login?: CameraLogin;
  readonly clock: Clock;
  /** Draws the names of sessions. */
  readonly random: Random;
}

/** Viewers that are served at once; one more is told that there is not enough bandwidth. */
export const VIEWERS_MAX = 16;
/** Connections, with those that have only asked so far; one more is closed at once. */
const CONNECTIONS_MAX = 64;
/** Up to and with the name of the sender (RFC 3550, section 5.1). */
const RTP_HEAD_BYTES = 12;
/** Tries to find two free ports side by side. */
const PORT_PAIR_TRIES = 50;

/** A camera's port, open or unplugged. */
export class CameraServer {
  readonly #parts: CameraServerParts;
  readonly #place: TcpPlace;
  readonly #udp: readonly [rtp: UdpSocket, rtcp: UdpSocket];
  readonly #viewers = new Set<CameraViewer>();
  #server: Server | undefined;
  #media: readonly string[] = [];
  #last: Uint8Array = new Uint8Array(RTP_HEAD_BYTES);
  #bytesSent = 0;
  #bytesLost = 0;
  #isClosed = false;

  private constructor(
    parts: CameraServerParts,
    place: TcpPlace,
    udp: readonly [UdpSocket, UdpSocket],
  ) {
    this.#parts = parts;
    this.#place = place;
    this.#udp = udp;
    for (const socket of udp) {
      socket.on("message", (_bytes, { address, port }) => {
        for (const viewer of this.#viewers) if (viewer.isAt(address, port)) viewer.heard();
      });
      // A viewer whose port is closed makes the next sending fail; it will close its connection too.
      socket.on("error", () => undefined);
    }
  }

  /** Listens. Rejects with the system's error when the address cannot be had. */
  static async open(parts: CameraServerParts): Promise<CameraServer> {
    const { server, place } = await listenTcp(parts.place);
    try {
      const camera = new CameraServer(parts, place, await bindPair(place.host));
      camera.#accept(server);
      return camera;
    } catch (error) {
      server.close();
      throw error;
    }
  }

  /** Where to look: `rtsp://host:port/live`. */
  get address(): string {
    return `rtsp://${formatListenAddress(this.#place)}${CAMERA_PATH}`;
  }

  /** Bytes of packets, of all viewers together. */
  get bytesSent(): number {
    return this.#bytesSent;
  }

  /** Bytes that a viewer was too slow for. */
  get bytesLost(): number {
    return this.#bytesLost;
  }

  /** Says from now on that this is what can be seen: lines of SDP from `m=` on. */
  describe(media: readonly string[]): void {
    this.#media = media;
  }

  /** Hands a packet to all who want it. */
  pass(packet: MediaPacket): void {
    if (packet.kind === "rtp" && packet.bytes.length >= RTP_HEAD_BYTES) this.#last = packet.bytes;
    for (const viewer of this.#viewers) {
      const outcome = viewer.pass(packet);
      if (outcome === "sent") this.#bytesSent += packet.bytes.length;
      if (outcome === "lost") this.#bytesLost += packet.bytes.length;
    }
  }

  /** Listens again where it listened before. Rejects with the system's error when somebody else does meanwhile. */
  async plug(): Promise<void> {
    if (this.#server === undefined) this.#accept((await listenTcp(this.#place)).server);
  }

  /** Drops all viewers and refuses new ones. */
  async unplug(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    for (const viewer of this.#viewers) viewer.drop();
    if (server === undefined) return;
    await new Promise<void>((resolve) => server.close(() => resolve()));
  }

  /** Ends all of it. May be called twice. */
  async close(): Promise<void> {
    await this.unplug();
    if (this.#isClosed) return;
    this.#isClosed = true;
    for (const socket of this.#udp) socket.close();
  }

  #accept(server: Server): void {
    server.maxConnections = CONNECTIONS_MAX;
    server.on("connection", (socket) => {
      // One that was on its way when the plug was pulled would hold it back.
      if (server === this.#server) this.#serve(socket);
      else socket.destroy();
    });
    this.#server = server;
  }

  #serve(socket: Socket): void {
    const { login, clock, random } = this.#parts;
    const plan = {
      id: encodeHex(random.bytes(8)),
      nonce: encodeHex(random.bytes(16)),
      ...(login === undefined ? {} : { login }),
    };
    const viewer = new CameraViewer(
      socket,
      {
        plan,
        clock,
        look: () => this.#view(),
        sendUdp: (packet, address, port) => {
          const from = this.#udp[packet.kind === "rtp" ? 0 : 1];
          from.send(packet.bytes, port, address, () => undefined);
        },
      },
      () => this.#viewers.delete(viewer),
    );
    this.#viewers.add(viewer);
  }

  #view(): CameraView {
    const view = new DataView(this.#last.buffer, this.#last.byteOffset, this.#last.byteLength);
    const viewers = [...this.#viewers].filter(({ isSetUp }) => isSetUp).length;
    return {
      media: this.#media,
      sequence: (view.getUint16(2) + 1) & 0xffff,
      timestamp: view.getUint32(4),
      ssrc: view.getUint32(8),
      udpPorts: [this.#udp[0].address().port, this.#udp[1].address().port],
      hasRoom: viewers < VIEWERS_MAX,
    };
  }
}

/** Takes an even port for RTP and the next one for RTCP (RFC 3550, section 11), of those that are free. */
async function bindPair(host: string): Promise<[rtp: UdpSocket, rtcp: UdpSocket]> {
  let failure: unknown;
  for (let tries = 0; tries < PORT_PAIR_TRIES; tries++) {
    const rtp = await bind(host, 0);
    const { port } = rtp.address();
    try {
      if (port % 2 === 0) return [rtp, await bind(host, port + 1)];
    } catch (error) {
      failure = error;
    }
    rtp.close();
  }
  throw new Error(`no two UDP ports side by side are free on ${host}`, { cause: failure });
}

function bind(host: string, port: number): Promise<UdpSocket> {
  const socket = createSocket(host.includes(":") ? "udp6" : "udp4");
  return new Promise((resolve, reject) => {
    socket.once("error", (error) => {
      socket.close();
      reject(error);
    });
    socket.bind(port, host, () => {
      socket.removeAllListeners("error");
      resolve(socket);
    });
  });
}
