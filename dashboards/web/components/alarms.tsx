/** What must not be overlooked: forks, another key, a shorter log, an absent hub, clocks that differ. */

import type { ComponentChildren, JSX } from "preact";
import { alarmsOf, equivocatorsOf, titleOf } from "../city/alarm.ts";
import type { Alarm } from "../city/alarm.ts";
import type { City } from "../city/city.ts";
import { staleSince } from "../connection/link.ts";
import type { Shown } from "../city/city-store.ts";
import { formatRoute } from "../routes.ts";
import type { Contradiction, Trust } from "../trust/trust-desk.ts";
import { countOf, formatCount } from "../words/number.ts";
import { formatAge, formatDuration, formatTime, formatUtc } from "../words/time.ts";
import { useDesk, useNow, useShown, useTrust } from "./desk.ts";
import { AlarmIcon } from "./icon.tsx";

const REFRESH_MS = 1_000;

/** Beyond it, ages shown by this machine's clock would mislead. */
const CLOCK_DIFFERENCE_MS = 60_000;

/** Draws all alarms and notices that hold; nothing where none does. */
export function Alarms(): JSX.Element {
  const shown = useShown();
  const { city } = shown;
  const trust = useTrust();
  return (
    <div class="alarms" id="alarms">
      {alarmsOf(city, trust).map((alarm) => (
        <section key={alarm.kind} class="alarm" role="alert">
          <AlarmIcon />
          <div>
            <h2>{titleOf(alarm)}</h2>
            <AlarmBody alarm={alarm} />
          </div>
        </section>
      ))}
      {city !== undefined && <EquivocationNotice city={city} />}
      {city !== undefined && <AbsenceNotice shown={shown} />}
      {city !== undefined && <ClockNotice city={city} />}
      <KeepingNotice trust={trust} />
    </div>
  );
}

/** Draws the first alarm in one line that stays in sight while the page is scrolled. */
export function AlarmBar(): JSX.Element | null {
  const { city, link } = useShown();
  const alarms = alarmsOf(city, useTrust());
  const sinceMs = staleSince(link, useNow(REFRESH_MS));
  const [first, ...others] = alarms;
  const more = others.length > 0 ? ` (and ${countOf(others.length, "further alarm")})` : "";
  if (first === undefined && (sinceMs === undefined || city === undefined)) return null;
  const isAlarm = first !== undefined;
  return (
    <p class={isAlarm ? "alarm-bar" : "alarm-bar alarm-bar-notice"}>
      <AlarmIcon />
      {isAlarm
        ? `${titleOf(first)}${more}.`
        : "Old values: nothing new has come from the hub."}{" "}
      <button type="button" class="quiet" onClick={() => scrollTo({ top: 0 })}>
        Show
      </button>
    </p>
  );
}

function AlarmBody({ alarm }: { alarm: Alarm }): JSX.Element | null {
  switch (alarm.kind) {
    case "contradiction":
      return <ContradictionBody contradiction={alarm.contradiction} />;
    case "forks":
      return (
        <>
          <p>
            Somebody has signed two things that cannot both be true. The hub keeps the evidence.
          </p>
          <ul>
            {alarm.forks.map(({ id, kind, foundMs }) => (
              <li key={id}>
                {kind}, found {formatUtc(foundMs)} <code>{id}</code>
              </li>
            ))}
          </ul>
        </>
      );
    case "other-key":
    case "other-log":
      return (
        <p>
          Either the log’s key was replaced, or somebody else answers in the hub’s place. Everything
          is still checked against the pinned key, so new evidence will fail here.{" "}
          <a href={formatRoute({ view: "overview", section: "trust" })}>Compare the two keys</a>{" "}
          with one that you did not get from this hub, before you trust it.
        </p>
      );
    case "bad-checkpoint":
      return (
        <p>
          <code>{`${alarm.fault.code}: ${alarm.fault.text}`}</code>
        </p>
      );
    case "shorter":
      return (
        <p>
          This browser has seen {formatCount(alarm.from)} entries of it; now the hub shows{" "}
          {formatCount(alarm.to)}. A log only grows. Perhaps an old backup was restored.
        </p>
      );
  }
}

function ContradictionBody({ contradiction }: { contradiction: Contradiction }): JSX.Element {
  const { download } = useDesk();
  const { seen, shown } = contradiction;
  return (
    <>
      <p>
        The log’s key has signed two different histories of the same length. One of them is a lie.
        Keep both checkpoints: together they prove it.
      </p>
      <p class="buttons">
        <button type="button" onClick={() => download("first.checkpoint", seen)}>
          Download the first
        </button>
        <button type="button" onClick={() => download("second.checkpoint", shown)}>
          Download the second
        </button>
      </p>
    </>
  );
}

function Notice({ title, children }: { title: string; children: ComponentChildren }): JSX.Element {
  return (
    <div class="notice" role="status">
      <p>
        <strong>{title}</strong> {children}
      </p>
    </div>
  );
}

/** Devices listed; the newest are those that somebody can still do something about. */
const EQUIVOCATORS_SHOWN = 5;

function EquivocationNotice({ city }: { city: City }): JSX.Element | null {
  const equivocators = equivocatorsOf(city);
  if (equivocators.length === 0) return null;
  const shown = equivocators
    .slice(0, EQUIVOCATORS_SHOWN)
    .map(({ name, count, foundMs }) => `${name} (${count}, last ${formatUtc(foundMs)})`);
  const more = equivocators.length - shown.length;
  const title =
    equivocators.length === 1
      ? "A device contradicted itself."
      : `${formatCount(equivocators.length)} devices contradicted themselves.`;
  return (
    <Notice title={title}>
      A key signed two things under one number: a copied card, or a dishonest device. The log keeps
      the first and is well; the hub keeps both as evidence. {shown.join(", ")}
      {more > 0 && `, and ${formatCount(more)} more`}.
    </Notice>
  );
}

/** Says that the hub gave no answer, and why, as far as that is known. */
export function absenceWords({ noAnswer }: Shown): string {
  return noAnswer === undefined || noAnswer.kind === "unreachable"
    ? "The hub does not answer."
    : `The hub gave no usable answer: ${noAnswer.text}.`;
}

function AbsenceNotice({ shown }: { shown: Shown }): JSX.Element | null {
  const { link } = shown;
  const nowMs = useNow(REFRESH_MS);
  const sinceMs = staleSince(link, nowMs);
  if (sinceMs === undefined) return null;
  return (
    <Notice title="Old values.">
      {absenceWords(shown)} It was last heard at {formatTime(sinceMs, nowMs)},{" "}
      {formatAge(nowMs - sinceMs)}. Nothing below is newer. This page goes on asking.
    </Notice>
  );
}

function ClockNotice({ city }: { city: City }): JSX.Element | null {
  const { clockOffsetMs } = city;
  if (Math.abs(clockOffsetMs) < CLOCK_DIFFERENCE_MS) return null;
  return (
    <Notice title="Clocks differ.">
      The hub’s clock is {formatDuration(Math.abs(clockOffsetMs))}{" "}
      {clockOffsetMs > 0 ? "ahead of" : "behind"} this machine’s. Ages are shown by the hub’s.
    </Notice>
  );
}

function KeepingNotice({ trust }: { trust: Trust }): JSX.Element | null {
  if (trust.isBroken) {
    return (
      <Notice title="Trust began anew.">
        What this browser had kept about whom it trusts could not be read.
      </Notice>
    );
  }
  if (trust.isKept) return null;
  return (
    <Notice title="Nothing is kept.">
      This browser does not let the page keep the pinned key. At the next visit the hub will be
      believed anew.
    </Notice>
  );
}
