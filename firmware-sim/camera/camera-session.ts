/**
 * One viewer's session with a camera: what each request is answered (RFC 2326, section 10), and whether packets go out.
 *
 * A session lives as long as its connection, as with most cameras. Sockets are camera-server.ts' business.
 */
import { type CameraLogin, isLoginRight, loginChallenges } from "./camera-login.ts";
import type { RtspAnswer, RtspRequest, RtspStatus } from "./rtsp-message.ts";
import { chooseTransport, formatTransport, type RtspTransport } from "./rtsp-transport.ts";

/** The camera as a session sees it at the moment of a request. */
export interface CameraView {
  /** Lines of SDP, from `m=` on. */
  readonly media: readonly string[];
  /** Who sends the packets, as they say themselves (RFC 3550, section 5.1). */
  readonly ssrc: number;
  /** Of the packet that comes next: its number, and a time that is no later than its own. */
  readonly sequence: number;
  readonly timestamp: number;
  readonly udpPorts: readonly [rtp: number, rtcp: number];
  /** Whether one more viewer can be served. */
  readonly hasRoom: boolean;
}

/** What distinguishes a session. */
export interface SessionPlan {
  /** Four or more digits or letters. */
  readonly id: string;
  /** For the login; fresh for each session. */
  readonly nonce: string;
  /** Anybody may look without. */
  readonly login?: CameraLogin;
}

/** The path at which the picture is. */
export const CAMERA_PATH = "/live";
/** A viewer of whom nothing was heard for so long is let go. */
export const SESSION_TIMEOUT_SECONDS = 60;

const REALM = "Kerbstone simulated camera";
const TRACK = "trackID=0";
const METHODS = [
  "OPTIONS",
  "DESCRIBE",
  "SETUP",
  "PLAY",
  "PAUSE",
  "GET_PARAMETER",
  "SET_PARAMETER",
  "TEARDOWN",
] as const;
type Method = (typeof METHODS)[number];
/** Methods for which a session must be there. */
const IN_SESSION: readonly Method[] = ["PLAY", "PAUSE", "TEARDOWN"];

/** Answers requests in the order in which they come. */
export class CameraSession {
  readonly #plan: SessionPlan;
  #transport: RtspTransport | undefined;
  #isPlaying = false;

  constructor(plan: SessionPlan) {
    this.#plan = plan;
  }

  /** Which way packets go; `undefined` before SETUP and after TEARDOWN. */
  get transport(): RtspTransport | undefined {
    return this.#transport;
  }

  /** Whether packets are to be sent. */
  get isPlaying(): boolean {
    return this.#isPlaying;
  }

  /** Gives the answer to a request, and does what it asks. */
  answer(request: RtspRequest, view: CameraView): RtspAnswer {
    if (request.version !== "RTSP/1.0") return { status: 505 };
    if (!request.headers.has("cseq")) return { status: 400 };
    const required = request.headers.get("require");
    if (required !== undefined) return withHeaders(551, [["Unsupported", required]]);
    const method = METHODS.find((name) => name === request.method);
    if (method === undefined) return withHeaders(501, [["Public", METHODS.join(", ")]]);
    if (method === "OPTIONS") return withHeaders(200, [["Public", METHODS.join(", ")]]);
    if (!this.#isAllowed(request)) return this.#challenge();
    const place = placeOf(request.url);
    if (place === undefined) return { status: 404 };
    const session = request.headers.get("session")?.split(";")[0];
    const isOwn = this.#transport !== undefined && session === this.#plan.id;
    if (session !== undefined && !isOwn) return { status: 454 };
    if (IN_SESSION.includes(method) && !isOwn)
      return { status: this.#transport === undefined ? 455 : 454 };
    return this.#act(method, request, place, view);
  }

  #act(method: Method, request: RtspRequest, place: Place, view: CameraView): RtspAnswer {
    switch (method) {
      case "OPTIONS":
        throw new Error("OPTIONS is answered before");
      case "DESCRIBE":
        return describe(place, view);
      case "SETUP":
        return this.#setUp(request, place, view);
      case "PLAY":
        this.#isPlaying = true;
        return withHeaders(200, [
          this.#sessionHeader(),
          ["Range", "npt=now-"],
          ["RTP-Info", `url=${place.base}${TRACK};seq=${view.sequence};rtptime=${view.timestamp}`],
        ]);
      case "PAUSE":
        this.#isPlaying = false;
        return withHeaders(200, [this.#sessionHeader()]);
      case "GET_PARAMETER":
      case "SET_PARAMETER":
        // Without a parameter it is a sign of life; there are no parameters.
        return request.body.trim() === "" ? { status: 200 } : { status: 451 };
      case "TEARDOWN":
        this.#transport = undefined;
        this.#isPlaying = false;
        return { status: 200 };
    }
  }

  #setUp(request: RtspRequest, place: Place, view: CameraView): RtspAnswer {
    if (this.#isPlaying) return { status: 455 };
    if (place.track === "other") return { status: 404 };
    const transport = chooseTransport(request.headers.get("transport") ?? "");
    if (transport === undefined) return { status: 461 };
    if (!view.hasRoom && this.#transport === undefined) return { status: 453 };
    this.#transport = transport;
    return withHeaders(200, [
      ["Transport", formatTransport(transport, view.ssrc, view.udpPorts)],
      this.#sessionHeader(),
    ]);
  }

  #sessionHeader(): [string, string] {
    return ["Session", `${this.#plan.id};timeout=${SESSION_TIMEOUT_SECONDS}`];
  }

  #isAllowed({ method, headers }: RtspRequest): boolean {
    const { login, nonce } = this.#plan;
    const question = { realm: REALM, nonce, method };
    return login === undefined || isLoginRight(login, headers.get("authorization") ?? "", question);
  }

  #challenge(): RtspAnswer {
    const { login, nonce } = this.#plan;
    const challenges = login === undefined ? [] : loginChallenges(login, REALM, nonce);
    return withHeaders(
      401,
      challenges.map((challenge) => ["WWW-Authenticate", challenge]),
    );
  }
}

/** What an address names. */
interface Place {
  /** The address of the picture, with a slash at its end, as the viewer writes it. */
  readonly base: string;
  readonly track: "none" | "ours" | "other";
}

function placeOf(url: string): Place | undefined {
  if (!URL.canParse(url)) return undefined;
  const { protocol, host, pathname } = new URL(url);
  const rest = pathname.slice(CAMERA_PATH.length);
  if (protocol !== "rtsp:" || !pathname.startsWith(CAMERA_PATH) || /^[^/]/.test(rest))
    return undefined;
  const track = rest.replaceAll("/", "");
  return {
    base: `rtsp://${host}${CAMERA_PATH}/`,
    track: track === "" ? "none" : track === TRACK ? "ours" : "other",
  };
}

function describe({ base, track }: Place, { media }: CameraView): RtspAnswer {
  if (track !== "none") return { status: 404 };
  const lines = [
    "v=0",
    "o=- 0 0 IN IP4 127.0.0.1",
    "s=Kerbstone simulated camera",
    "c=IN IP4 0.0.0.0",
    "t=0 0",
    "a=control:*",
    "a=range:npt=now-",
    ...media,
    `a=control:${TRACK}`,
  ];
  return {
    status: 200,
    headers: [
      ["Content-Base", base],
      ["Content-Type", "application/sdp"],
    ],
    body: lines.map((line) => `${line}\r\n`).join(""),
  };
}

function withHeaders(
  status: RtspStatus,
  headers: readonly (readonly [string, string])[],
): RtspAnswer {
  return { status, headers };
}
