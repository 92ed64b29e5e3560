/**
 * `npx kerbstone` in a clone that has not been built: npx remembers which commands a folder has.
 */
import { cp, readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { runProcess } from "../support/process.ts";
import { testScope } from "../support/scope.ts";

const scope = testScope();
const PROJECT = fileURLToPath(new URL("../..", import.meta.url));

test("the command is there before any build, and says what to do", async () => {
  const { bin } = JSON.parse(await readFile(join(PROJECT, "package.json"), "utf8")) as {
    bin: Record<string, string>;
  };
  const clone = await scope.folder("clone");
  await cp(join(PROJECT, "bin"), join(clone, "bin"), { recursive: true });
  const command = { program: process.execPath, args: [join(clone, bin["kerbstone"]!), "sim"] };
  expect(await runProcess(scope, command)).toMatchObject({
    code: 1,
    stdout: "",
    stderr: "kerbstone: is not built yet: run `npm ci` and `npm run build` first.\n",
  });
});

test("once it is built, the command is the program", async () => {
  const command = {
    program: process.execPath,
    args: [join(PROJECT, "bin/kerbstone.mjs"), "--version"],
  };
  expect(await runProcess(scope, command)).toMatchObject({ code: 0, stderr: "" });
});
