/**
 * The independent auditor proves itself on the published vectors, before it may judge logs that a hub wrote.
 *
 * Its checks are in `audit_selftest.py`, one class a subject.
 */
import { describe, expect, test } from "vitest";
import { python, runPython } from "../support/programs.ts";
import { INTEROP, auditWithPython } from "../support/python-auditor.ts";
import { lacks } from "../support/requirements.ts";
import { testScope } from "../support/scope.ts";
import { describeWithShared, sharedFolder } from "../support/shared-data.ts";

const vectors = [
  "vectors/small-log.json",
  "vectors/refused.json",
  "vectors/tiles.json",
  "vectors/ed25519-torsion.json",
  "data/wycheproof/ed25519_test.json",
];
const subjects = [
  ["SmallLog", "holds the small log, follows its rekey, finds any flipped bit"],
  ["Refused", "refuses every case with its code"],
  ["Signatures", "obeys the one verification rule"],
  ["Tiles", "gives the tiles and roots of a larger tree"],
  ["Cbor", "takes only deterministic CBOR"],
] as const;

describeWithShared("the independent auditor on the vectors", vectors, () => {
  describe.skipIf(lacks(python))("in Python", () => {
    const scope = testScope();

    test.for(subjects)("%s: %s", async ([subject]) => {
      const { code, stderr } = await runPython(
        scope,
        ["-m", "unittest", `audit_selftest.${subject}`],
        {
          cwd: INTEROP,
          env: { KERBSTONE_SHARED: sharedFolder() },
        },
      );
      expect(stderr).toMatch(/\nOK\n$/);
      expect(code).toBe(0);
    });

    test("is a program with an exit code", async () => {
      const { exitCode, result } = await auditWithPython(scope, await scope.folder(), "no vkey");
      expect(exitCode).toBe(2);
      expect(result.ok).toBe(false);
    });
  });
});
