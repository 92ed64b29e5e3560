/** A file system that is soon full, where the machine lets tests mount one: Linux, as root. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Requirement } from "./requirements.ts";
import type { Scope } from "./scope.ts";

/** The right to mount a file system. Tried out, since containers often withhold it from their root. */
export const mounting: Requirement = {
  name: "the right to mount a small disk",
  available: () => {
    const folder = mkdtempSync(join(tmpdir(), "kerbstone-mount-"));
    const isMounted = mount(folder, 65_536);
    if (isMounted) unmount(folder);
    rmdirSync(folder);
    return isMounted;
  },
  remedy: "run the tests as root of a machine of your own",
};

/** Mounts an empty file system of so many bytes; it is gone with the scope. Gives its folder. */
export async function smallDisk(scope: Scope, bytes: number): Promise<string> {
  const folder = await scope.folder("disk");
  if (!mount(folder, bytes)) throw new Error(`could not mount a file system on ${folder}`);
  scope.defer(() => unmount(folder));
  return folder;
}

/** Lets nothing be written on it any more, as a kernel does with a card that is worn out. */
export function makeReadOnly(disk: string): void {
  const { status } = spawnSync("mount", ["-o", "remount,ro", disk]);
  if (status !== 0) throw new Error(`could not make ${disk} read-only`);
}

function mount(folder: string, bytes: number): boolean {
  const args = ["-t", "tmpfs", "-o", `size=${bytes}`, "tmpfs", folder];
  return process.platform === "linux" && spawnSync("mount", args).status === 0;
}

/** Lazily, so that a program that still looks at it cannot keep it. */
function unmount(folder: string): void {
  spawnSync("umount", ["-l", folder]);
}
