/**
 * Programs that run beside the agent, as its other parts see them; node-child.ts starts real ones.
 */

import type { Clock } from "../../platform/clock.ts";

/** What to start. */
export interface ChildCommand {
  /** A path, or a name that is looked for on PATH. Holds no secret, nor do the arguments: every user can read both. */
  readonly program: string;
  readonly args: readonly string[];
  /** For our own programs: said to it once, where only it can hear. Such a program ends when this one does. */
  readonly message?: object;
}

/** What a child says. The bytes are the handler's. */
export interface ChildHandlers {
  stdout(chunk: Uint8Array): void;
  stderr(chunk: Uint8Array): void;
  /** What one of our own programs says back. */
  message?(said: unknown): void;
}

/** How a child ended; with an error where it was never started. */
export interface ChildExit {
  readonly code: number | null;
  readonly signal: string | null;
  readonly error?: NodeJS.ErrnoException;
}

/** A child that runs, or has ended. */
export interface Child {
  /** Settles when it has ended and all that it said has been handed on; never rejects. */
  readonly exited: Promise<ChildExit>;

  /** Asks it to end, or ends it. Does nothing once it has ended. */
  signal(name: "SIGTERM" | "SIGKILL"): void;
}

/** Starts a child. Never throws: what cannot be started has ended with an error. */
export type StartChild = (command: ChildCommand, handlers: ChildHandlers) => Child;

/** How long a child may take to end when it is asked to. */
export const STOP_LIMIT_MS = 5_000;

/** Ends a child: asks, and insists after a while. Resolves when it has ended. */
export async function stopChild(child: Child, clock: Clock): Promise<ChildExit> {
  child.signal("SIGTERM");
  const cancel = clock.after(STOP_LIMIT_MS, () => child.signal("SIGKILL"));
  try {
    return await child.exited;
  } finally {
    cancel();
  }
}

const KEPT_CHARACTERS_MAX = 4_096;

/** The end of what a program complains of, with what others need not know replaced. */
export class Complaints {
  private readonly decoder = new TextDecoder();
  private readonly scrub: (text: string) => string;
  private text = "";

  constructor(scrub: (text: string) => string) {
    this.scrub = scrub;
  }

  push(chunk: Uint8Array): void {
    this.text = (this.text + this.decoder.decode(chunk, { stream: true })).slice(
      -KEPT_CHARACTERS_MAX,
    );
  }

  /** What is kept of it. */
  get all(): string {
    return this.scrub(this.text);
  }

  /** The last line that says anything; empty where there is none. */
  get last(): string {
    const lines = this.all.split(/[\r\n]+/);
    return lines.findLast((line) => line.trim() !== "")?.trim() ?? "";
  }
}
