/**
 * The folder of a new device, and the order in which it is filled: whatever interrupts that, what is there can be gone on from.
 *
 * The key comes before the settings that name it, and is used again by the next attempt; the settings are last.
 */

import { encodeUtf8 } from "../../ledger/bytes.ts";
import type { DeviceProfile } from "../../platform/enrolment-request.ts";
import type { Files } from "../../platform/files.ts";
import { createKey, loadKey } from "../../platform/key-file.ts";
import type { ProgramIo } from "../../platform/lifecycle.ts";
import { UserError } from "../../platform/user-error.ts";
import { loadEdgeConfig } from "../settings/config.ts";
import { CLAIM_FILE, makeClaim } from "./claim.ts";

/** Where the settings of a device lie. */
export function settingsOf(folder: string): string {
  return `${folder}/edge.toml`;
}

/** Rejects with `UserError` where a device has its settings there already. */
export async function needNewFolder(files: Files, folder: string): Promise<void> {
  if (!(await files.exists(settingsOf(folder)))) return;
  throw new UserError(`${settingsOf(folder)} is already there.`, {
    hint: `The claim for the operator is kept in ${folder}/${CLAIM_FILE}.`,
  });
}

/** What goes into a device's folder, besides the key and the claim. */
export interface DeviceFiles {
  readonly settings: string;
  readonly policyText: string | undefined;
  /** Of the hub's certificate, PEM. */
  readonly authority: Uint8Array | undefined;
}

/**
 * Writes a device into a folder that is locked; gives the claim. After a crash it is done again, with the key that is there.
 *
 * Rejects with `UserError` for settings that do not hold, and where another attempt was faster.
 */
export async function writeDevice(
  { files, random }: Pick<ProgramIo, "files" | "random">,
  folder: string,
  profile: DeviceProfile,
  { settings, policyText, authority }: DeviceFiles,
): Promise<string> {
  // Another one may have been faster, while this one asked and listened.
  await needNewFolder(files, folder);
  await checkSettings(files, settingsOf(folder), settings);
  if (policyText !== undefined) {
    await files.write(`${folder}/policy.txt`, encodeUtf8(policyText));
  }
  if (authority !== undefined) await files.write(`${folder}/hub-ca.pem`, authority);
  const keyPath = `${folder}/key.pem`;
  const signer = (await files.exists(keyPath))
    ? await loadKey(files, keyPath)
    : await createKey(files, keyPath, random);
  const claim = await makeClaim(files, folder, profile, signer);
  // Last: settings that are there mean that all else is.
  await files.write(settingsOf(folder), encodeUtf8(settings));
  return claim;
}

/** Lets the loader look at the settings before they are written under their own name. */
async function checkSettings(files: Files, path: string, settings: string): Promise<void> {
  const trial = `${path}.trial`;
  await files.write(trial, encodeUtf8(settings));
  try {
    await loadEdgeConfig({ file: trial, env: {}, flags: {}, files });
  } finally {
    await files.remove(trial);
  }
}
