/** Small pictures. Each state has a shape of its own; colour only repeats what the shape says. */

import type { ComponentChildren, JSX } from "preact";
import type { Level } from "../api/answer.ts";
import type { StepState } from "../check/evidence-check.ts";
import type { Presence } from "../city/presence.ts";

/** The frame of all pictures. They are decoration: words stand beside them. */
function Picture({ children }: { children: ComponentChildren }): JSX.Element {
  return (
    <svg class="icon" viewBox="0 0 16 16" width="16" height="16" aria-hidden="true">
      {children}
    </svg>
  );
}

const TICK = "M4.6 8.3l2.3 2.4 4.5-5.1";

/** A kerb of stones, one laid on the other. */
export function Mark(): JSX.Element {
  return (
    <svg class="mark" viewBox="0 0 32 32" width="32" height="32" aria-hidden="true">
      <path d="M3 19h12v9H3zM17 19h12v9H17z" />
      <path d="M9 8h14v9H9z" class="mark-top" />
    </svg>
  );
}

/** A dashed ring, a block, a shield. */
export function LevelIcon({ level }: { level: Level }): JSX.Element {
  switch (level) {
    case "stored":
      return (
        <Picture>
          <circle cx="8" cy="8" r="5.5" class="line" stroke-dasharray="2.6 2" />
        </Picture>
      );
    case "sealed":
      return (
        <Picture>
          <rect x="2.5" y="2.5" width="11" height="11" rx="1.5" class="line" />
          <rect x="5.5" y="5.5" width="5" height="5" class="fill" />
        </Picture>
      );
    case "cosigned":
      return (
        <Picture>
          <path d="M8 1l6 2v5c0 3.4-2.5 6-6 7-3.5-1-6-3.6-6-7V3z" class="fill" />
          <path d={TICK} class="cut" />
        </Picture>
      );
  }
}

/** A disc, a crossed ring, a triangle, a clock, an empty ring, a cross. */
export function PresenceIcon({ presence }: { presence: Presence }): JSX.Element {
  switch (presence) {
    case "present":
      return (
        <Picture>
          <circle cx="8" cy="8" r="4.5" class="fill" />
        </Picture>
      );
    case "offline":
      return (
        <Picture>
          <circle cx="8" cy="8" r="6" class="line" />
          <path d="M3.8 12.2l8.4-8.4" class="line" />
        </Picture>
      );
    case "faulty":
      return (
        <Picture>
          <path d="M8 1.5l7 12.5H1z" class="fill" />
          <path d="M8 6v4M8 11.4v1.2" class="cut" />
        </Picture>
      );
    case "late":
      return (
        <Picture>
          <circle cx="8" cy="8" r="6" class="line" />
          <path d="M8 4.5V8l2.6 1.8" class="line" />
        </Picture>
      );
    case "silent":
      return (
        <Picture>
          <circle cx="8" cy="8" r="4.5" class="line" stroke-dasharray="1.6 2" />
        </Picture>
      );
    case "revoked":
      return (
        <Picture>
          <path d="M3.5 3.5l9 9M12.5 3.5l-9 9" class="line" />
        </Picture>
      );
  }
}

/** A tick in a disc, a mark of attention, a cross, a dash. */
export function StepIcon({ state }: { state: StepState }): JSX.Element {
  switch (state) {
    case "passed":
      return (
        <Picture>
          <circle cx="8" cy="8" r="7" class="fill" />
          <path d={TICK} class="cut" />
        </Picture>
      );
    case "warned":
      return (
        <Picture>
          <path d="M8 1.5l7 12.5H1z" class="line" />
          <path d="M8 6v4M8 11.4v1.2" class="line" />
        </Picture>
      );
    case "failed":
      return (
        <Picture>
          <rect x="1" y="1" width="14" height="14" rx="2" class="fill" />
          <path d="M5 5l6 6M11 5l-6 6" class="cut" />
        </Picture>
      );
    case "not-reached":
      return (
        <Picture>
          <path d="M4 8h8" class="line" />
        </Picture>
      );
  }
}

/** A triangle with a mark of exclamation. */
export function AlarmIcon(): JSX.Element {
  return <PresenceIcon presence="faulty" />;
}
