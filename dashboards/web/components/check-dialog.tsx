/** "Check this reading": fetches the evidence of an entry, verifies it here, and shows what came out. */

import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import type { Claim } from "../check/claim.ts";
import { checkReading } from "../check/reading-check.ts";
import type { ReadingCheck } from "../check/reading-check.ts";
import type { Pin } from "../trust/pin.ts";
import { formatCount } from "../words/number.ts";
import { formatUtc } from "../words/time.ts";
import { formatValue, quantityTitle } from "../words/value.ts";
import { CheckReport } from "./check-report.tsx";
import { useDesk, useShown, useTrust } from "./desk.ts";
import { Dialog } from "./dialog.tsx";
import { TakeAway } from "./take-away.tsx";

export interface CheckDialogProps {
  readonly entry: number;
  /** What the page showed; absent where somebody came by the address alone. */
  readonly claim: Claim | undefined;
}

/** Draws the dialog and runs the check. */
export function CheckDialog({ entry, claim: claimed }: CheckDialogProps): JSX.Element {
  const desk = useDesk();
  const claim = claimed?.entry === entry ? claimed : undefined;
  const { pins } = useTrust();
  const outcome = useReadingCheck(entry, claim, pins.hub);
  return (
    <Dialog
      title={claim === undefined ? `Entry ${formatCount(entry)}` : "Check this reading"}
      onClose={() => desk.go({ view: "overview" })}
    >
      {claim !== undefined && <ClaimLine claim={claim} />}
      <Outcome outcome={outcome.check} entry={entry} claim={claim} pin={pins.hub} />
      {outcome.check?.kind !== "checked" && outcome.check !== undefined && (
        <p>
          <button type="button" onClick={outcome.again}>
            Try again
          </button>
        </p>
      )}
    </Dialog>
  );
}

function ClaimLine({ claim }: { claim: Claim }): JSX.Element {
  const words = formatValue(claim.quantity, claim.unit, claim.value);
  return (
    <p class="claim">
      <span class="claim-value">
        {words.value} {words.unit}
      </span>
      <span>
        {quantityTitle(claim.quantity)} at {claim.device}, {formatUtc(claim.timeMs)}, entry{" "}
        {formatCount(claim.entry)}
      </span>
    </p>
  );
}

interface OutcomeProps extends CheckDialogProps {
  readonly outcome: ReadingCheck | undefined;
  readonly pin: Pin | undefined;
}

function Outcome({ outcome, entry, claim, pin }: OutcomeProps): JSX.Element {
  if (outcome === undefined || pin === undefined) {
    return <p role="status">Fetching the evidence and checking it …</p>;
  }
  switch (outcome.kind) {
    case "checked":
      return (
        <>
          <CheckReport check={outcome.check} claim={claim} />
          <TakeAway entry={entry} pin={pin} evidence={outcome.evidence} proof={outcome.proof} />
        </>
      );
    case "not-sealed":
      return (
        <p role="status">
          <strong>Not proved yet.</strong> The entry is kept by the hub, but no block holds it so
          far. It is checked here as soon as its block is sealed.
        </p>
      );
    case "no-evidence":
      return (
        <p role="status">
          <strong>Nothing was checked.</strong> {outcome.words}
        </p>
      );
  }
}

/** Runs the check, and again when the entry's block is sealed, or on demand. */
function useReadingCheck(
  entry: number,
  claim: Claim | undefined,
  pin: Pin | undefined,
): { check: ReadingCheck | undefined; again: () => void } {
  const { client, verify } = useDesk();
  const { city } = useShown();
  const [check, setCheck] = useState<ReadingCheck>();
  const [attempt, setAttempt] = useState(0);
  const isSealed = city !== undefined && city.log.sealedSize > entry;
  const isWaiting = check?.kind !== "checked";
  useEffect(() => {
    if (pin === undefined || !isWaiting) return;
    let isOver = false;
    void checkReading(client, { entry, claim, pin, verify }).then((found) => {
      if (!isOver) setCheck(found);
    });
    return () => {
      isOver = true;
    };
  }, [entry, pin, attempt, isSealed]);
  const again = (): void => {
    setCheck(undefined);
    setAttempt(attempt + 1);
  };
  return { check, again };
}
