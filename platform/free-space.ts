/** How much room a disk has. */

import { statfs } from "node:fs/promises";

/** Bytes free for this user on the disk of a folder that is there. */
export async function freeBytes(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(folder);
  return bavail * bsize;
}
