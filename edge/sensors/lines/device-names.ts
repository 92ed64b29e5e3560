/** The names of devices as this machine's kernel and udev keep them. */

import { readdir, realpath } from "node:fs/promises";
import type { DeviceNames } from "./serial-ports.ts";

/** This machine's. */
export const systemDeviceNames: DeviceNames = {
  list: async (folder) => (await ifThere(readdir(folder)))?.toSorted() ?? [],
  target: (path) => ifThere(realpath(path)),
};

async function ifThere<T>(asked: Promise<T>): Promise<T | undefined> {
  try {
    return await asked;
  } catch (error) {
    // ENOTDIR and ENOENT: there is no udev here, or the device was unplugged between two looks.
    if (["ENOENT", "ENOTDIR"].includes((error as NodeJS.ErrnoException).code ?? ""))
      return undefined;
    throw error;
  }
}
