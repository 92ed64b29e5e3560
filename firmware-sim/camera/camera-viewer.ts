/**
 * One viewer's connection: requests in, answers and packets out.
 */
import type { Socket } from "node:net";
import type { Clock } from "../../platform/clock.ts";
import {
  CameraSession,
  type CameraView,
  SESSION_TIMEOUT_SECONDS,
  type SessionPlan,
} from "./camera-session.ts";
import { encodeRtspAnswer, encodeRtspFrame, type RtspInput, RtspReader } from "./rtsp-message.ts";
import type { MediaPacket } from "./video-source.ts";

/** What a viewer needs of its server. */
export interface ViewerParts {
  readonly plan: SessionPlan;
  readonly clock: Clock;
  /** Looks at the camera, for this viewer. */
  readonly look: () => CameraView;
  /** Sends a packet to a UDP port of this address. */
  readonly sendUdp: (packet: MediaPacket, address: string, port: number) => void;
}

/** Bytes that wait for a slow viewer before packets are left out. */
const WAITING_BYTES_MAX = 512 * 1024;

/** A viewer; it owns its socket. */
export class CameraViewer {
  readonly #socket: Socket;
  readonly #parts: ViewerParts;
  readonly #session: CameraSession;
  readonly #reader = new RtspReader();
  #cancelTimeout: () => void = () => undefined;

  /** Answers from now on; `gone` is called once, when the connection is closed. */
  constructor(socket: Socket, parts: ViewerParts, gone: () => void) {
    this.#socket = socket;
    this.#parts = parts;
    this.#session = new CameraSession(parts.plan);
    socket.on("data", (chunk: Buffer) => {
      this.heard();
      for (const input of this.#reader.push(chunk)) this.#take(input);
    });
    // A viewer that goes away mid-write is no trouble of the camera's; "close" follows.
    socket.on("error", () => socket.destroy());
    socket.once("close", () => {
      this.#cancelTimeout();
      gone();
    });
    this.heard();
  }

  /** Whether it has asked for a way on which packets are to go. */
  get isSetUp(): boolean {
    return this.#session.transport !== undefined;
  }

  /** Whether datagrams from there are this viewer's. */
  isAt(address: string, port: number): boolean {
    const { transport } = this.#session;
    return (
      transport?.kind === "udp" &&
      (port === transport.rtp || port === transport.rtcp) &&
      address === this.#socket.remoteAddress
    );
  }

  /** Notes a sign of life. */
  heard(): void {
    this.#cancelTimeout();
    this.#cancelTimeout = this.#parts.clock.after(SESSION_TIMEOUT_SECONDS * 1000, () =>
      this.#socket.destroy(),
    );
  }

  /** Hands a packet on, if it is wanted; says what became of it. */
  pass(packet: MediaPacket): "sent" | "lost" | "unwanted" {
    const { transport, isPlaying } = this.#session;
    if (transport === undefined || !isPlaying) return "unwanted";
    const to = transport[packet.kind];
    if (transport.kind === "udp") {
      this.#parts.sendUdp(packet, this.#socket.remoteAddress ?? "", to);
      return "sent";
    }
    // Left out whole: half a frame would be the end of the connection.
    if (!this.#socket.writable || this.#socket.writableLength > WAITING_BYTES_MAX) return "lost";
    this.#socket.write(encodeRtspFrame({ channel: to, bytes: packet.bytes }));
    return "sent";
  }

  /** Ends the connection at once, as when the cable is pulled out. */
  drop(): void {
    this.#socket.resetAndDestroy();
  }

  #take(input: RtspInput): void {
    switch (input.kind) {
      case "frame": // Reports of what the viewer receives; they have been noted as signs of life.
        return;
      case "bad":
        this.#socket.end(encodeRtspAnswer({ status: 400 }, undefined));
        return;
      case "request": {
        const answer = this.#session.answer(input.request, this.#parts.look());
        this.#socket.write(encodeRtspAnswer(answer, input.request.headers.get("cseq")));
      }
    }
  }
}
