/** `kerbstone hub vkey`: the key that people pin in order to check the log's checkpoints, whether or not the hub runs. */

import { resolve } from "node:path";
import { decodeUtf8 } from "../ledger/bytes.ts";
import { parseCheckpoint } from "../ledger/checkpoint.ts";
import { Fault } from "../ledger/fault.ts";
import { formatVkey, TYPE_ED25519, vkeyOf } from "../ledger/note.ts";
import { formatHelp, parseFlags } from "../platform/command-line.ts";
import type { CommandSpec } from "../platform/command-line.ts";
import { loadKey } from "../platform/key-file.ts";
import type { ProgramIo } from "../platform/lifecycle.ts";
import { UserError } from "../platform/user-error.ts";
import { keyPath } from "./init-command.ts";

const spec = {
  usage: "kerbstone hub vkey [--data DIR]",
  about: "Prints the log's vkey: what devices, peers and auditors pin.",
  flags: { data: { type: "text", value: "DIR", about: "the hub's data folder (data)" } },
} as const satisfies CommandSpec;

/** Runs the command. */
export async function printVkey(io: ProgramIo, argv: readonly string[]): Promise<number> {
  const { flags, help } = parseFlags(argv, spec);
  if (help) {
    io.stdout.write(formatHelp(spec));
    return 0;
  }
  const folder = resolve(io.cwd, flags.data ?? "data");
  const note = decodeUtf8((await io.files.read(`${folder}/log/checkpoint`)) ?? new Uint8Array(0));
  const checkpoint = parseCheckpoint(note ?? "");
  if (checkpoint instanceof Fault) {
    throw new UserError(`${folder} holds no log.`, { hint: "`kerbstone hub init` makes one." });
  }
  const { publicKey } = await loadKey(io.files, keyPath(folder));
  io.stdout.write(`${formatVkey(vkeyOf(checkpoint.origin, TYPE_ED25519, publicKey))}\n`);
  return 0;
}
