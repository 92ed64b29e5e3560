/**
 * A door on loopback through which one player reaches one camera, so that no password stands where others can read it.
 *
 * A player's command line can be read by every user of the machine, and ffmpeg takes a password nowhere else. Here it
 * gets an address with a random word in it, good for one connection. The door knows from the protocol itself how the
 * camera is, and cuts what hangs. When this process dies, however it dies, the kernel closes both connections, and the
 * player comes to the end of its input. What is said in between is rtsp-relay.ts's.
 */

import { createServer } from "node:net";
import type { AddressInfo, Server, Socket } from "node:net";
import { encodeHex } from "../../../ledger/bytes.ts";
import type { Clock } from "../../../platform/clock.ts";
import type { Random } from "../../../platform/random.ts";
import type { CameraState } from "../preview-source.ts";
import type { CameraAccess } from "./camera-access.ts";
import { connectCamera } from "./camera-socket.ts";
import { cameraFault } from "./camera-fault.ts";
import type { CameraFault } from "./camera-fault.ts";
import { CameraLogin } from "./rtsp-challenge.ts";
import { RtspRelay } from "./rtsp-relay.ts";
import type { RelayStep } from "./rtsp-relay.ts";

/** What a door is made of. */
export interface DoorParts {
  readonly access: CameraAccess;
  readonly clock: Clock;
  readonly random: Random;
}

/** Why a door has closed. */
export type DoorEnding =
  | { readonly kind: "camera"; readonly fault: CameraFault }
  /** The player has left. */
  | { readonly kind: "player" }
  /** The player takes nothing any more. */
  | { readonly kind: "stuck" }
  | { readonly kind: "closed" };

/** As much of a door as others need. */
export interface Door {
  /** Where the player is to go. */
  readonly playerUrl: string;
  readonly state: CameraState;
  /** As the camera names it; absent before it has. */
  readonly codec: string | undefined;
  /** When the first and the newest bytes of the picture came, monotonic; absent before. */
  readonly firstPictureMs: number | undefined;
  readonly lastPictureMs: number | undefined;
  /** Frames of the transport that came. */
  readonly frames: number;
  /** Settles when the door has closed; never rejects. */
  readonly ended: Promise<DoorEnding>;
  close(): void;
}

/** Opens a door; rejects where loopback gives no port. */
export type OpenDoor = (access: CameraAccess) => Promise<Door>;

const TOKEN_BYTES = 16;
const VISITORS_MAX = 4;
const LOOK_MS = 500;
const CONNECT_LIMIT_MS = 10_000;
const ANSWER_LIMIT_MS = 10_000;
/** A visitor that says nothing is none of ours. */
const VISITOR_LIMIT_MS = 5_000;
/** How long either side may take to say goodbye. */
const LINGER_MS = 2_000;

/** See the head of the file. */
export class RtspDoor implements Door {
  readonly playerUrl: string;
  readonly ended: Promise<DoorEnding>;
  firstPictureMs: number | undefined;
  lastPictureMs: number | undefined;
  private readonly parts: DoorParts;
  private readonly token: string;
  private readonly server: Server;
  private readonly visitors = new Set<Socket>();
  private relay: RtspRelay | undefined;
  private player: Socket | undefined;
  private camera: Socket | undefined;
  private isConnected = false;
  /** Since when the camera is waited for, monotonic. */
  private waitingSinceMs = 0;
  /** Since when pictures are due, monotonic. */
  private playingSinceMs: number | undefined;
  /** Since when the player has been too full to take more; absent where it is not. */
  private stuckSinceMs: number | undefined;
  private ending: DoorEnding | undefined;
  private resolveEnded: (ending: DoorEnding) => void = () => undefined;
  private cancelLook: () => void = () => undefined;

  private constructor(parts: DoorParts, server: Server, token: string) {
    this.parts = parts;
    this.server = server;
    this.token = token;
    const { port } = server.address() as AddressInfo;
    this.playerUrl = `rtsp://127.0.0.1:${port}/${token}`;
    this.ended = new Promise((resolve) => (this.resolveEnded = resolve));
    server.on("connection", (socket) => this.meet(socket));
    this.look();
  }

  /** Opens a door. Nothing is asked of the camera before a player comes. */
  static async open(parts: DoorParts): Promise<RtspDoor> {
    const server = createServer({ noDelay: true });
    server.maxConnections = VISITORS_MAX;
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(0, "127.0.0.1", resolve);
    });
    return new RtspDoor(parts, server, encodeHex(parts.random.bytes(TOKEN_BYTES)));
  }

  get state(): CameraState {
    if (this.ending?.kind === "camera") return this.ending.fault.state;
    return this.frames > 0 ? "ok" : "starting";
  }

  get codec(): string | undefined {
    return this.relay?.codec;
  }

  get frames(): number {
    return this.relay?.frames ?? 0;
  }

  close(): void {
    this.end({ kind: "closed" });
  }

  /** Lets somebody in who may be our player; only its first words tell. */
  private meet(socket: Socket): void {
    const { access, clock, random } = this.parts;
    const { address, credentials } = access;
    const mayUseBasic = access.plainPassword || address.isTls;
    const login = new CameraLogin({ credentials, mayUseBasic, random });
    const relay = new RtspRelay({ token: this.token, address, login });
    this.visitors.add(socket);
    const cancel = clock.after(VISITOR_LIMIT_MS, () => {
      if (this.player !== socket) socket.destroy();
    });
    socket.on("error", () => undefined);
    socket.once("close", () => {
      cancel();
      this.visitors.delete(socket);
      if (this.player === socket) this.end({ kind: "player" });
    });
    socket.on("data", (chunk: Uint8Array) => {
      const step = relay.fromPlayer(chunk);
      if (relay.isStranger) socket.destroy();
      else if (step.toCamera.length > 0) this.takeFromPlayer(socket, relay, step);
      send(socket, step.toPlayer);
    });
  }

  private takeFromPlayer(socket: Socket, relay: RtspRelay, step: RelayStep): void {
    if (this.player === undefined) this.admit(socket, relay);
    if (this.player !== socket || this.camera === undefined) {
      socket.destroy();
      return;
    }
    this.waitingSinceMs = this.parts.clock.monotonicMs();
    // What is written before the connection stands waits in the socket.
    if (!send(this.camera, step.toCamera)) socket.pause();
  }

  /** Takes a visitor who knows the word as the player, turns the others away, and goes to the camera. */
  private admit(socket: Socket, relay: RtspRelay): void {
    this.player = socket;
    this.relay = relay;
    this.server.close();
    for (const other of this.visitors) if (other !== socket) other.destroy();
    this.camera = this.connect();
    socket.on("drain", () => {
      this.stuckSinceMs = undefined;
      this.readOn();
    });
    this.camera.on("drain", () => {
      socket.resume();
      this.readOn();
    });
  }

  /** Reads on from the camera, unless what comes of it has nowhere to go yet. */
  private readOn(): void {
    const { camera, player } = this;
    if (camera?.writableNeedDrain === false && player?.writableNeedDrain === false) camera.resume();
  }

  private connect(): Socket {
    return connectCamera(this.parts.access, {
      connected: () => {
        this.isConnected = true;
        this.waitingSinceMs = this.parts.clock.monotonicMs();
      },
      bytes: (chunk) => this.takeFromCamera(chunk),
      closed: (text) => this.fail("offline", text),
    });
  }

  private takeFromCamera(chunk: Uint8Array): void {
    const { relay, player, camera } = this;
    if (relay === undefined || player === undefined || camera === undefined) return;
    const nowMs = this.parts.clock.monotonicMs();
    const { frames: framesBefore, answers: answersBefore } = relay;
    const step = relay.fromCamera(chunk);
    // An answer that comes byte by byte is no answer yet.
    if (relay.answers > answersBefore) this.waitingSinceMs = nowMs;
    if (relay.isPlaying) this.playingSinceMs ??= nowMs;
    if (relay.frames > framesBefore) {
      this.firstPictureMs ??= nowMs;
      this.lastPictureMs = nowMs;
    }
    // A camera that asks and asks, and does not take the answers, is not heard until it does.
    if (!send(camera, step.toCamera)) camera.pause();
    if (!send(player, step.toPlayer)) {
      this.stuckSinceMs ??= nowMs;
      camera.pause();
    }
    if (relay.fault !== undefined) this.end({ kind: "camera", fault: relay.fault });
  }

  /** Looks now and then whether anything hangs. */
  private look(): void {
    this.cancelLook = this.parts.clock.after(LOOK_MS, () => {
      this.judgeWaiting(this.parts.clock.monotonicMs());
      if (this.ending === undefined) this.look();
    });
  }

  private judgeWaiting(nowMs: number): void {
    const { relay, stuckSinceMs, waitingSinceMs } = this;
    const { silentMs } = this.parts.access;
    if (relay === undefined) return;
    if (stuckSinceMs !== undefined) {
      if (nowMs - stuckSinceMs > silentMs) this.end({ kind: "stuck" });
      return;
    }
    if (!this.isConnected) {
      if (nowMs - waitingSinceMs > CONNECT_LIMIT_MS)
        this.fail("offline", `it does not answer within ${CONNECT_LIMIT_MS / 1000} s`);
    } else if (relay.isPlaying) {
      if (nowMs - (this.lastPictureMs ?? this.playingSinceMs ?? nowMs) > silentMs)
        this.fail("silent", `it has sent no picture for ${Math.round(silentMs / 1000)} s`);
    } else if (relay.isWaiting && nowMs - waitingSinceMs > ANSWER_LIMIT_MS) {
      this.fail("silent", `it is connected, and has not answered for ${ANSWER_LIMIT_MS / 1000} s`);
    }
  }

  private fail(state: CameraFault["state"], text: string): void {
    this.end({ kind: "camera", fault: cameraFault(state, text) });
  }

  private end(ending: DoorEnding): void {
    if (this.ending !== undefined) return;
    this.ending = ending;
    this.cancelLook();
    this.server.close();
    for (const visitor of this.visitors) if (visitor !== this.player) visitor.destroy();
    const { player, camera } = this;
    // The player's goodbye should reach the camera, and the camera's last pictures the player.
    if (ending.kind === "player") this.leave(camera);
    else camera?.destroy();
    if (ending.kind === "stuck") player?.destroy();
    else this.leave(player);
    this.resolveEnded(ending);
  }

  /** Ends a connection behind what is still under way, and breaks it where the other side does not end it too. */
  private leave(socket: Socket | undefined): void {
    if (socket === undefined || socket.destroyed) return;
    const cancel = this.parts.clock.after(LINGER_MS, () => socket.destroy());
    socket.once("close", cancel);
    socket.end();
  }
}

/** Hands pieces to a socket; false where it is full, and the sender is to wait. */
function send(socket: Socket, pieces: readonly Uint8Array[]): boolean {
  if (socket.destroyed || pieces.length === 0) return true;
  socket.cork();
  let hasRoom = true;
  for (const piece of pieces) hasRoom = socket.write(piece);
  socket.uncork();
  return hasRoom;
}
