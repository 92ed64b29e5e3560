/** The lock of a data folder, against processes that end in every way. Needs the compiled program. */
import { once } from "node:events";
import { type Server, createServer } from "node:net";
import { readdir, rename } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { lockFolder } from "../../platform/folder-lock.ts";
import { UserError } from "../../platform/user-error.ts";
import { type Running, startProcess } from "../support/process.ts";
import { testScope } from "../support/scope.ts";

const scope = testScope();
const COMPILED = new URL("../../dist/platform/folder-lock.js", import.meta.url).href;

/** Starts a process that takes the folder, or says why it cannot, and then waits for its end. */
async function contender(folder: string): Promise<Running> {
  const program = `
    const { lockFolder } = await import(${JSON.stringify(COMPILED)});
    try {
      await lockFolder(process.argv[1]);
      console.log("locked " + process.pid);
      setInterval(() => undefined, 1000);
    } catch (error) {
      console.log("refused: " + error.message);
    }`;
  return startProcess(scope, {
    program: process.execPath,
    args: ["--input-type=module", "-e", program, folder],
  });
}

async function refusal(folder: string): Promise<UserError> {
  const error = await lockFolder(folder).catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(UserError);
  return error as UserError;
}

test("a second process is refused with the number of the first", async () => {
  const folder = await scope.folder("lock");
  const first = await contender(folder);
  const [, pid = ""] = await first.output(/locked (\d+)/);
  expect((await refusal(folder)).message).toBe(
    `${folder} is in use by another kerbstone process, number ${pid}.`,
  );
  const second = await contender(folder);
  await second.output(new RegExp(`refused: .* number ${pid}\\.`));
  await first.stop();
  await (await lockFolder(folder)).release();
});

test("the lock of a killed process is free at once, and its traces go", async () => {
  const folder = await scope.folder("lock");
  const first = await contender(folder);
  await first.output(/locked/);
  await first.kill();
  expect(await readdir(join(folder, ".lock"))).toHaveLength(1);
  const lock = await lockFolder(folder);
  expect(await readdir(join(folder, ".lock"))).toHaveLength(1);
  await lock.release();
  expect(await readdir(join(folder, ".lock"))).toEqual([]);
});

test("a process id that is used again by a living process does not keep the folder locked", async () => {
  const folder = await scope.folder("lock");
  const first = await contender(folder);
  await first.output(/locked/);
  await first.kill();
  const place = join(folder, ".lock");
  const [trace = ""] = await readdir(place);
  // As if the killed process had had the number that this one has now.
  await rename(join(place, trace), join(place, trace.replace(/^\d+/, `${process.pid}`)));
  await (await lockFolder(folder)).release();
});

test("a stopped process keeps its lock", async () => {
  const folder = await scope.folder("lock");
  const first = await contender(folder);
  const [, pid = ""] = await first.output(/locked (\d+)/);
  process.kill(Number(pid), "SIGSTOP");
  try {
    expect((await refusal(folder)).message).toContain(pid);
  } finally {
    process.kill(Number(pid), "SIGCONT");
  }
});

test("of many that start at once, one at most gets the folder", async () => {
  const folder = await scope.folder("lock");
  const outcomes = await Promise.allSettled(Array.from({ length: 8 }, () => lockFolder(folder)));
  const locks = outcomes.filter((outcome) => outcome.status === "fulfilled");
  expect(locks.length).toBeLessThanOrEqual(1);
  await Promise.all(locks.map(({ value }) => value.release()));
  const lock = await lockFolder(folder);
  expect((await refusal(folder)).message).toContain("this very process");
  await Promise.all([lock.release(), lock.release()]);
  await (await lockFolder(folder)).release();
});

test("a folder deep down is locked too", async () => {
  const folder = join(await scope.folder("lock"), "very-long-name".repeat(8), "and", "deeper");
  const lock = await lockFolder(folder);
  await refusal(folder);
  await lock.release();
});

test("a socket that was never a lock does not matter", async () => {
  const folder = await scope.folder("lock");
  await (await lockFolder(folder)).release();
  const stranger: Server = createServer();
  stranger.listen(join(folder, ".lock", "new-1.0011223344556677"));
  await once(stranger, "listening");
  scope.defer(() => new Promise((resolve) => stranger.close(resolve)));
  await (await lockFolder(folder)).release();
});
