/** Who copies and cosigns the log, and how far each has come. */

import type { JSX } from "preact";
import type { Peer, PeersAnswer } from "../api/answer.ts";
import type { City } from "../city/city.ts";
import { isLagging, standingOf } from "../city/peer-standing.ts";
import type { Standing } from "../city/peer-standing.ts";
import { Fault } from "../../../ledger/fault.ts";
import type { Trust } from "../trust/trust-desk.ts";
import { countOf, formatCount, shorten } from "../words/number.ts";
import { Copyable } from "./copyable.tsx";
import { useDesk, useTrust } from "./desk.ts";
import { LevelIcon, PresenceIcon } from "./icon.tsx";
import { Moment } from "./moment.tsx";

/** Draws the quorum rule and the peers. */
export function PeersSection({ city }: { city: City }): JSX.Element {
  const { peers } = city;
  return (
    <section class="panel" aria-labelledby="peers">
      <h2 id="peers" tabIndex={-1}>
        Peers
      </h2>
      <p class="hint">{quorumWords(peers)}</p>
      {peers.peers.length === 0 ? (
        <p>Nobody copies this log yet. Anyone may: it takes one command, and no permission.</p>
      ) : (
        <ul class="peers">
          {peers.peers.map((peer) => (
            <PeerItem key={peer.vkey} peer={peer} city={city} />
          ))}
        </ul>
      )}
    </section>
  );
}

function quorumWords({ quorum, peers }: PeersAnswer): string {
  if (quorum === null)
    return "No quorum: nobody must cosign, and the hub alone vouches for its log.";
  const rule = quorum.rule === null || quorum.rule === "" ? "" : ` Rule: ${quorum.rule}.`;
  return `${formatCount(quorum.needed)} of ${countOf(peers.length, "peer")} must check and cosign a block.${rule}`;
}

function PeerItem({ peer, city }: { peer: Peer; city: City }): JSX.Element {
  const trust = useTrust();
  const standing = standingOf(peer, city.log);
  return (
    <li class="peer">
      <div class="peer-head">
        <strong>{peer.name}</strong>
        <StandingMark standing={standing} />
      </div>
      <p class="peer-more">
        {peer.size === null ? (
          "Has not cosigned anything yet."
        ) : (
          <>
            Holds {formatCount(peer.size)} entries
            {peer.timeSeconds !== null && (
              <>
                , cosigned <Moment timeMs={peer.timeSeconds * 1000} />
              </>
            )}
          </>
        )}
      </p>
      <p class="peer-more">
        <Copyable content={peer.vkey} shown={shorten(peer.vkey)} what={`vkey of ${peer.name}`} />
        {peer.url !== null && /^https?:\/\//.test(peer.url) && (
          <>
            {" "}
            <a href={peer.url} rel="noreferrer">
              its own copy
            </a>
          </>
        )}
      </p>
      <PinLine peer={peer} trust={trust} />
    </li>
  );
}

function StandingMark({ standing }: { standing: Standing }): JSX.Element {
  switch (standing.kind) {
    case "level":
      return (
        <span class="mark-state level-cosigned">
          <LevelIcon level="cosigned" />
          Up to date
        </span>
      );
    case "behind":
      return (
        <span class={`mark-state ${isLagging(standing) ? "presence-late" : "level-sealed"}`}>
          <PresenceIcon presence="late" />
          {countOf(standing.blocks, "block")} behind
        </span>
      );
    case "unheard":
      return (
        <span class="mark-state presence-offline">
          <PresenceIcon presence="offline" />
          Not heard of
        </span>
      );
  }
}

/** Whether this browser can check the peer's signatures by itself. */
function PinLine({ peer, trust }: { peer: Peer; trust: Trust }): JSX.Element | null {
  const desk = useDesk();
  const pin = trust.pins.hub;
  if (pin === undefined) return null;
  if (!pin.cosigners.some(({ vkey }) => vkey === peer.vkey)) {
    return (
      <p class="peer-more peer-unknown">
        This key was not there when this browser first saw the hub, so its signatures are not
        counted here.{" "}
        <button
          type="button"
          class="quiet"
          onClick={() => desk.trust.pinCosigner({ name: peer.name, vkey: peer.vkey })}
        >
          Trust this key<span class="unseen"> of {peer.name}</span>
        </button>
      </p>
    );
  }
  const { newest } = trust;
  const found =
    newest === undefined || newest instanceof Fault
      ? undefined
      : newest.checkpoint.cosignatures.find(({ vkey }) => peer.vkey.startsWith(`${vkey.name}+`));
  return found === undefined ? null : (
    <p class="peer-more">Its signature under the newest checkpoint was checked here.</p>
  );
}
