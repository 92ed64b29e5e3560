/** The log in figures: how long it is, how far it is proved, and the key that signs it. */

import type { ComponentChildren, JSX } from "preact";
import type { City } from "../city/city.ts";
import { isTrouble, presencesOf } from "../city/presence.ts";
import { Fault } from "../../../ledger/fault.ts";
import type { Trust } from "../trust/trust-desk.ts";
import { countOf, formatCount } from "../words/number.ts";
import { Copyable } from "./copyable.tsx";
import { useTrust } from "./desk.ts";
import { Moment } from "./moment.tsx";

/** Draws the figures. */
export function LogFigures({ city }: { city: City }): JSX.Element {
  const { log, blocks } = city;
  const newest = blocks[0];
  const trust = useTrust();
  const unsealed = Math.max(0, log.size - log.sealedSize);
  return (
    <section class="figures" aria-label="The log">
      <dl>
        <Figure title="Sensors" value={formatCount(city.devices.size)}>
          {troubleWords(city)}
        </Figure>
        <Figure title="Entries" value={formatCount(log.size)}>
          {unsealed === 0 ? "all in blocks" : `${formatCount(unsealed)} not in a block yet`}
        </Figure>
        <Figure title="Newest block" value={`#${formatCount(log.height)}`}>
          {newest !== undefined && <Moment timeMs={newest.timeMs} />}
        </Figure>
        <Figure title="Cosigned up to" value={cosignedWords(city)}>
          {checkedWords(trust)}
        </Figure>
      </dl>
      <p class="figures-key">
        <span class="figures-key-title">The log’s key (vkey)</span>
        <Copyable content={log.vkey} what="vkey" />
      </p>
    </section>
  );
}

interface FigureProps {
  readonly title: string;
  readonly value: string;
  readonly children: ComponentChildren;
}

function Figure({ title, value, children }: FigureProps): JSX.Element {
  return (
    <div class="figure">
      <dt>{title}</dt>
      <dd class="figure-value">{value}</dd>
      <dd class="figure-more">{children}</dd>
    </div>
  );
}

function troubleWords({ devices, log }: City): string {
  const troubled = [...devices.values()].filter((device) =>
    isTrouble(presencesOf(device, log.nowMs)),
  ).length;
  return troubled === 0 ? "none in trouble" : `${formatCount(troubled)} in trouble`;
}

function cosignedWords({ log, peers }: City): string {
  if (log.cosignedSize === null) return peers.quorum === null ? "no quorum" : "nothing yet";
  return `entry ${formatCount(Math.max(0, log.cosignedSize - 1))}`;
}

/** Says what of the newest checkpoint was verified in this browser, as against told by the hub. */
function checkedWords({ newest }: Trust): string {
  if (newest === undefined) return "not checked here yet";
  if (newest instanceof Fault) return "the checkpoint does not hold here";
  const { checkpoint } = newest;
  const { length } = checkpoint.cosignatures;
  const signers =
    length === 0 ? "signature of the hub" : `signatures of hub and ${countOf(length, "peer")}`;
  return `newest checkpoint: ${signers} checked here`;
}
