/** Real processes around `runProgram`: signals, exit codes, ports that are taken. Needs the compiled program. */
import { createServer } from "node:net";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { expect, test } from "vitest";
import { type Running, runProcess, startProcess } from "../support/process.ts";
import { testScope } from "../support/scope.ts";

const scope = testScope();

function compiled(path: string): string {
  return JSON.stringify(new URL(`../../dist/${path}`, import.meta.url).href);
}

/** Arguments for node that run `body` as a program; `io` and `Shutdown` are in scope. */
function programArgs(body: string): string[] {
  const source = `
    import { createServer } from "node:net";
    import { Shutdown, runProgram } from ${compiled("platform/lifecycle.js")};
    import { silentLogger } from ${compiled("platform/log.js")};
    import { VerifyPool } from ${compiled("platform/verify-pool.js")};
    import { nobleSigner } from ${compiled("ledger/signature.js")};
    await runProgram(async (io) => { ${body} });`;
  return ["--input-type=module", "-e", source];
}

function start(body: string): Promise<Running> {
  return startProcess(scope, { program: process.execPath, args: programArgs(body) });
}

const SERVER = `
  const shutdown = new Shutdown({ ...io, logger: silentLogger });
  const server = createServer().listen(0);
  shutdown.add("server", () => new Promise((resolve) => server.close(resolve)));
  io.stdout.write("ready\\n");
  await shutdown.asked();
  await shutdown.stop();
  io.stdout.write("stopped\\n");
  return 0;`;

test.each(["SIGTERM", "SIGINT"] as const)("%s stops a program cleanly", async (signal) => {
  const running = await start(SERVER);
  await running.output(/ready/);
  expect(await running.stop(signal)).toEqual({ code: 0, signal: null });
  expect(running.stdout).toContain("stopped");
});

test("the second signal ends at once a program that takes its time", async () => {
  const running = await start(`
    io.signal.addEventListener("abort", () => io.stdout.write("asked\\n"));
    setInterval(() => undefined, 1000);
    io.stdout.write("ready\\n");
    return new Promise(() => undefined);`);
  await running.output(/ready/);
  process.kill(running.pid, "SIGINT");
  await running.output(/asked/);
  expect(await running.stop("SIGINT")).toEqual({ code: 130, signal: null });
});

test.each([
  ["SIGINT", 130],
  ["SIGTERM", 143],
] as const)(
  "%s to a command that has not finished is one sentence, and %d",
  async (signal, code) => {
    const running = await start(`
    io.stdout.write("ready\\n");
    await io.clock.sleep(60000, io.signal);
    return 0;`);
    await running.output(/ready/);
    expect(await running.stop(signal)).toEqual({ code, signal: null });
    expect(running.stderr).toBe(`kerbstone: Stopped by ${signal}.\n`);
  },
);

test("a port that is taken is one sentence, also when nobody awaited the error", async () => {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  scope.defer(() => server.close());
  const { port } = server.address() as AddressInfo;
  const body = `createServer().listen(${port}, "127.0.0.1"); return new Promise(() => undefined);`;
  const result = await runProcess(scope, { program: process.execPath, args: programArgs(body) });
  expect(result).toMatchObject({
    code: 1,
    stdout: "",
    stderr: `kerbstone: Port ${port} of 127.0.0.1 is already in use by another program.\n`,
  });
});

test("a program that forgot a connection still ends", async () => {
  const body = `setInterval(() => undefined, 1000); return 3;`;
  const result = await runProcess(scope, { program: process.execPath, args: programArgs(body) });
  expect(result.code).toBe(3);
});

test("a reader that goes away is no error", async () => {
  const args = programArgs(
    `for (let i = 0; i < 100000; i++) io.stdout.write("line\\n"); return 0;`,
  );
  const quoted = [process.execPath, ...args].map((arg) => `'${arg.replaceAll("'", `'\\''`)}'`);
  const command = `${quoted.join(" ")} | head -1`;
  const result = await runProcess(scope, { program: "/bin/sh", args: ["-c", command] });
  expect(result).toMatchObject({ code: 0, stdout: "line\n", stderr: "" });
});

test("the compiled verification pool finds its worker, and lets the process end unclosed", async () => {
  const body = `
    const signer = nobleSigner(new Uint8Array(32));
    const message = new Uint8Array(3);
    const job = { publicKey: signer.publicKey, message, signature: signer.sign(message) };
    const answers = await new VerifyPool(2).verify([job, { ...job, message: new Uint8Array(4) }]);
    io.stdout.write(JSON.stringify(answers));
    return 0;`;
  const result = await runProcess(scope, { program: process.execPath, args: programArgs(body) });
  expect(result).toMatchObject({ code: 0, stdout: "[true,false]", stderr: "" });
});
