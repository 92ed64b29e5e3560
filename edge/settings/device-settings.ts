/**
 * The settings of a device as a command line names them: `air-1/edge.toml`, or the folder that has it.
 */

import { dirname, join, resolve } from "node:path";
import { decodeUtf8 } from "../../ledger/bytes.ts";
import type { ConfigSources } from "../../platform/config.ts";
import { readGivenFile } from "../../platform/given-file.ts";
import type { Files } from "../../platform/files.ts";
import type { ProgramIo } from "../../platform/lifecycle.ts";
import { UserError } from "../../platform/user-error.ts";
import { loadEdgeConfig } from "./config.ts";
import type { EdgeConfig } from "./config.ts";

/** What `kerbstone edge init` calls the file, in a folder of the device's own. */
export const SETTINGS_FILE = "edge.toml";

/** A device as it is set. */
export interface DeviceSettings {
  /** The settings file, absolute. */
  readonly file: string;
  /** Its folder, to which the paths in the settings are relative. */
  readonly folder: string;
  readonly config: EdgeConfig;
}

const MAKING = `kerbstone edge init makes a device's ${SETTINGS_FILE}.`;

/**
 * Loads the settings at `path`, a file or its folder. Rejects with a `UserError` that says what is there instead, or with the
 * `ConfigError` of the settings.
 */
export async function loadDevice(
  io: Pick<ProgramIo, "cwd" | "env" | "files">,
  path: string,
  flags: ConfigSources<never>["flags"] = {},
): Promise<DeviceSettings> {
  const file = await findSettings(io.files, resolve(io.cwd, path));
  const config = await loadEdgeConfig({ file, env: io.env, flags, files: io.files });
  return { file, folder: dirname(file), config };
}

async function findSettings(files: Files, path: string): Promise<string> {
  const facts = await files.facts(path);
  if (facts === undefined) {
    throw new UserError(`There is no settings file ${path}.`, { hint: MAKING });
  }
  if (facts.isFolder) {
    const inner = join(path, SETTINGS_FILE);
    if (await files.exists(inner)) return inner;
    throw new UserError(`The folder ${path} has no ${SETTINGS_FILE}.`, { hint: MAKING });
  }
  const text = decodeUtf8(await readGivenFile(files, path, "settings file"));
  if (text?.trimStart().startsWith("-----BEGIN ") !== true) return path;
  const beside = join(dirname(path), SETTINGS_FILE);
  const hint = (await files.exists(beside)) ? `Did you mean ${beside}?` : MAKING;
  throw new UserError(`${path} holds a key or a certificate, and a settings file is needed.`, {
    hint,
  });
}
