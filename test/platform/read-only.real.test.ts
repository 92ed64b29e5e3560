/** A file system that has become read-only, as that of a worn-out card does: the error says so. */

import { describe, expect, test } from "vitest";
import { nodeFiles } from "../../platform/files.ts";
import { lockFolder } from "../../platform/folder-lock.ts";
import { asUserError } from "../../platform/system-error.ts";
import { lacks } from "../support/requirements.ts";
import { testScope } from "../support/scope.ts";
import { makeReadOnly, mounting, smallDisk } from "../support/small-disk.ts";

const scope = testScope();

describe.skipIf(lacks(mounting))("a read-only file system", () => {
  test("is named where a folder cannot be made or locked", async () => {
    const disk = await smallDisk(scope, 65_536);
    await nodeFiles.makeFolder(`${disk}/there`);
    makeReadOnly(disk);
    await nodeFiles.makeFolder(`${disk}/there`);
    const attempts = {
      [`${disk}/a`]: () => nodeFiles.makeFolder(`${disk}/a/b`),
      [`${disk}/there/.lock`]: () => lockFolder(`${disk}/there`),
      [`${disk}/c`]: () => lockFolder(`${disk}/c`),
    };
    for (const [path, attempt] of Object.entries(attempts)) {
      const error = await attempt().then(
        () => undefined,
        (reason: unknown) => asUserError(reason),
      );
      expect(error?.message).toBe(`${path} cannot be written: the file system is read-only.`);
    }
  });
});
