/** The hub's commands as an operator types them, over a real folder, socket and port, in this process. */

import { chmod, mkdir, readFile, rename, rm, rmdir, stat, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { run } from "../../hub/main.ts";
import { encodeBase64Url, encodeUtf8 } from "../../ledger/bytes.ts";
import { systemClock } from "../../platform/clock.ts";
import { nodeFiles } from "../../platform/files.ts";
import { exitCodeOf } from "../../platform/lifecycle.ts";
import type { ProgramIo } from "../../platform/lifecycle.ts";
import { systemRandom } from "../../platform/random.ts";
import { testScope } from "../support/scope.ts";
import type { Scope } from "../support/scope.ts";
import { closed, connect, Inbox, ORIGIN, testDevice, topic } from "./support/devices.ts";
import { openViewer, showCameras } from "./support/preview-peers.ts";
import { enrolmentRequest } from "./support/running-hub.ts";

const scope = testScope();

/** A program that runs, or has run, with what it has printed. */
interface Command {
  readonly exit: Promise<number>;
  stdout: string;
  stderr: string;
  stop(): void;
  /** Waits until it has printed something on stdout. */
  printed(pattern: RegExp): Promise<RegExpExecArray>;
}

function start(cwd: string, ...argv: string[]): Command {
  const abort = new AbortController();
  const waiting: (() => void)[] = [];
  const wake = (): void => {
    for (const each of waiting.splice(0)) each();
  };
  const write = (stream: "stdout" | "stderr") => ({
    write: (text: string) => {
      command[stream] += text;
      wake();
    },
  });
  const io: ProgramIo = {
    argv,
    env: {},
    stdout: write("stdout"),
    stderr: write("stderr"),
    signal: abort.signal,
    clock: systemClock,
    random: systemRandom,
    files: nodeFiles,
    cwd,
  };
  const command: Command = {
    exit: Promise.resolve(0),
    stdout: "",
    stderr: "",
    stop: () => abort.abort(),
    printed: async (pattern) => {
      let hasEnded = false;
      void running.then(() => {
        hasEnded = true;
        wake();
      });
      for (;;) {
        const found = pattern.exec(command.stdout);
        if (found !== null) return found;
        if (hasEnded) throw new Error(`ended without printing ${pattern}: ${command.stderr}`);
        await new Promise<void>((resolve) => waiting.push(resolve));
      }
    },
  };
  const running = exitCodeOf(run, io);
  return Object.assign(command, { exit: running });
}

/** Runs a command to its end. */
async function typed(
  cwd: string,
  ...argv: string[]
): Promise<{ code: number; out: string; err: string }> {
  const command = start(cwd, ...argv);
  const code = await command.exit;
  return { code, out: command.stdout, err: command.stderr };
}

async function initialised(owner: Scope): Promise<string> {
  const folder = await owner.folder("hub");
  expect(await typed(folder, "init", "--origin", ORIGIN)).toMatchObject({ code: 0, err: "" });
  return folder;
}

const QUIET = ["--log-level", "silent", "--http-port", "0"];

describe("kerbstone hub", () => {
  test("from init to a revoked device", async () => {
    const folder = await initialised(scope);
    expect((await stat(join(folder, "data/hub.key"))).mode & 0o777).toBe(0o600);
    const hub = start(folder, "run", "--mqtt-port", "0", ...QUIET);
    scope.defer(() => hub.stop());
    const port = Number((await hub.printed(/MQTT 127\.0\.0\.1:(\d+)\n/))[1]);
    expect(hub.stdout).toContain(`vkey ${ORIGIN}+`);

    const air = testDevice("air-1");
    const noise = testDevice("noise-1");
    expect((await typed(folder, "devices")).out).toBe("No device is enrolled yet.\n");
    await writeFile(join(folder, "air.json"), JSON.stringify(enrolmentRequest(air)));
    const enrolled = await typed(folder, "enrol", "--file", "air.json");
    expect(enrolled).toMatchObject({
      code: 0,
      out: `Enrolled air-1 with key ${air.kid} as entry 2.\n`,
    });
    const word = encodeBase64Url(encodeUtf8(JSON.stringify(enrolmentRequest(noise))));
    expect(await typed(folder, "enrol", word)).toMatchObject({ code: 0 });
    const again = await typed(folder, "enrol", word);
    expect(again).toMatchObject({
      code: 0,
      out: "noise-1 is enrolled with this key already, as entry 3; nothing was done.\n",
    });
    const renewed = enrolmentRequest(testDevice("noise-1", 1));
    const other = await typed(
      folder,
      "enrol",
      encodeBase64Url(encodeUtf8(JSON.stringify(renewed))),
    );
    expect(other.code).not.toBe(0);
    expect(other.err).toMatch(
      /has a live key, .*: kerbstone hub revoke noise-1 --reason replaced/s,
    );

    const client = await connect(scope, port, air);
    const inbox = new Inbox(client);
    await client.subscribeAsync(topic(air, "ack"), { qos: 1 });
    expect(await inbox.json(topic(air, "ack"))).toMatchObject({ stored: -1 });
    const table = (await typed(folder, "devices")).out.split("\n");
    expect(table[1]).toMatch(/^air-1 +[0-9a-f]{16} +online +public +main +- +-$/);
    expect(table[2]).toMatch(/^noise-1 .* offline /);
    expect(JSON.parse((await typed(folder, "status")).out)).toMatchObject({ origin: ORIGIN });

    const revoked = await typed(folder, "revoke", "air-1", "--reason", "stolen");
    expect(revoked).toMatchObject({
      code: 0,
      out: `Revoked key ${air.kid} of air-1 by entry 4.\n`,
    });
    await closed(client);
    const [line] = JSON.parse((await typed(folder, "devices", "--json")).out) as [object];
    expect(line).toMatchObject({ name: "air-1", isRevoked: true });

    hub.stop();
    expect(await hub.exit).toBe(0);
    expect((await typed(folder, "devices")).err).toMatch(/No hub is running/);
  });

  test("who may look at live pictures: from add to remove, and over a restart", async () => {
    const folder = await initialised(scope);
    const first = start(folder, "run", "--mqtt-port", "0", ...QUIET);
    scope.defer(() => first.stop());
    const port = Number((await first.printed(/HTTP 127\.0\.0\.1:(\d+)\n/))[1]);
    const request = encodeBase64Url(
      encodeUtf8(JSON.stringify(enrolmentRequest(testDevice("cam-1")))),
    );
    await typed(folder, "enrol", request);
    expect((await typed(folder, "viewers", "list")).out).toBe(
      "Nobody may look at live pictures yet.\n",
    );
    const added = await typed(folder, "viewers", "add", "mara", "--device", "cam-1");
    expect(added).toMatchObject({ code: 0, err: "" });
    const [, token] =
      /^mara may look at the cameras of cam-1 until .*Z\.\nThe token, shown only now: ([\w-]{43})\n$/.exec(
        added.out,
      )!;
    const all = await typed(folder, "viewers", "add", "jun", "--days", "366");
    expect(all.out).toMatch(/^jun may look at all cameras until /);
    const file = join(folder, "data/viewers.json");
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect(await readFile(file, "utf8")).not.toContain(token);
    await showCameras(scope, port, "cam-1", "front");
    const viewer = await openViewer(scope, port, "cam-1/front", token);
    await viewer.word('{"device":"cam-1","camera":"front","state":"ok"}');
    const table = (await typed(folder, "viewers", "list")).out.split("\n");
    expect(table[0]).toMatch(/^NAME +DEVICES +SINCE +UNTIL +LOOKING NOW$/);
    expect(table[1]).toMatch(/^mara +cam-1 +\S+Z +\S+Z +1$/);
    expect(table[2]).toMatch(/^jun +all +\S+Z +\S+Z +0$/);
    first.stop();
    expect(await first.exit).toBe(0);
    expect((await viewer.closed)[0]).toBe(1001);

    const second = start(folder, "run", "--mqtt-port", "0", ...QUIET);
    scope.defer(() => second.stop());
    const again = Number((await second.printed(/HTTP 127\.0\.0\.1:(\d+)\n/))[1]);
    await showCameras(scope, again, "cam-1", "front");
    const back = await openViewer(scope, again, "cam-1/front", token);
    await back.word('{"device":"cam-1","camera":"front","state":"ok"}');
    expect(await typed(folder, "viewers", "remove", "mara")).toMatchObject({
      code: 0,
      out: "mara may look no longer.\n",
    });
    expect(await back.closed).toEqual([4003, "removed"]);
    const json = JSON.parse((await typed(folder, "viewers", "list", "--json")).out) as object[];
    expect(json).toMatchObject([{ name: "jun", views: 0 }]);
    for (const [argv, words] of [
      [["add", "jun"], /There is a viewer jun already/],
      [["add", "mara", "--device", "cam-9"], /no device cam-9 is enrolled/],
      [["add", "Mara"], /expected a name/],
      [["remove", "mara"], /There is no viewer mara/],
    ] as const) {
      const refused = await typed(folder, "viewers", ...argv);
      expect(refused.code).toBe(1);
      expect(refused.err).toMatch(words);
    }
    second.stop();
    expect(await second.exit).toBe(0);
  });

  test("resumes what it has written", async () => {
    const folder = await initialised(scope);
    const first = start(folder, "run", "--mqtt-port", "0", ...QUIET);
    await first.printed(/MQTT/);
    const request = encodeBase64Url(
      encodeUtf8(JSON.stringify(enrolmentRequest(testDevice("air-1")))),
    );
    await typed(folder, "enrol", request);
    first.stop();
    await first.exit;
    const second = start(folder, "run", "--mqtt-port", "0", ...QUIET);
    await second.printed(/MQTT/);
    expect((await typed(folder, "devices")).out).toContain("air-1");
    second.stop();
    expect(await second.exit).toBe(0);
  });

  test.each<[string, readonly string[], RegExp]>([
    ["no origin", ["init"], /--origin needs the log's name/],
    ["an origin with a scheme", ["init", "--origin", "https://x.example"], /--origin needs/],
    [
      "blocks of no length",
      ["init", "--origin", ORIGIN, "--block-seconds", "0"],
      /--block-seconds/,
    ],
    ["no hub in the folder", ["run", "--data", "nowhere"], /There is no hub in/],
    ["an unknown setting", ["run", "--mqtt-prot", "1"], /did you mean --mqtt-port/],
    ["a port that is none", ["run", "--mqtt-port", "70000"], /mqtt-port: expected a whole number/],
    ["no request", ["enrol"], /as an argument or with --file/],
    ["a file that is not there", ["enrol", "--file", "none.json"], /There is no file .*none\.json/],
    ["no reason", ["revoke", "air-1"], /needs a --reason/],
    ["no viewers' command", ["viewers"], /^$/],
    [
      "another viewers' command",
      ["viewers", "ad", "mara"],
      /Did you mean kerbstone hub viewers add/,
    ],
    ["no viewer's name", ["viewers", "add"], /missing: the viewer's name/],
    ["days without end", ["viewers", "add", "m", "--days", "367"], /--days needs a whole number/],
    ["no days", ["viewers", "add", "m", "--days", "0"], /--days needs a whole number/],
    ["another command", ["enroll"], /There is no command hub enroll/],
  ])("says what is wrong: %s", async (_name, argv, message) => {
    const { code, err } = await typed(await scope.folder("hub"), ...argv);
    expect(code).toBe(2);
    expect(err).toMatch(message);
    expect(err).not.toContain("internal error");
  });

  test("says what is wrong with a folder or a port", async () => {
    const folder = await initialised(scope);
    const twice = await typed(folder, "init", "--origin", ORIGIN);
    expect(twice.err).toMatch(/There is a log in .* already/);
    const run = (...argv: string[]): Promise<{ code: number; err: string }> =>
      typed(folder, "run", "--mqtt-port", "0", ...QUIET, ...argv);
    expect((await run("--origin", "other.example")).err).toMatch(/not other\.example/);
    expect((await run("--block-seconds", "7")).err).toMatch(/not every 7 s/);
    expect((await run("--mqtt-host", "0.0.0.0")).err).toMatch(/needs TLS/);
    expect((await run("--mqtt-cert-file", "x")).err).toMatch(/both/);

    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve));
    scope.defer(() => other.close());
    const { port } = other.address() as AddressInfo;
    const taken = await typed(folder, "run", "--mqtt-port", String(port), ...QUIET);
    expect(taken).toMatchObject({ code: 2 });
    expect(taken.err).toMatch(/the port is taken/);

    const running = start(folder, "run", "--mqtt-port", "0", ...QUIET);
    await running.printed(/MQTT/);
    expect((await run()).err).toMatch(/already in use|is in use by/);
    running.stop();
    await running.exit;

    await chmod(join(folder, "data/hub.key"), 0o644);
    expect((await run()).err).toMatch(/can be read by others/);
  });

  test("says what is wrong with what it is given", async () => {
    const folder = await initialised(scope);
    const run = async (...argv: string[]): Promise<string> => {
      const { code, err } = await typed(folder, "run", "--mqtt-port", "0", ...QUIET, ...argv);
      expect(code).not.toBe(70);
      return err;
    };
    await writeFile(join(folder, "file"), "no PEM");
    const tls = ["--mqtt-cert-file", "file", "--mqtt-key-file", "file"];
    expect(await run(...tls)).toMatch(/file holds no certificate in PEM/);
    expect(await run("--mqtt-cert-file", ".", "--mqtt-key-file", ".")).toMatch(/is a folder/);
    expect(await run("--config", ".")).toMatch(/is a folder, and a file is needed/);
    expect(await run("--http-host", "300.1.2.3")).toMatch(/300\.1\.2\.3 is neither an address/);
    expect(await run("--data", "file")).toMatch(/a part of that path is a file/);
    const overFile = await typed(folder, "init", "--origin", ORIGIN, "--data", "file");
    expect(overFile).toMatchObject({ code: 1 });
    expect(overFile.err).toMatch(/file is a file|a part of that path is a file/);
    const long = "d".repeat(120);
    const tooLong = await typed(folder, "init", "--origin", ORIGIN, "--data", long);
    expect(tooLong.err).toMatch(/too long for a Unix socket/);
    await expect(stat(join(folder, long))).rejects.toThrow("ENOENT");
  });

  test("says what is wrong with a damaged data folder", async () => {
    const folder = await initialised(scope);
    const run = async (): Promise<string> => {
      const { code, err } = await typed(folder, "run", "--mqtt-port", "0", ...QUIET);
      expect(code).not.toBe(70);
      return err;
    };
    const commit = join(folder, "data/commit");
    const note = await readFile(commit);
    await writeFile(commit, Uint8Array.of(0xff));
    expect(await run()).toMatch(/commit is damaged: it is not UTF-8/);
    await rm(commit);
    await mkdir(commit);
    expect(await run()).toMatch(/commit is a folder/);
    await rmdir(commit);
    await writeFile(commit, note);

    const tile = join(folder, "data/log/tile/entries/000.p/2");
    await rename(tile, `${tile}.away`);
    expect(await run()).toMatch(/000\.p\/2 is missing or damaged\.\nBring .* mirror/);
    await rename(`${tile}.away`, tile);

    const key = join(folder, "data/hub.key");
    await rm(key);
    expect(await run()).toMatch(/its key .*hub\.key is gone\.\nBring the key back/);
    const again = await typed(folder, "init", "--origin", ORIGIN);
    expect(again).toMatchObject({ code: 2 });
    expect(again.err).toMatch(/its key .*hub\.key is gone/);
    await expect(stat(key)).rejects.toThrow("ENOENT");
  });

  test("explains itself", async () => {
    const folder = await scope.folder("hub");
    for (const name of ["init", "run", "enrol", "revoke", "devices", "status"]) {
      const { code, out } = await typed(folder, name, "--help");
      expect(code).toBe(0);
      expect(out).toMatch(new RegExp(`^Usage: kerbstone hub ${name}`));
    }
  });
});
