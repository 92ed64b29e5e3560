/** A peer's name and its two keys: mirror and witness (docs/formats.md, section 8). Made once, kept in its folder. */

import { hostname } from "node:os";
import { decodeUtf8, encodeUtf8 } from "../../ledger/bytes.ts";
import { formatVkey, isKeyName, TYPE_COSIGNATURE, vkeyOf } from "../../ledger/note.ts";
import type { Signer } from "../../ledger/signature.ts";
import { createKey, loadKey } from "../../platform/key-file.ts";
import type { ProgramIo } from "../../platform/lifecycle.ts";
import { UserError } from "../../platform/user-error.ts";

/** What a peer signs with, and how others write its keys into their policies. */
export interface PeerKeys {
  readonly name: string;
  readonly mirror: Signer;
  readonly witness: Signer;
  readonly mirrorVkey: string;
  readonly witnessVkey: string;
}

/**
 * Opens the keys in a peer's folder, or makes them under `name` (by default one after the machine).
 *
 * Rejects with a `UserError` for a name that is none, or not the one the folder was made for.
 */
export async function openPeerKeys(
  io: Pick<ProgramIo, "files" | "random">,
  folder: string,
  name: string | undefined,
): Promise<PeerKeys> {
  const { files } = io;
  await files.makeFolder(`${folder}/keys`);
  const path = `${folder}/name`;
  const stored = decodeUtf8((await files.read(path)) ?? new Uint8Array(0)) || undefined;
  const chosen = name ?? stored ?? `${hostname()}/peer`;
  if (!isKeyName(chosen)) {
    throw new UserError(`"${chosen}" is no name of a cosigner: no white space and no plus sign.`, {
      hint: "For example --name peer.example.org/gwent",
    });
  }
  if (stored !== undefined && stored !== chosen) {
    throw new UserError(`${folder} belongs to the peer ${stored}, not to ${chosen}.`);
  }
  if (stored === undefined) await files.write(path, encodeUtf8(chosen));
  const mirror = await openKey(io, `${folder}/keys/mirror.pem`);
  const witness = await openKey(io, `${folder}/keys/witness.pem`);
  const vkey = (key: Signer): string => formatVkey(vkeyOf(chosen, TYPE_COSIGNATURE, key.publicKey));
  return { name: chosen, mirror, witness, mirrorVkey: vkey(mirror), witnessVkey: vkey(witness) };
}

async function openKey(io: Pick<ProgramIo, "files" | "random">, path: string): Promise<Signer> {
  if (await io.files.exists(path)) return loadKey(io.files, path);
  return createKey(io.files, path, io.random);
}
