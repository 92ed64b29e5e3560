/**
 * A board's line as a serial port that this program makes: a pseudo terminal, with a link to it at a path of one's choice.
 *
 * Node cannot make pseudo terminals; socat can, and holds one for each opening by somebody else. It ends when they close
 * it, and the next one takes its place at once, so that nobody is sent what was meant for the one before, and so that
 * here is known whether somebody reads. Unplugged there is no link, and whoever has the port open sees it vanish.
 */
import { type ChildProcessByStdio, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { lstat, readlink } from "node:fs/promises";
import type { Readable, Writable } from "node:stream";
import type { Clock } from "../../platform/clock.ts";
import { UserError } from "../../platform/user-error.ts";
import {
  type BytesReceived,
  CLOSE_LIMIT_MS,
  type Outlet,
  ReadyQueue,
  WAITING_BYTES_MAX,
} from "./outlet.ts";

/** Where the link is to be. Pseudo terminals take any baud rate, and heed none. */
export interface PtyPlace {
  /** Absolute. */
  readonly path: string;
}

/** How often socat looks whether somebody has opened the terminal. */
const LOOK_SECONDS = 0.05;
/** Where Linux has a program that ends another one when its parent has died. */
const SETPRIV = "/usr/bin/setpriv";
const OPEN = /starting data transfer loop/;
const THERE = /PTY is (\S+)/;
const NOTICES_LENGTH_MAX = 4000;
/** How setpriv ends, as a shell would, where there is no such program. */
const EXIT_NO_PROGRAM = 127;
const LINK_LIMIT_MS = 5000;
const LINK_LOOK_MS = 10;

/** Makes the terminal. Rejects with a `UserError` where socat is not installed or cannot. */
export async function openPtyOutlet(
  place: PtyPlace,
  received: BytesReceived,
  clock: Clock,
): Promise<Outlet> {
  const outlet = new PtyOutlet(place, received, clock);
  try {
    await outlet.plug();
  } catch (error) {
    await outlet.close();
    throw error;
  }
  return outlet;
}

class PtyOutlet implements Outlet {
  readonly address: string;
  readonly ended: Promise<Error | undefined>;
  readonly #path: string;
  readonly #received: BytesReceived;
  readonly #clock: Clock;
  readonly #queue: ReadyQueue;
  /** Whether the terminal is to be there. */
  #isPlugged = false;
  #holder: Holder | undefined;
  #bytesLost = 0;
  #end: (error?: Error) => void = () => undefined;

  constructor({ path }: PtyPlace, received: BytesReceived, clock: Clock) {
    this.address = `serial:${path}`;
    this.#path = path;
    this.#received = received;
    this.#clock = clock;
    this.#queue = new ReadyQueue(() => this.#takesBytes());
    this.ended = new Promise((resolve) => (this.#end = resolve));
  }

  get bytesLost(): number {
    return this.#bytesLost;
  }

  write(bytes: Uint8Array): void {
    if (this.#takesBytes()) this.#holder?.write(bytes);
    else this.#bytesLost += bytes.length;
  }

  ready(signal: AbortSignal): Promise<void> {
    return this.#queue.wait(signal);
  }

  async unplug(): Promise<void> {
    this.#isPlugged = false;
    await this.#holder?.stop();
    this.#holder = undefined;
  }

  async plug(): Promise<void> {
    if (this.#isPlugged) return;
    this.#isPlugged = true;
    await this.#hold();
  }

  async close(): Promise<void> {
    await this.unplug();
    this.#end();
  }

  /** Holds a terminal, and the next one when this one was closed. */
  async #hold(): Promise<void> {
    await refuseFile(this.#path);
    const holder = new Holder(this.#path, this.#clock, {
      received: this.#received,
      changed: () => this.#queue.check(),
    });
    this.#holder = holder;
    await holder.linked();
    void holder.gone.then(() => {
      if (this.#isPlugged && holder === this.#holder) this.#hold().catch(this.#fail);
    });
  }

  readonly #fail = (error: unknown): void => {
    this.#end(error instanceof Error ? error : new Error(String(error)));
  };

  #takesBytes(): boolean {
    const holder = this.#holder;
    return this.#isPlugged && holder?.isOpen === true && holder.waiting < WAITING_BYTES_MAX;
  }
}

/** A socat with a terminal. */
class Holder {
  /** Settles when socat has ended: with why it did, where it was not asked to. */
  readonly gone: Promise<Error>;
  readonly #path: string;
  readonly #clock: Clock;
  readonly #child: ChildProcessByStdio<Writable, Readable, Readable>;
  #hasEnded = false;
  #notices = "";

  constructor(path: string, clock: Clock, events: HolderEvents) {
    this.#path = path;
    this.#clock = clock;
    const terminal = `PTY,raw,echo=0,link=${path},wait-slave,pty-interval=${LOOK_SECONDS}`;
    const socat = ["socat", "-d", "-d", "-t", "0", "STDIO", terminal];
    // Before somebody has opened the terminal socat does not look at its input, nor see it end.
    const guarded = existsSync(SETPRIV) ? [SETPRIV, "--pdeathsig", "TERM", "--", ...socat] : socat;
    const [program = "", ...argv] = guarded;
    const child = spawn(program, argv, { stdio: ["pipe", "pipe", "pipe"] });
    this.#child = child;
    child.stdin.on("error", () => undefined);
    child.stdin.on("drain", events.changed);
    child.stdout.on("data", events.received);
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      const wasOpen = this.isOpen;
      this.#notices = (this.#notices + text).slice(0, NOTICES_LENGTH_MAX);
      if (this.isOpen && !wasOpen) events.changed();
    });
    this.gone = new Promise((resolve) => {
      const end = (error: Error): void => {
        this.#hasEnded = true;
        resolve(error);
      };
      child.once("error", (cause: NodeJS.ErrnoException) =>
        end(cause.code === "ENOENT" ? notInstalled(cause) : cause),
      );
      child.once("close", (code) =>
        end(
          code === EXIT_NO_PROGRAM
            ? notInstalled()
            : new UserError(`socat: ${reasonOf(this.#notices)}`),
        ),
      );
    });
  }

  /** Whether somebody has opened the terminal. */
  get isOpen(): boolean {
    return !this.#hasEnded && OPEN.test(this.#notices);
  }

  /** Bytes that wait for a slow reader. */
  get waiting(): number {
    return this.#child.stdin.writableLength;
  }

  /** Waits until the link is there. Rejects with why it does not come. */
  async linked(): Promise<void> {
    for (let waitedMs = 0; waitedMs < LINK_LIMIT_MS; waitedMs += LINK_LOOK_MS) {
      if (this.#hasEnded) throw await this.gone;
      // The link may be an old one, to a terminal that is somebody else's by now.
      const [, terminal] = THERE.exec(this.#notices) ?? [];
      if (terminal !== undefined && (await targetOf(this.#path)) === terminal) return;
      await this.#clock.sleep(LINK_LOOK_MS);
    }
    throw new UserError(`socat made no link within ${LINK_LIMIT_MS / 1000} s`);
  }

  write(bytes: Uint8Array): void {
    this.#child.stdin.write(bytes);
  }

  /** Ends it; asked politely, socat takes its link away. */
  async stop(): Promise<void> {
    this.#child.kill("SIGTERM");
    const cancel = this.#clock.after(CLOSE_LIMIT_MS, () => this.#child.kill("SIGKILL"));
    await this.gone;
    cancel();
  }
}

interface HolderEvents {
  readonly received: BytesReceived;
  /** The terminal was opened, or took bytes that had waited. */
  readonly changed: () => void;
}

/** socat takes away what stands in its link's place, whatever it is. */
async function refuseFile(path: string): Promise<void> {
  const found = await lstat(path).catch(() => undefined);
  if (found !== undefined && !found.isSymbolicLink())
    throw new UserError(`${path} is there already, and is no link of an earlier run`);
}

function targetOf(path: string): Promise<string | undefined> {
  return readlink(path).catch(() => undefined);
}

function notInstalled(cause?: unknown): UserError {
  return new UserError("socat is not installed, and makes the serial port", {
    hint: "Install it, on Debian with: apt-get install socat",
    ...(cause === undefined ? {} : { cause }),
  });
}

/** The last complaint of socat: its lines are time, program, a letter for how grave it is, and the text. */
function reasonOf(notices: string): string {
  const complaints = [...notices.matchAll(/^\S+ \S+ \S+ [EF] (.*)$/gm)];
  const line = notices.trim().split("\n").at(-1) ?? "";
  return complaints.at(-1)?.[1] ?? (line === "" ? "it ended without a word" : line);
}
