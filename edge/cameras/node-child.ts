/** Children as real processes, which never outlive this one by their own doing: see child.ts and rtsp-door.ts. */

import { spawn } from "node:child_process";
import type { ChildProcess, StdioOptions } from "node:child_process";
import { env } from "node:process";
import type { Child, ChildCommand, ChildExit, ChildHandlers } from "./child.ts";

/** Starts a process. */
export function startNodeChild(command: ChildCommand, handlers: ChildHandlers): Child {
  const { program, args, message } = command;
  const pipes = ["ignore", "pipe", "pipe"] as const;
  const stdio: StdioOptions = message === undefined ? [...pipes] : [...pipes, "ipc"];
  let child: ChildProcess;
  try {
    // Colours are for terminals, and the words are looked at by people who may not speak the system's language.
    child = spawn(program, [...args], {
      stdio,
      env: { ...env, AV_LOG_FORCE_NOCOLOR: "1", LC_ALL: "C" },
    });
  } catch (error) {
    return hasFailed(error as NodeJS.ErrnoException);
  }
  child.stdout?.on("data", (chunk: Uint8Array) => handlers.stdout(chunk));
  child.stderr?.on("data", (chunk: Uint8Array) => handlers.stderr(chunk));
  child.on("message", (said) => handlers.message?.(said));
  if (message !== undefined) child.send(message, () => undefined);
  return {
    exited: exitOf(child),
    signal: (name) => {
      if (child.exitCode === null && child.signalCode === null) child.kill(name);
    },
  };
}

function exitOf(child: ChildProcess): Promise<ChildExit> {
  return new Promise((resolve) => {
    let error: NodeJS.ErrnoException | undefined;
    // Also said where a signal could not be sent; only a child without an id was never there.
    child.on("error", (cause) => {
      error = cause;
      if (child.pid === undefined) resolve({ code: null, signal: null, error: cause });
    });
    child.once("close", (code, signal) => {
      const failed = child.pid === undefined && error !== undefined ? { error } : {};
      resolve({ code, signal, ...failed });
    });
  });
}

function hasFailed(error: NodeJS.ErrnoException): Child {
  return {
    exited: Promise.resolve({ code: null, signal: null, error }),
    signal: () => undefined,
  };
}
