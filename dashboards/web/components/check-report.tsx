/** The outcome of a check: the verdict, every step, and what the evidence shows and does not show. */

import type { ComponentChildren, JSX } from "preact";
import { encodeHex } from "../../../ledger/bytes.ts";
import type { EvidenceReport } from "../../../ledger/evidence.ts";
import type { EvidenceCheck, StepState, Verdict } from "../check/evidence-check.ts";
import type { Claim } from "../check/claim.ts";
import { countOf, formatCount, shorten } from "../words/number.ts";
import { formatPosition } from "../words/place.ts";
import { formatUtc } from "../words/time.ts";
import { formatValue, quantityTitle } from "../words/value.ts";
import { Copyable } from "./copyable.tsx";
import { StepIcon } from "./icon.tsx";

const VERDICTS: Readonly<
  Record<Verdict, { readonly title: string; readonly words: string; readonly state: StepState }>
> = {
  cosigned: {
    title: "It holds",
    words: "Signed by the device, sealed by the hub, and cosigned by enough peers.",
    state: "passed",
  },
  "hub-alone": {
    title: "It holds, on the hub’s word alone",
    words:
      "Signed by the device and sealed by the hub. Not enough peers vouch yet that the hub shows everybody the same log.",
    state: "warned",
  },
  fails: {
    title: "It does not hold",
    words: "Do not rely on this reading. The step that failed says why.",
    state: "failed",
  },
};

const STATE_WORDS: Readonly<Record<StepState, string>> = {
  passed: "Passed",
  warned: "Less than could be",
  failed: "Failed",
  "not-reached": "Not reached",
};

/** Draws a check. With a claim, the reading that it is about is marked. */
export function CheckReport({
  check,
  claim,
}: {
  check: EvidenceCheck;
  claim?: Claim | undefined;
}): JSX.Element {
  const { title, words, state } = VERDICTS[check.verdict];
  return (
    <div class="check">
      <div class={`verdict step-${state}`} role="status">
        <StepIcon state={state} />
        <div>
          <p class="verdict-title">{title}</p>
          <p>{words}</p>
        </div>
      </div>
      <h3>What was checked in this browser</h3>
      <ol class="steps">
        {check.steps.map((step) => (
          <li key={step.title} class={`step step-${step.state}`}>
            <StepIcon state={step.state} />
            <div>
              <p class="step-title">
                {step.title} <span class="step-state">{STATE_WORDS[step.state]}</span>
              </p>
              <p>{step.words}</p>
              {step.fault !== undefined && (
                <p>
                  <code>
                    {step.fault.code}: {step.fault.text}
                  </code>
                </p>
              )}
            </div>
          </li>
        ))}
      </ol>
      {check.report !== undefined && (
        <Findings report={check.report} claim={claim} fails={check.verdict === "fails"} />
      )}
    </div>
  );
}

interface FindingsProps {
  readonly report: EvidenceReport;
  readonly claim: Claim | undefined;
  readonly fails: boolean;
}

function Findings({ report, claim, fails }: FindingsProps): JSX.Element {
  return (
    <>
      <h3>{fails ? "What the evidence itself says" : "What it shows"}</h3>
      <dl class="findings">
        <WhoAndWhat report={report} claim={claim} />
        <WhenAndWhere report={report} />
        <UnderWhat report={report} />
      </dl>
      <h3>What it does not show</h3>
      <ul class="not-shown">
        {report.notShown.map((sentence) => (
          <li key={sentence}>{sentence}</li>
        ))}
        <li>
          That this page is honest: it was sent by the hub. The command below does the same check
          without it.
        </li>
      </ul>
    </>
  );
}

function Finding({ title, children }: { title: string; children: ComponentChildren }): JSX.Element {
  return (
    <div class="finding">
      <dt>{title}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function WhoAndWhat({
  report,
  claim,
}: {
  report: EvidenceReport;
  claim: Claim | undefined;
}): JSX.Element {
  const { who, statement, pack } = report;
  const enrolled = who.enrolledBy.length > 0 ? `, enrolled by ${who.enrolledBy.join(", by ")}` : "";
  return (
    <>
      <Finding title="Who">
        {who.name} ({who.role}
        {who.model !== undefined && `, ${who.model}`}
        {who.owner !== undefined && `, owner ${who.owner}`}
        {enrolled}), key <code>{who.kid}</code>
      </Finding>
      <Finding title="What">
        {pack === undefined ? (
          `A statement of the kind “${statement.kind}” in the stream ${statement.stream}.`
        ) : (
          <ul class="readings">
            {pack.readings.map((reading, i) => {
              const { quantity, unit, value, time } = reading;
              const isClaimed =
                quantity === claim?.quantity && Math.abs(time * 1000 - claim.timeMs) < 1;
              const words = formatValue(quantity, unit ?? null, value);
              const exact = `${value} ${unit ?? ""}`.trim();
              return (
                <li key={i} class={isClaimed ? "claimed" : ""}>
                  <span>{quantityTitle(quantity)}</span>{" "}
                  <strong title={`signed as ${exact}`}>
                    {words.value} {words.unit}
                  </strong>{" "}
                  <span class="readings-time">{formatUtc(time * 1000)}</span>
                  {isClaimed && <span class="claimed-mark"> the value asked for</span>}
                </li>
              );
            })}
          </ul>
        )}
      </Finding>
    </>
  );
}

function WhenAndWhere({ report }: { report: EvidenceReport }): JSX.Element {
  const { signedMs, block, where } = report;
  return (
    <>
      <Finding title="When">
        Signed {formatUtc(signedMs)} by the device’s clock; in the log by {formatUtc(block.timeMs)}{" "}
        at the latest, by the hub’s.
      </Finding>
      <Finding title="Where">
        {where === undefined ? "Not public." : formatPosition(where.lat, where.lon)}
      </Finding>
    </>
  );
}

function UnderWhat({ report }: { report: EvidenceReport }): JSX.Element {
  const { index, statement, block, checkpoint } = report;
  const hash = encodeHex(statement.hash);
  const root = encodeHex(checkpoint.root);
  return (
    <>
      <Finding title="Entry">
        {formatCount(index)}, SHA-256{" "}
        <Copyable content={hash} shown={shorten(hash)} what="hash of the entry" />
      </Finding>
      <Finding title="Block">
        #{formatCount(block.height)}, entries {formatCount(block.first)} to{" "}
        {formatCount(block.index)}
      </Finding>
      <Finding title="Checkpoint">
        {checkpoint.origin}, {countOf(checkpoint.size, "entry", "entries")}, root{" "}
        <Copyable content={root} shown={shorten(root)} what="root" />
      </Finding>
      <Finding title="Cosigned by">
        {checkpoint.cosignatures.length === 0 ? (
          "Nobody whose key is pinned here."
        ) : (
          <ul class="cosigners">
            {checkpoint.cosignatures.map(({ vkey, timeSeconds }) => (
              <li key={vkey.name}>
                {vkey.name}, {formatUtc(timeSeconds * 1000)}
              </li>
            ))}
          </ul>
        )}
      </Finding>
    </>
  );
}
