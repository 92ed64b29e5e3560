/** Programs and doors that do what a test says. */

import type {
  Child,
  ChildCommand,
  ChildExit,
  ChildHandlers,
  StartChild,
} from "../../../edge/cameras/child.ts";
import type { CameraState } from "../../../edge/cameras/preview-source.ts";
import type { CameraFault } from "../../../edge/cameras/rtsp/camera-fault.ts";
import type { Door, DoorEnding, OpenDoor } from "../../../edge/cameras/rtsp/rtsp-door.ts";
import { encodeUtf8 } from "../../../ledger/bytes.ts";

/** A program that runs until the test ends it, or until it is asked to. */
export class ScriptedChild implements Child {
  readonly command: ChildCommand;
  readonly exited: Promise<ChildExit>;
  readonly signals: string[] = [];
  /** Whether it ends when asked to; killed it ends in any case. */
  isObedient = true;
  /** What it still does when it is asked to end. */
  lastWords: () => void = () => undefined;
  isRunning = true;
  private readonly handlers: ChildHandlers;
  private resolve: (exit: ChildExit) => void = () => undefined;

  constructor(command: ChildCommand, handlers: ChildHandlers) {
    this.command = command;
    this.handlers = handlers;
    this.exited = new Promise((resolve) => (this.resolve = resolve));
  }

  signal(name: "SIGTERM" | "SIGKILL"): void {
    if (!this.isRunning) return;
    this.signals.push(name);
    if (name === "SIGKILL") this.exit({ signal: name });
    else if (this.isObedient) {
      this.lastWords();
      this.exit({ code: 255 });
    }
  }

  say(text: string | Uint8Array): void {
    this.handlers.stdout(typeof text === "string" ? encodeUtf8(text) : text);
  }

  complain(text: string): void {
    this.handlers.stderr(encodeUtf8(text));
  }

  tell(said: unknown): void {
    this.handlers.message?.(said);
  }

  exit(exit: Partial<ChildExit> = { code: 0 }): void {
    this.isRunning = false;
    this.resolve({ code: null, signal: null, ...exit });
  }
}

/** Starts scripted programs, and remembers them. */
export class ScriptedPrograms {
  readonly children: ScriptedChild[] = [];
  /** Called with each child before the caller gets it. */
  prepare: (child: ScriptedChild) => void = () => undefined;

  readonly start: StartChild = (command, handlers) => {
    const child = new ScriptedChild(command, handlers);
    this.children.push(child);
    this.prepare(child);
    return child;
  };

  get last(): ScriptedChild {
    const child = this.children.at(-1);
    if (child === undefined) throw new Error("nothing was started");
    return child;
  }

  get running(): number {
    return this.children.filter(({ isRunning }) => isRunning).length;
  }
}

/** A program that is not installed. */
export const NOT_FOUND: Partial<ChildExit> = {
  error: Object.assign(new Error("spawn ffmpeg ENOENT"), { code: "ENOENT" }),
};

/** A door whose camera the test plays. */
export class ScriptedDoor implements Door {
  readonly playerUrl: string;
  readonly ended: Promise<DoorEnding>;
  state: CameraState = "starting";
  codec: string | undefined;
  firstPictureMs: number | undefined;
  lastPictureMs: number | undefined;
  frames = 0;
  isClosed = false;
  private resolve: (ending: DoorEnding) => void = () => undefined;

  constructor(token: string) {
    this.playerUrl = `rtsp://127.0.0.1:4321/${token}`;
    this.ended = new Promise((resolve) => (this.resolve = resolve));
  }

  /** Pictures come. */
  picture(atMs: number): void {
    this.state = "ok";
    this.codec = "H264";
    this.frames += 1;
    this.firstPictureMs ??= atMs;
    this.lastPictureMs = atMs;
  }

  fail(fault: CameraFault): void {
    this.state = fault.state;
    this.resolve({ kind: "camera", fault });
  }

  end(ending: DoorEnding): void {
    this.resolve(ending);
  }

  close(): void {
    this.isClosed = true;
    this.resolve({ kind: "closed" });
  }
}

/** Opens scripted doors, and remembers them. */
export class ScriptedDoors {
  readonly doors: ScriptedDoor[] = [];

  readonly open: OpenDoor = () => {
    const door = new ScriptedDoor(`70c3${this.doors.length}`);
    this.doors.push(door);
    return Promise.resolve(door);
  };

  get last(): ScriptedDoor {
    const door = this.doors.at(-1);
    if (door === undefined) throw new Error("no door was opened");
    return door;
  }
}
