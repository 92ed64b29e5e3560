/**
 * What happens between a player on this machine, which knows no password, and a camera, which wants one.
 *
 * Requests are led to the camera's address and get its login; a 401 is answered here, and the player never hears of it.
 * Of what the camera offers only the picture is passed on. Frames go through untouched. Pure: bytes in, bytes out;
 * connections and waiting are rtsp-door.ts's.
 */

import { withoutSecrets } from "../camera-address.ts";
import type { CameraAddress } from "../camera-address.ts";
import { cameraFault, printable } from "./camera-fault.ts";
import type { CameraFault } from "./camera-fault.ts";
import type { CameraLogin, LoginHope } from "./rtsp-challenge.ts";
import {
  bodyText,
  formatMessage,
  headerOf,
  headersOf,
  parseRequestLine,
  parseStatusLine,
  RtspReader,
  withBody,
  withHeader,
} from "./rtsp-message.ts";
import type { RtspMessage, RtspPart } from "./rtsp-message.ts";
import { keepVideo, videoStream } from "./session-description.ts";

/** What a relay is made of. */
export interface RelayParts {
  /** The word in the player's URL that shows that it was sent by us; of hex digits. */
  readonly token: string;
  readonly address: CameraAddress;
  readonly login: CameraLogin;
}

/** What is to be sent after a piece was taken. */
export interface RelayStep {
  readonly toCamera: readonly Uint8Array[];
  readonly toPlayer: readonly Uint8Array[];
}

/** A request that the camera has not answered. */
interface Pending {
  /** Its number between the player and us. */
  readonly playerSeq: string;
  readonly method: string;
  readonly url: string;
  readonly message: RtspMessage;
  readonly tries: number;
  readonly hadLogin: boolean;
}

const PENDING_MAX = 32;
const CODEC_CHARACTERS_MAX = 32;
const NOTHING: RelayStep = { toCamera: [], toPlayer: [] };
const PLAYER_URL = /^rtsp:\/\/127\.0\.0\.1:\d+\/(?<token>[0-9a-f]+)(?<rest>\/.*)?$/;
/** Without these nothing is seen; what else a camera cannot do does not matter. */
const NEEDED = new Set(["DESCRIBE", "SETUP", "PLAY"]);

/** See the head of the file. One connection of a player; over once `fault` or `isStranger` says so. */
export class RtspRelay {
  /** Whether whoever connected was not sent by us. */
  isStranger = false;
  fault: CameraFault | undefined;
  /** Whether the camera has agreed to send. */
  isPlaying = false;
  /** Frames with pictures that came. */
  frames = 0;
  /** Requests that the camera has answered. */
  answers = 0;
  /** As the camera names it; absent before it has. */
  codec: string | undefined;
  private readonly parts: RelayParts;
  private readonly fromPlayerReader = new RtspReader();
  private readonly fromCameraReader = new RtspReader();
  private readonly pending = new Map<number, Pending>();
  private readonly pictureChannels = new Set<number>();
  private isKnown = false;
  private seq = 0;

  constructor(parts: RelayParts) {
    this.parts = parts;
  }

  /** Whether the camera owes an answer. */
  get isWaiting(): boolean {
    return this.pending.size > 0;
  }

  /** Takes what the player has sent; the step shares the piece's memory. */
  fromPlayer(chunk: Uint8Array): RelayStep {
    const toCamera: Uint8Array[] = [];
    const toPlayer: Uint8Array[] = [];
    for (const part of this.fromPlayerReader.push(chunk)) {
      if (this.isOver) break;
      if (part.kind === "frames") toCamera.push(part.bytes);
      else if (part.kind === "fault") this.isStranger = true;
      else {
        const step = this.takeRequest(part.message);
        toCamera.push(...step.toCamera);
        toPlayer.push(...step.toPlayer);
      }
    }
    return { toCamera, toPlayer };
  }

  /** Takes what the camera has sent; the step shares the piece's memory. */
  fromCamera(chunk: Uint8Array): RelayStep {
    const toCamera: Uint8Array[] = [];
    const toPlayer: Uint8Array[] = [];
    for (const part of this.fromCameraReader.push(chunk)) {
      if (this.isOver) break;
      if (part.kind === "frames") toPlayer.push(this.takeFrames(part));
      else if (part.kind === "fault") {
        this.fail("offline", `what answers there is no camera: it says ${part.text}`);
      } else {
        const step = this.takeFromCamera(part.message);
        toCamera.push(...step.toCamera);
        toPlayer.push(...step.toPlayer);
      }
    }
    return { toCamera, toPlayer };
  }

  private get isOver(): boolean {
    return this.isStranger || this.fault !== undefined;
  }

  private takeFrames({ bytes, channels }: Extract<RtspPart, { kind: "frames" }>): Uint8Array {
    for (const channel of channels) if (this.pictureChannels.has(channel)) this.frames += 1;
    return bytes;
  }

  private takeRequest(message: RtspMessage): RelayStep {
    const line = parseRequestLine(message.startLine);
    // Answers of the player are to questions of the camera, which are answered here.
    if (line === undefined) return NOTHING;
    const { method } = line;
    const url = this.cameraUrl(line.url);
    if (url === undefined || this.pending.size >= PENDING_MAX) {
      this.isStranger = true;
      return NOTHING;
    }
    this.isKnown = true;
    // ffmpeg tries UDP first, and then this connection.
    if (method === "SETUP" && !/TCP/i.test(headerOf(message, "Transport") ?? "")) {
      return { toCamera: [], toPlayer: [shortAnswer("461 Unsupported Transport", message)] };
    }
    const playerSeq = headerOf(message, "CSeq") ?? "0";
    const asked = { playerSeq, method, url, message, tries: 0, hadLogin: false };
    return { toCamera: [this.ask(asked)], toPlayer: [] };
  }

  /** The camera's address for one of the player's; `undefined` for somebody who does not know the token. */
  private cameraUrl(url: string): string | undefined {
    const { token, address } = this.parts;
    const groups = PLAYER_URL.exec(url)?.groups;
    if (groups?.["token"] === token) {
      const rest = groups["rest"] ?? "";
      return address.url.endsWith("/") ? address.url + rest.slice(1) : address.url + rest;
    }
    // The camera may name its streams by addresses of its own.
    return this.isKnown ? url : undefined;
  }

  /** Numbers a request, adds the login, and remembers it. */
  private ask(asked: Pending): Uint8Array {
    const { method, url, message, tries } = asked;
    this.seq += 1;
    const login = this.parts.login.authorize(method, url);
    const numbered = withHeader(message, "CSeq", String(this.seq));
    const request = withHeader(numbered, "Authorization", login);
    this.pending.set(this.seq, { ...asked, tries: tries + 1, hadLogin: login !== undefined });
    return formatMessage({ ...request, startLine: `${method} ${url} RTSP/1.0` });
  }

  private takeFromCamera(message: RtspMessage): RelayStep {
    const status = parseStatusLine(message.startLine);
    if (status === undefined) return { toCamera: [answerOf(message)], toPlayer: [] };
    const seq = this.seqOf(message);
    const asked = this.pending.get(seq);
    if (asked === undefined) return NOTHING;
    this.pending.delete(seq);
    this.answers += 1;
    if (status.code === 401) {
      return { toCamera: this.takeChallenge(message, asked), toPlayer: [] };
    }
    const answer = this.judgeAnswer(asked, status, message);
    if (answer === undefined) return NOTHING;
    return { toCamera: [], toPlayer: [formatMessage(withHeader(answer, "CSeq", asked.playerSeq))] };
  }

  /** Answers come in order; a camera that forgets their number means the oldest request. */
  private seqOf(message: RtspMessage): number {
    const [oldest = NaN] = this.pending.keys();
    const text = headerOf(message, "CSeq");
    return text === undefined ? oldest : Number(text);
  }

  private takeChallenge(message: RtspMessage, asked: Pending): Uint8Array[] {
    const { login } = this.parts;
    const hope = login.hear(headersOf(message, "WWW-Authenticate"), asked.hadLogin);
    if (hope === "try-again" && asked.tries < 2) return [this.ask(asked)];
    this.fail("refused", LOGIN_TEXTS[hope === "try-again" ? "refused" : hope]);
    return [];
  }

  /** Looks at an answer, and gives what the player is to see of it; `undefined` where all is over. */
  private judgeAnswer(
    { method }: Pending,
    { code, text }: { readonly code: number; readonly text: string },
    message: RtspMessage,
  ): RtspMessage | undefined {
    // A player that is sent elsewhere goes there by itself, past this door: so it never hears of it.
    if (code >= 300 && (code < 400 || NEEDED.has(method))) {
      const state = code === 403 ? "refused" : "offline";
      return this.fail(
        state,
        `it answers ${method} with ${code} ${text}${adviceOn(code, message)}`,
      );
    }
    if (code >= 300) return message;
    if (method === "DESCRIBE") return this.takeDescription(message);
    if (method === "SETUP") this.notePictureChannel(message);
    if (method === "PLAY") this.isPlaying = true;
    return message;
  }

  private takeDescription(message: RtspMessage): RtspMessage | undefined {
    const description = bodyText(message);
    const video = keepVideo(description);
    if (video === undefined) return this.fail("offline", "it offers no picture at this path");
    this.codec = printable(videoStream(description)?.codec ?? "unknown", CODEC_CHARACTERS_MAX);
    return withBody(message, video);
  }

  private notePictureChannel(message: RtspMessage): void {
    const channel = /interleaved=(\d+)/i.exec(headerOf(message, "Transport") ?? "")?.[1];
    this.pictureChannels.add(channel === undefined ? 0 : Number(channel));
  }

  private fail(state: CameraFault["state"], text: string): undefined {
    this.fault = cameraFault(state, text);
  }
}

const LOGIN_TEXTS: Readonly<Record<Exclude<LoginHope, "try-again">, string>> = {
  refused: "it refuses user name or password",
  "none-given": "it asks for a user name and a password: set username and passwordFile",
  "only-basic":
    "it takes the password in clear only: use rtsps://, or set plainPassword = true where nobody else is on its network",
  "unknown-scheme": "it asks for a login of a kind that is not known here",
};

function adviceOn(code: number, message: RtspMessage): string {
  if (code === 404) return ": it does not know the path in its url";
  if (code === 461) return ": it cannot send pictures through the same connection (TCP)";
  // Cameras have been seen to send people to addresses with a password in them.
  const location = code < 400 ? headerOf(message, "Location") : undefined;
  return location === undefined ? "" : `: it is said to be at ${withoutSecrets(location)}`;
}

/** Cameras ask now and then whether somebody is there. */
function answerOf(request: RtspMessage): Uint8Array {
  const method = parseRequestLine(request.startLine)?.method ?? "";
  const isQuestion = ["OPTIONS", "GET_PARAMETER", "SET_PARAMETER"].includes(method);
  return shortAnswer(isQuestion ? "200 OK" : "501 Not Implemented", request);
}

function shortAnswer(status: string, request: RtspMessage): Uint8Array {
  const seq = headerOf(request, "CSeq");
  return formatMessage({
    startLine: `RTSP/1.0 ${status}`,
    headers: seq === undefined ? [] : [["CSeq", seq]],
    body: new Uint8Array(0),
  });
}
