/** A computer with a 64-bit ARM processor, as far as QEMU's user mode is one: Debian's libraries for ARM, and Node for it. */

import { existsSync } from "node:fs";
import type { Requirement } from "./requirements.ts";
import { findProgram } from "./requirements.ts";

const LIBRARIES = "/usr/aarch64-linux-gnu";
/** Told by `test/run.mjs`, which fetches it. */
const NODE = process.env["KERBSTONE_ARM64_NODE"] ?? "";

export const arm64: Requirement = {
  name: "QEMU's user mode with Debian's libraries and Node for 64-bit ARM",
  available: () =>
    findProgram("qemu-aarch64") !== undefined &&
    existsSync(`${LIBRARIES}/lib/libstdc++.so.6`) &&
    existsSync(NODE),
  remedy:
    "Debian packages qemu-user, libc6-arm64-cross and libstdc++6-arm64-cross; npm test fetches Node",
};

/** What stands before the arguments of a program for Node that is to run on ARM. */
export function arm64Node(): readonly string[] {
  return [findProgram("qemu-aarch64")!, "-L", LIBRARIES, NODE];
}
