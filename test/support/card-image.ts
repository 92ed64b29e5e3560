/**
 * A memory card with a file system of its own (ext4 in an image), which can become read-only under a running program, as
 * worn cards do: Linux, as root, with loop devices.
 */
import { spawnSync } from "node:child_process";
import { closeSync, ftruncateSync, mkdtempSync, openSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findProgram } from "./requirements.ts";
import type { Scope } from "./scope.ts";

const BYTES = 16 * 1024 * 1024;

/** A card in its slot. */
export interface CardImage {
  /** Where it is mounted. */
  readonly folder: string;
  /** Makes the kernel give up writing to it, also for files that are open. */
  wearOut(): void;
  /** Takes it out and puts it in again, as another one with the same content that can be written. Nobody may use it meanwhile. */
  replace(): void;
}

/** Whether this machine lets tests have one. Containers often do not, even where they may mount. */
export function hasCardImages(): boolean {
  if (process.platform !== "linux" || findProgram("mkfs.ext4") === undefined) return false;
  const folder = mkdtempSync(join(tmpdir(), "kerbstone-card-"));
  try {
    return mount(makeImage(folder), folder);
  } finally {
    spawnSync("umount", ["-l", folder]);
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Makes a card; it is gone with the scope. */
export async function cardImage(scope: Pick<Scope, "folder" | "defer">): Promise<CardImage> {
  const image = makeImage(await scope.folder("image"));
  const folder = await scope.folder("card");
  scope.defer(() => void spawnSync("umount", ["-l", folder]));
  const insert = (): void => {
    if (!mount(image, folder)) throw new Error(`could not mount ${image}`);
  };
  insert();
  return {
    folder,
    wearOut: () => run("mount", "-o", "remount,abort", folder),
    replace: () => {
      run("umount", folder);
      insert();
    },
  };
}

function makeImage(folder: string): string {
  const path = join(folder, "card.img");
  const file = openSync(path, "w");
  ftruncateSync(file, BYTES);
  closeSync(file);
  spawnSync("mkfs.ext4", ["-q", "-F", "-b", "4096", path]);
  return path;
}

function mount(image: string, folder: string): boolean {
  return spawnSync("mount", ["-o", "loop,errors=remount-ro", image, folder]).status === 0;
}

function run(program: string, ...args: string[]): void {
  const { status, stderr } = spawnSync(program, args, { encoding: "utf8" });
  if (status !== 0) throw new Error(`${program} ${args.join(" ")}: ${stderr}`);
}
