/**
 * Asking the mirrors of the policy before the first seal after a start (docs/operations.md, restoring).
 *
 * A hub that was restored from an older copy would sign a second history of its own log, and be caught in a fork for
 * ever. A mirror that holds more of the log than the disk does shows that before anything is signed.
 */

import { decodeUtf8 } from "../ledger/bytes.ts";
import { openCheckpoint, parseCheckpoint } from "../ledger/checkpoint.ts";
import { verifyCosignature } from "../ledger/cosignature.ts";
import { Fault } from "../ledger/fault.ts";
import { logVkeys } from "../ledger/log-keys.ts";
import { isSignedAs } from "../ledger/note.ts";
import type { Policy, PolicyWitness } from "../ledger/policy.ts";
import type { Verify } from "../ledger/signature.ts";
import type { HttpClient } from "../platform/http-client.ts";
import type { Logger } from "../platform/log.ts";
import { UserError } from "../platform/user-error.ts";
import type { HubLog } from "./log.ts";

/** What asking needs. */
export interface MirrorPorts {
  readonly log: Pick<HubLog, "state" | "sealedSize">;
  readonly policy: Policy;
  readonly client: HttpClient;
  readonly verify: Verify;
  readonly logger: Logger;
}

/**
 * Asks every mirror that has an address for its newest checkpoint.
 *
 * Rejects with a `UserError` where one bears this log's signature and a larger size than the disk. A mirror that does
 * not answer, or answers something else, is named in the log and stops nobody: else it could stop the city.
 */
export async function refuseIfBehind(ports: MirrorPorts): Promise<void> {
  const { policy, logger } = ports;
  await Promise.all(
    policy.witnesses.map(async (witness) => {
      const { name, url } = witness;
      if (url === undefined) return;
      const size = await sizeAt(url, witness, ports).catch((error: unknown) => {
        logger.warn({ mirror: name, error }, "a mirror could not be asked how far it is");
        return undefined;
      });
      if (size === undefined || size <= ports.log.sealedSize) return;
      throw new UserError(
        `The mirror ${name} holds ${size} entries of this log, the disk ${ports.log.sealedSize}: this is an older copy.`,
        {
          hint: "Nothing was sealed. Bring back the newest copy of the data folder; sealing on from here would sign a second history.",
          exitCode: 1,
        },
      );
    }),
  );
}

/**
 * The size of a mirror's newest checkpoint of this log. Rejects where there is none.
 *
 * The hub's signature or the mirror's own will do: an older copy of the log may not know the hub's newest key.
 */
async function sizeAt(url: string, witness: PolicyWitness, ports: MirrorPorts): Promise<number> {
  const address = new URL("checkpoint", url.endsWith("/") ? url : `${url}/`).href;
  const reply = await ports.client.get(address);
  if (reply.status !== 200) throw new Error(`${address} answered with status ${reply.status}`);
  const note = decodeUtf8(reply.body) ?? "";
  const checkpoint = parseCheckpoint(note);
  if (checkpoint instanceof Fault) throw new Error(`${address}: ${checkpoint.text}`);
  const { state } = ports.log;
  const opened = openCheckpoint(note, logVkeys(state), ports.verify);
  if (!(opened instanceof Fault)) return opened.size;
  const line = checkpoint.signatures.find((each) => isSignedAs(each, witness.vkey));
  const cosignature = line && verifyCosignature(checkpoint.text, line, witness.vkey, ports.verify);
  const isOwn = cosignature !== undefined && !(cosignature instanceof Fault);
  if (isOwn && checkpoint.origin === state.origin) return checkpoint.size;
  throw new Error(`${address}: ${opened.text}`);
}
