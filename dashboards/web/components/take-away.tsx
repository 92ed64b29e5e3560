/** What somebody takes away from a check: the files, and the command that repeats it elsewhere. */

import type { JSX } from "preact";
import {
  evidenceFileName,
  offlineCommand,
  POLICY_FILE_NAME,
  proofFileName,
} from "../check/offline-command.ts";
import { formatPolicy } from "../trust/pin.ts";
import type { Pin } from "../trust/pin.ts";
import { Copyable } from "./copyable.tsx";
import { useDesk } from "./desk.ts";

export interface TakeAwayProps {
  readonly entry: number;
  readonly pin: Pin;
  /** Texts as the hub sent them; a file that the user brought is not offered again. */
  readonly evidence?: string;
  readonly proof?: string | undefined;
  /** The file's name, where it is not the page's to choose. */
  readonly fileName?: string;
}

/** Draws downloads and command. */
export function TakeAway(props: TakeAwayProps): JSX.Element {
  const { entry, pin, evidence, proof, fileName = evidenceFileName(entry) } = props;
  const { download } = useDesk();
  return (
    <div class="take-away">
      <h3>Check it without this page</h3>
      <p class="buttons">
        {evidence !== undefined && (
          <button type="button" class="main" onClick={() => download(fileName, evidence)}>
            Download the evidence
          </button>
        )}
        {proof !== undefined && (
          <button type="button" onClick={() => download(proofFileName(entry), proof)}>
            Download the short proof
          </button>
        )}
        {pin.needed > 0 && (
          <button type="button" onClick={() => download(POLICY_FILE_NAME, formatPolicy(pin))}>
            Download the policy
          </button>
        )}
      </p>
      <p>Offline, with Kerbstone’s own program, trusting only the log’s key:</p>
      <p class="command">
        <Copyable content={offlineCommand(fileName, { vkey: pin.vkey })} what="command" />
      </p>
      {pin.needed > 0 && (
        <>
          <p>The same, asking for the peers’ cosignatures too (with the policy file):</p>
          <p class="command">
            <Copyable
              content={offlineCommand(fileName, { policyFile: POLICY_FILE_NAME })}
              what="command with policy"
            />
          </p>
        </>
      )}
    </div>
  );
}
