/**
 * One camera being looked at: a connection to the hub, again and again until it is stopped (docs/preview.md, "The
 * viewer's side").
 *
 * The token is the first word on it and stands in no address. What pictures look like is moving-picture.ts's.
 */

import { isObject, parseJson, text } from "../api/shape.ts";
import type { Timers } from "../connection/timers.ts";
import type { Camera } from "./camera-list.ts";

/** What of a WebSocket is used. */
export interface ViewerSocket {
  send(word: string): void;
  close(): void;
}

/** What happens on one. */
export interface ViewerSocketEvents {
  opened(): void;
  text(word: string): void;
  bytes(bytes: Uint8Array<ArrayBuffer>): void;
  /** Called once, also where it never opened. */
  closed(code: number): void;
}

/** Opens a WebSocket to a path of the page's own hub. */
export type OpenViewerSocket = (path: string, events: ViewerSocketEvents) => ViewerSocket;

/** How it is going. */
export type WatchPhase = "connecting" | "watching" | "waiting" | "refused" | "over";

/** What is shown of it. */
export interface WatchView {
  readonly phase: WatchPhase;
  /** How the camera is, as its device says; absent before the hub has said it. */
  readonly state: string | undefined;
  /** Why it is not being watched now; empty where it is. */
  readonly words: string;
}

/** What a watch works with. */
export interface CameraWatchParts {
  readonly camera: Pick<Camera, "device" | "camera">;
  readonly token: string;
  readonly open: OpenViewerSocket;
  readonly timers: Timers;
  readonly onBytes: (bytes: Uint8Array<ArrayBuffer>) => void;
  readonly onChange: (view: WatchView) => void;
}

const RETRY_FIRST_MS = 1_000;
const RETRY_MAX_MS = 30_000;

/** Ends that the hub means to last: the token is none, or no longer. */
const CODES_REFUSED: readonly number[] = [4002, 4003];

/** What people are told of an end (docs/preview.md, "Ends"). */
const WORDS: Readonly<Record<number, string>> = {
  1001: "The hub is being stopped.",
  4002: "The hub does not take this token.",
  4003: "This token is not valid any more.",
  4007: "This camera is not connected.",
  4008: "As many people look already as may.",
  4009: "The line is too slow for this picture.",
};

/** See the head of the file. */
export class CameraWatch {
  readonly #parts: CameraWatchParts;
  #view: WatchView = { phase: "connecting", state: undefined, words: "" };
  #socket: ViewerSocket | undefined;
  #cancelRetry: (() => void) | undefined;
  #failures = 0;
  #isStopped = false;

  constructor(parts: CameraWatchParts) {
    this.#parts = parts;
    this.#connect();
  }

  get view(): WatchView {
    return this.#view;
  }

  /** Ends it for good. */
  stop(): void {
    this.#isStopped = true;
    this.#cancelRetry?.();
    this.#socket?.close();
  }

  #connect(): void {
    const { camera, token, open, onBytes } = this.#parts;
    const path = `/preview/v1/devices/${camera.device}/cameras/${camera.camera}`;
    const socket = open(path, {
      opened: () => socket.send(JSON.stringify({ token })),
      text: (word) => {
        if (!this.#isStopped) this.#takeState(word);
      },
      bytes: (bytes) => {
        if (!this.#isStopped) onBytes(bytes);
      },
      closed: (code) => {
        if (!this.#isStopped) this.#closed(code);
      },
    });
    this.#socket = socket;
  }

  #takeState(word: string): void {
    const said = parseJson(word);
    const state = isObject(said) ? text(said["state"]) : undefined;
    if (state === undefined) return;
    this.#failures = 0;
    this.#show({ phase: "watching", state, words: "" });
  }

  #closed(code: number): void {
    this.#socket = undefined;
    const words = WORDS[code] ?? "The connection is gone.";
    if (CODES_REFUSED.includes(code)) {
      this.#show({ phase: "refused", state: undefined, words });
      return;
    }
    this.#show({ phase: "waiting", state: undefined, words });
    const { timers } = this.#parts;
    const waitMs = Math.min(RETRY_MAX_MS, RETRY_FIRST_MS * 2 ** Math.min(this.#failures, 10));
    this.#failures += 1;
    this.#cancelRetry = timers.after(waitMs * (0.5 + 0.5 * timers.chance()), () => {
      this.#connect();
    });
  }

  #show(view: WatchView): void {
    this.#view = view;
    this.#parts.onChange(view);
  }
}
