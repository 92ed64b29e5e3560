/** The operator socket: its modes, its replies, and what it does with whatever is not a request. */

import { once } from "node:events";
import { stat, writeFile } from "node:fs/promises";
import { createConnection } from "node:net";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { askHub } from "../../../hub/operator/client.ts";
import { operatorFolder, socketPath } from "../../../hub/operator/protocol.ts";
import { serveOperator } from "../../../hub/operator/server.ts";
import type { OperatorServer } from "../../../hub/operator/server.ts";
import { Refusal } from "../../../ledger/errors.ts";
import { silentLogger } from "../../../platform/log.ts";
import { UserError } from "../../../platform/user-error.ts";
import { testScope } from "../../support/scope.ts";

const scope = testScope();

async function serving(folder: string): Promise<OperatorServer> {
  const server = await serveOperator(
    folder,
    {
      echo: async (request) => request,
      refuse: async () => new Refusal("taken", "the name has a live key"),
      misuse: () => Promise.reject(new UserError("The name is missing.")),
      fail: () => Promise.reject(new Error("disk on fire")),
    },
    silentLogger,
  );
  scope.defer(() => server.close());
  return server;
}

describe("operator socket", () => {
  test("answers its owner, and can be entered by nobody else", async () => {
    const folder = await scope.folder("operator");
    await serving(folder);
    const answer = await askHub(folder, { command: "echo", text: "ü\n" });
    expect(answer).toEqual({ command: "echo", text: "ü\n" });
    const socket = await stat(socketPath(folder));
    expect(socket.mode & 0o777).toBe(0o600);
    expect((await stat(operatorFolder(folder))).mode & 0o777).toBe(0o700);
  });

  test.each([
    ["refuse", /^taken: the name has a live key$/],
    ["misuse", /^The name is missing\.$/],
    ["fail", /disk on fire/],
    ["__proto__", /knows no command/],
  ])("says why %s does not work", async (command, message) => {
    const folder = await scope.folder("operator");
    await serving(folder);
    await expect(askHub(folder, { command })).rejects.toThrow(message);
  });

  test("says that no hub runs, also where a dead one has left its socket", async () => {
    const folder = await scope.folder("operator");
    const asking = (): Promise<unknown> => askHub(folder, { command: "echo" });
    await expect(asking()).rejects.toThrow(/No hub is running/);
    await (await serving(folder)).close();
    await writeFile(join(operatorFolder(folder), "socket"), "");
    await expect(asking()).rejects.toThrow(/No hub is running|cannot be reached/);
    await serving(folder);
    expect(await asking()).toEqual({ command: "echo" });
  });

  test.each([
    ["noise", "\u0000\u0001\n"],
    ["a list", "[1]\n"],
    ["null", "null\n"],
  ])("answers %s with a reason", async (_name, line) => {
    const folder = await scope.folder("operator");
    await serving(folder);
    const socket = createConnection(socketPath(folder));
    socket.write(line);
    const [reply] = (await once(socket, "data")) as [Uint8Array];
    expect(JSON.parse(new TextDecoder().decode(reply))).toMatchObject({ ok: false });
    socket.destroy();
  });

  test("hangs up on a line without end", async () => {
    const folder = await scope.folder("operator");
    await serving(folder);
    const socket = createConnection(socketPath(folder));
    socket.on("error", () => undefined);
    socket.resume();
    for (let i = 0; i < 20; i++) socket.write("x".repeat(100_000));
    await new Promise((resolve) => socket.once("close", resolve));
  });
});
