/** How programs end: exit codes and sentences, and stopping parts in time. */
import { describe, expect, test } from "vitest";
import { ManualClock } from "../../platform/clock.ts";
import { type ProgramIo, Shutdown, exitCodeOf } from "../../platform/lifecycle.ts";
import { silentLogger } from "../../platform/log.ts";
import { MemoryFiles } from "../../platform/memory-files.ts";
import { seededRandom } from "../../platform/random.ts";
import { UserError } from "../../platform/user-error.ts";

async function outcome(main: (io: ProgramIo) => Promise<number>): Promise<[number, string]> {
  let errors = "";
  const code = await exitCodeOf(main, {
    argv: [],
    env: {},
    stdout: { write: () => true },
    stderr: {
      write: (text) => {
        errors += text;
      },
    },
    signal: new AbortController().signal,
    clock: new ManualClock(0),
    random: seededRandom(0),
    files: new MemoryFiles(),
    cwd: "/",
  });
  return [code, errors];
}

function systemError(fields: object): Error {
  return Object.assign(new Error("as Node words it"), fields);
}

describe("exitCodeOf", () => {
  test("a program's own code", async () => {
    expect(await outcome(async () => 3)).toEqual([3, ""]);
  });

  test("a user error is its sentence, its hint and its code", async () => {
    expect(
      await outcome(async () => {
        throw new UserError("No such thing.", { hint: "Try another.", exitCode: 4 });
      }),
    ).toEqual([4, "kerbstone: No such thing.\nTry another.\n"]);
  });

  test.each([
    [
      { code: "EADDRINUSE", syscall: "listen", address: "127.0.0.1", port: 1883 },
      "Port 1883 of 127.0.0.1 is already in use by another program.",
    ],
    [
      { code: "EADDRINUSE", address: "/run/x.sock", port: -1 },
      "/run/x.sock is already in use by another program.",
    ],
    [
      { code: "EACCES", syscall: "listen", address: "0.0.0.0", port: 80 },
      "Port 80 of 0.0.0.0 needs more rights: ports below 1024 belong to the system.",
    ],
    [{ code: "EACCES", path: "/data/x" }, "/data/x cannot be used: permission denied (EACCES)."],
    [{ code: "ENOSPC", path: "/data/x" }, "/data/x cannot be written: the disk is full."],
    [{ code: "ENOSPC", syscall: "write" }, "A file (write) cannot be written: the disk is full."],
    [{ code: "EROFS", path: "/data" }, "/data cannot be written: the file system is read-only."],
  ])("%j is explained, however deep it lies", async (fields, sentence) => {
    const inner = systemError(fields);
    const outer = new Error("the journal failed", { cause: inner });
    for (const error of [inner, outer]) {
      const [code, text] = await outcome(() => Promise.reject(error));
      expect([code, text]).toEqual([1, `kerbstone: ${sentence}\n`]);
    }
  });

  test("any other error is ours: it keeps its stack and those behind it", async () => {
    const [code, text] = await outcome(async () => {
      throw new TypeError("oops", { cause: systemError({ code: "ENOENT" }) });
    });
    expect(code).toBe(70);
    expect(text).toMatch(/^kerbstone: internal error: TypeError: oops\n\s+at /);
    expect(text).toContain("caused by: Error: as Node words it");
  });
});

describe("Shutdown", () => {
  function begin(): {
    stop: AbortController;
    clock: ManualClock;
    shutdown: Shutdown;
    log: string[];
  } {
    const stop = new AbortController();
    const clock = new ManualClock(0);
    const log: string[] = [];
    const logger = {
      ...silentLogger,
      warn: (fields: object, message: string) => log.push(`${message} ${JSON.stringify(fields)}`),
      error: (_: object, message: string) => log.push(message),
    };
    const shutdown = new Shutdown({ signal: stop.signal, clock, logger, limitMs: 1000 });
    return { stop, clock, shutdown, log };
  }

  test("waits for the signal, then stops parts in reverse order, one after the other", async () => {
    const { stop, clock, shutdown } = begin();
    const order: string[] = [];
    for (const name of ["journal", "broker", "page"]) {
      shutdown.add(name, async () => {
        order.push(`${name} stops`);
        await clock.sleep(10);
        order.push(`${name} stopped`);
      });
    }
    const asked = shutdown.asked();
    expect(shutdown.signal.aborted).toBe(false);
    stop.abort();
    await asked;
    expect(shutdown.signal.aborted).toBe(true);
    const stopped = shutdown.stop();
    await clock.advance(100);
    await stopped;
    expect(order).toEqual(
      ["page", "broker", "journal"].flatMap((name) => [`${name} stops`, `${name} stopped`]),
    );
    expect(clock.pending).toBe(0);
  });

  test("a part that fails does not spare the others, and is told at the end", async () => {
    const { shutdown, log } = begin();
    const order: string[] = [];
    shutdown.add("a", () => order.push("a"));
    shutdown.add("b", () => {
      throw new Error("b will not");
    });
    await expect(shutdown.stop()).rejects.toThrow("b will not");
    expect(order).toEqual(["a"]);
    expect(log).toEqual(["a part failed to stop"]);
  });

  test("a part that never ends is left behind at the limit", async () => {
    const { shutdown, clock, log } = begin();
    const order: string[] = [];
    shutdown.add("a", () => order.push("a"));
    shutdown.add("stuck", () => new Promise(() => undefined));
    const stopped = shutdown.stop();
    await clock.advance(999);
    expect(order).toEqual([]);
    await clock.advance(1);
    await stopped;
    expect(order).toEqual(["a"]);
    expect(log[0]).toContain('did not stop in time {"part":"stuck"');
  });

  test("a part that cannot go on ends the program with its error", async () => {
    const { shutdown } = begin();
    const asked = shutdown.asked();
    shutdown.fail(new Error("the disk is gone"));
    shutdown.fail(new Error("too late"));
    await expect(asked).rejects.toThrow("the disk is gone");
    expect(shutdown.signal.aborted).toBe(true);
    await Promise.all([shutdown.stop(), shutdown.stop()]);
  });
});
