/**
 * The state of a page's connection to its hub: live by server-sent events, by asking again and again, or not at all.
 *
 * A pure machine: what happened in, the next state and what is to be done out. live-link.ts carries it out.
 *
 * A stream may stay open and yet be dead, and a quiet log looks the same from here. So the hub is asked for the size of
 * its log as well: if that grows and the stream tells nothing of it, the stream is given up.
 */

/** The connection, as it is known. */
export interface Link {
  readonly isStreamOpen: boolean;
  /** Streams in a row that failed. */
  readonly streamFailures: number;
  /** Questions in a row that were not answered. */
  readonly failures: number;
  /** When the hub last said anything, by this machine's clock. */
  readonly lastHeardMs: number | undefined;
  /** Answers in a row that told of growth of which the open stream had said nothing. */
  readonly deafAnswers: number;
  /** Whether the stream has told anything since the last answer. */
  readonly hasStreamTold: boolean;
  /** Of the log, by the last answer. */
  readonly size: number | undefined;
}

/** What can happen to a connection. */
export type LinkEvent =
  | { readonly kind: "opened"; readonly atMs: number }
  | { readonly kind: "told"; readonly atMs: number }
  | { readonly kind: "broken" }
  | { readonly kind: "answered"; readonly atMs: number; readonly size: number }
  | { readonly kind: "unanswered" };

/** What is to be done next. */
export type LinkOrder =
  | { readonly kind: "close" }
  /** `jitterMs` is to be multiplied by chance and added. */
  | { readonly kind: "open"; readonly afterMs: number; readonly jitterMs: number }
  /** Everything is to be asked for: something may have been missed. */
  | { readonly kind: "ask" };

export interface LinkStep {
  readonly link: Link;
  readonly orders: readonly LinkOrder[];
}

/** In words: `connecting` before the first answer, `polling` without a stream, `away` without answers. */
export type LinkPhase = "connecting" | "live" | "polling" | "away";

/** How often the hub is asked. */
export const ASK_EVERY_MS = 10_000;

/** A stream that has not opened by then counts as broken. */
export const OPEN_LIMIT_MS = 10_000;

/** What is shown is called stale when nothing was heard for so long. */
export const STALE_AFTER_MS = 30_000;

const DEAF_ANSWERS_MAX = 2;
const FAILURES_MAX = 2;
const REOPEN_FIRST_MS = 1_000;
const REOPEN_MAX_MS = 30_000;

export const INITIAL_LINK: Link = {
  isStreamOpen: false,
  streamFailures: 0,
  failures: 0,
  lastHeardMs: undefined,
  deafAnswers: 0,
  hasStreamTold: false,
  size: undefined,
};

/** Gives the next state and what is to be done. */
export function advance(link: Link, event: LinkEvent): LinkStep {
  switch (event.kind) {
    case "opened":
      // What was missed before the stream opened must be asked for.
      return {
        link: {
          ...link,
          isStreamOpen: true,
          lastHeardMs: event.atMs,
          deafAnswers: 0,
          failures: 0,
          hasStreamTold: false,
        },
        orders: [{ kind: "ask" }],
      };
    case "told":
      return {
        link: {
          ...link,
          lastHeardMs: event.atMs,
          hasStreamTold: true,
          deafAnswers: 0,
          streamFailures: 0,
        },
        orders: [],
      };
    case "broken":
      return giveUpStream(link);
    case "answered":
      return answered(link, event.atMs, event.size);
    case "unanswered":
      return { link: { ...link, failures: link.failures + 1 }, orders: [] };
  }
}

function answered(link: Link, atMs: number, size: number): LinkStep {
  const isDeaf =
    link.isStreamOpen && !link.hasStreamTold && link.size !== undefined && size > link.size;
  const next: Link = {
    ...link,
    failures: 0,
    lastHeardMs: atMs,
    size,
    hasStreamTold: false,
    deafAnswers: isDeaf ? link.deafAnswers + 1 : link.deafAnswers,
  };
  return next.deafAnswers >= DEAF_ANSWERS_MAX ? giveUpStream(next) : { link: next, orders: [] };
}

function giveUpStream(link: Link): LinkStep {
  const waitMs = Math.min(REOPEN_MAX_MS, REOPEN_FIRST_MS * 2 ** Math.min(link.streamFailures, 10));
  return {
    link: {
      ...link,
      isStreamOpen: false,
      streamFailures: link.streamFailures + 1,
      deafAnswers: 0,
      hasStreamTold: false,
    },
    orders: [
      { kind: "close" },
      { kind: "ask" },
      { kind: "open", afterMs: waitMs, jitterMs: waitMs },
    ],
  };
}

/** Names the state of a connection. One unanswered question beside an open stream is not yet an absence. */
export function phaseOf(link: Link): LinkPhase {
  if (link.failures >= (link.isStreamOpen ? FAILURES_MAX : 1)) return "away";
  if (link.lastHeardMs === undefined) return "connecting";
  return link.isStreamOpen ? "live" : "polling";
}

/** Says since when what is shown is old; `undefined` where it is not. */
export function staleSince(link: Link, nowMs: number): number | undefined {
  const { lastHeardMs } = link;
  if (lastHeardMs === undefined) return undefined;
  const isStale = phaseOf(link) === "away" || nowMs - lastHeardMs > STALE_AFTER_MS;
  return isStale ? lastHeardMs : undefined;
}
