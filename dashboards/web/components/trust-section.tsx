/** Whom this browser trusts, since when and why, and how to change that. */

import type { JSX } from "preact";
import type { LogAnswer } from "../api/answer.ts";
import { standingOfVkey } from "../trust/pin.ts";
import type { Pin } from "../trust/pin.ts";
import { countOf } from "../words/number.ts";
import { formatUtc } from "../words/time.ts";
import { Copyable } from "./copyable.tsx";
import { useDesk, useShown, useTrust } from "./desk.ts";
import { VkeyForm } from "./vkey-form.tsx";

/** Draws what is pinned. */
export function TrustSection(): JSX.Element {
  const { pins } = useTrust();
  const { city } = useShown();
  const { trust } = useDesk();
  return (
    <section class="panel" aria-labelledby="trust">
      <h2 id="trust" tabIndex={-1}>
        Whom this browser trusts
      </h2>
      {pins.hub === undefined ? (
        <p>Nobody yet. At the first answer the hub’s key is pinned here.</p>
      ) : (
        <Pinned pin={pins.hub} log={city?.log} />
      )}
      <VkeyForm
        label="Another vkey, which you did not get from this hub"
        onVkey={trust.pinHubKey.bind(trust)}
      />
    </section>
  );
}

function Pinned({ pin, log }: { pin: Pin; log: LogAnswer | undefined }): JSX.Element {
  const { cosigners, needed } = pin;
  const isOther = log !== undefined && standingOfVkey(pin, log.vkey) !== "same";
  return (
    <>
      <p class="pinned">
        <Copyable content={pin.vkey} what="pinned vkey" />
      </p>
      <p>{originWords(pin)}</p>
      {isOther && (
        <div class="other-key">
          <p>
            <strong>The hub now shows another key:</strong>
          </p>
          <p class="pinned">
            <Copyable content={log.vkey} what="vkey that the hub shows" />
          </p>
          <p>
            A log’s key may be replaced lawfully, by an entry that the old key has signed. This page
            does not follow that by itself: <code>kerbstone audit</code> does. Once you are sure,
            paste the new key below.
          </p>
        </div>
      )}
      <p>
        {cosigners.length === 0
          ? "No cosigner is pinned: what is checked here rests on the hub’s word alone."
          : `${countOf(cosigners.length, "cosigner is", "cosigners are")} pinned (${cosigners
              .map(({ name }) => name)
              .join(
                ", ",
              )}); ${needed === 0 ? "none of them is asked for" : `${needed} of them must have cosigned`}.`}
      </p>
    </>
  );
}

function originWords({ from, sinceMs }: Pin): string {
  return from === "user"
    ? `You gave this key yourself, on ${formatUtc(sinceMs)}.`
    : `This key came from the hub itself, at the first visit on ${formatUtc(sinceMs)}. If the hub lied then, this browser cannot tell. Compare it with one from elsewhere: a peer’s page, the operator, a printed notice. If it is the same, paste it below to confirm it.`;
}
