/** Checks an evidence file from anywhere: dropped here or chosen, and never sent to anybody. */

import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { checkEvidence, originOfEvidence } from "../check/evidence-check.ts";
import type { EvidenceCheck } from "../check/evidence-check.ts";
import { wordsOf } from "../check/fault-words.ts";
import { EVIDENCE_LENGTH_MAX } from "../../../ledger/evidence-file.ts";
import { Fault } from "../../../ledger/fault.ts";
import { pinFor } from "../trust/pin.ts";
import type { Pin } from "../trust/pin.ts";
import { CheckReport } from "./check-report.tsx";
import { useDesk, useTrust } from "./desk.ts";
import { Dialog } from "./dialog.tsx";
import { TakeAway } from "./take-away.tsx";
import { VkeyForm } from "./vkey-form.tsx";

/** A file that was brought. */
interface Brought {
  readonly name: string;
  /** `undefined` where the file is too large to be evidence. */
  readonly content: string | undefined;
}

/** Draws the drop zone and what came of the file. */
export function FileCheckSection(): JSX.Element {
  const [brought, setBrought] = useState<Brought>();
  const [isOver, setIsOver] = useState(false);
  const take = (file: File | undefined): void => {
    if (file !== undefined) void readFile(file).then(setBrought);
  };
  return (
    <section class="panel" aria-labelledby="check">
      <h2 id="check" tabIndex={-1}>
        Check an evidence file
      </h2>
      <p class="hint">
        From this hub or any other. The file is read and checked in this browser and sent nowhere.
      </p>
      <div
        class={isOver ? "drop drop-over" : "drop"}
        onDragOver={(event) => {
          event.preventDefault();
          setIsOver(true);
        }}
        onDragLeave={() => setIsOver(false)}
        onDrop={(event) => {
          event.preventDefault();
          setIsOver(false);
          take(event.dataTransfer?.files[0]);
        }}
      >
        <label>
          Choose an evidence file, or drop it here
          <input
            type="file"
            accept=".json,application/json"
            onChange={(event) => {
              take(event.currentTarget.files?.[0]);
              // The same file may be chosen again.
              event.currentTarget.value = "";
            }}
          />
        </label>
      </div>
      {brought !== undefined && (
        <Dialog title={brought.name} onClose={() => setBrought(undefined)}>
          <FileOutcome brought={brought} />
        </Dialog>
      )}
    </section>
  );
}

async function readFile(file: File): Promise<Brought> {
  const isPossible = file.size <= EVIDENCE_LENGTH_MAX;
  return { name: file.name, content: isPossible ? await file.text() : undefined };
}

function FileOutcome({ brought }: { brought: Brought }): JSX.Element {
  const desk = useDesk();
  const { pins } = useTrust();
  const { name, content } = brought;
  if (content === undefined) {
    return <Unreadable words="It is far larger than any evidence file." />;
  }
  const origin = originOfEvidence(content);
  if (origin instanceof Fault) {
    return <Unreadable words={wordsOf(origin)} fault={origin} />;
  }
  const pin = pinFor(pins, origin);
  if (pin !== undefined) return <Checked name={name} content={content} pin={pin} />;
  return (
    <>
      <p>
        The file says that it is about the log <strong>{origin}</strong>, whose key this browser
        does not know. Paste its vkey, from a source that you trust and not from whoever gave you
        the file.
      </p>
      <VkeyForm
        label={`vkey of ${origin}`}
        origin={origin}
        onVkey={desk.trust.pinOther.bind(desk.trust)}
      />
    </>
  );
}

function Unreadable({ words, fault }: { words: string; fault?: Fault }): JSX.Element {
  return (
    <p role="status">
      <strong>Nothing was checked.</strong> {words}{" "}
      {fault !== undefined && <code>{`${fault.code}: ${fault.text}`}</code>}
    </p>
  );
}

function Checked({ name, content, pin }: { name: string; content: string; pin: Pin }): JSX.Element {
  const { verify } = useDesk();
  const [check] = useState<EvidenceCheck>(() => checkEvidence({ text: content, pin, verify }));
  return (
    <>
      <CheckReport check={check} />
      <TakeAway entry={check.report?.index ?? 0} pin={pin} fileName={name} />
    </>
  );
}
