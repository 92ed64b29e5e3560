/**
 * What may be wrong with a device, one finding a line. What is looked at stands in doctor-command.ts and in
 * the files `…-diagnosis.ts`; here is what each finding means, and what to do about it.
 */

import { UserError } from "../../platform/user-error.ts";
import type { HaltReason } from "../delivery/halt.ts";
import type { Standing } from "../delivery/standing.ts";
import { movedWords, otherClock, REFUSED_LOGINS } from "../status/status.ts";
import type { FoundStatus, Unheard } from "../status/status-socket.ts";

/** One thing that was looked at. */
export interface Finding {
  readonly subject: string;
  /** `unsure` is no fault, and worth knowing. */
  readonly level: "ok" | "unsure" | "wrong";
  readonly text: string;
  /** What to do about it. */
  readonly remedy?: string | undefined;
}

/** Formats findings, a line each and another for what to do. */
export function formatFindings(findings: readonly Finding[]): string {
  const width = Math.max(...findings.map(({ subject }) => subject.length));
  const lines = findings.flatMap(({ subject, level, text, remedy }) => {
    const mark = { ok: "ok    ", unsure: "unsure", wrong: "WRONG " }[level];
    const line = `${mark}  ${subject.padEnd(width)}  ${text}`;
    return remedy === undefined ? [line] : [line, `${" ".repeat(width + 10)}→ ${remedy}`];
  });
  return `${lines.join("\n")}\n`;
}

/** Makes a finding of an attempt: what it gives when it succeeds, `wrong` with the error's own words when it fails. */
export async function find(
  subject: string,
  attempt: () => Promise<Omit<Finding, "subject"> | string>,
  remedy?: string,
): Promise<Finding> {
  try {
    const found = await attempt();
    return typeof found === "string"
      ? { subject, level: "ok", text: found }
      : { subject, ...found };
  } catch (error) {
    const hint = error instanceof UserError ? error.hint : undefined;
    const text = error instanceof Error ? error.message : String(error);
    return { subject, level: "wrong", text, remedy: hint ?? remedy };
  }
}

/** Free space against what the outbox may still take. */
export function judgeSpace(
  freeBytes: number,
  outboxBytes: number,
  outboxBytesMax: number,
): Omit<Finding, "subject"> {
  const needBytes = Math.max(0, outboxBytesMax - outboxBytes);
  const text = `${mebibytes(freeBytes)} MiB free, the outbox may take ${mebibytes(needBytes)} more`;
  if (freeBytes >= needBytes) return { level: "ok", text };
  return {
    // A few segments are enough to go on while the hub is there.
    level: freeBytes < 16 * 2 ** 20 ? "wrong" : "unsure",
    text,
    remedy: "Free some space, or set outbox.bytesMax lower: a full disk stops signing.",
  };
}

function mebibytes(bytes: number): string {
  return (bytes / 2 ** 20).toFixed(0);
}

/** Hubs allow a login this much. */
const APART_MS_MAX = 60_000;

/**
 * The system's clock against the build's date, against the hub's where that is known, and whether anybody keeps it.
 *
 * `isKept` is absent where nobody can tell.
 */
export function judgeClock(
  nowMs: number,
  notBeforeMs: number,
  hubMs: number | undefined,
  isKept: boolean | undefined,
): Omit<Finding, "subject"> {
  const now = new Date(nowMs).toISOString().slice(0, 19) + "Z";
  const remedy = "Set the clock: `timedatectl set-ntp true`; or connect a satellite receiver.";
  if (nowMs < notBeforeMs)
    return {
      level: "wrong",
      text: `${now} is before this program was made; nothing is signed by it`,
      remedy,
    };
  const apartMs = hubMs === undefined ? 0 : Math.abs(nowMs - hubMs);
  const apart =
    hubMs === undefined
      ? "; the hub's is not known"
      : `, ${(apartMs / 1000).toFixed(0)} s from the hub's`;
  if (apartMs > APART_MS_MAX) return { level: "wrong", text: now + apart, remedy };
  if (isKept === false)
    return { level: "unsure", text: `${now}${apart}; nobody keeps it in step`, remedy };
  return { level: "ok", text: now + apart + (isKept === true ? "; kept in step" : "") };
}

/** An agent that may be running, but has not said how it is. */
const UNHEARD: Readonly<Record<Unheard, Finding>> = {
  silent: {
    subject: "agent",
    level: "wrong",
    text: "runs, and does not answer; what follows is what it wrote last",
    remedy:
      "Look at its log. Where it stays so, restart it; its service's watchdog would do so, too.",
  },
  denied: {
    subject: "agent",
    level: "unsure",
    text: "may not be asked by this user; what follows is what it wrote last",
    remedy: "Run this again as the user that it runs as, with sudo -u.",
  },
};

/** What the agent says of itself. */
export function judgeStatus(found: FoundStatus | undefined, nowMs: number): Finding[] {
  if (found === undefined)
    return [
      {
        subject: "agent",
        level: "unsure",
        text: "has never run",
        remedy: "Start it: kerbstone edge run CONFIG, or kerbstone edge install-service CONFIG.",
      },
    ];
  const { status, isLive, unheard } = found;
  const ageSeconds = Math.max(0, Math.round((nowMs - status.atMs) / 1000));
  const findings: Finding[] = [
    isLive
      ? { subject: "agent", level: "ok", text: "runs" }
      : unheard !== undefined
        ? UNHEARD[unheard]
        : {
            subject: "agent",
            level: "unsure",
            text: `does not run; it last did ${ageSeconds} s ago`,
            remedy: "Start it: kerbstone edge run CONFIG, or systemctl start its service.",
          },
  ];
  if (status.halted)
    findings.push({
      subject: "signing",
      level: "wrong",
      text: status.halted.text,
      remedy: HALT_REMEDIES[status.halted.reason],
    });
  if (isLive && status.clockApartMs !== undefined) findings.push(judgeDispute(status));
  if (isLive && status.movedMetres !== undefined)
    findings.push({
      subject: "place",
      level: "wrong",
      text: `${movedWords(status.movedMetres)}; each pack says so`,
      remedy:
        "Was it carried off? If it has a new place on purpose, set position.lat and position.lon, and tell the operator.",
    });
  findings.push(judgeOutbox(status));
  if (isLive && !status.isConnected) findings.push(judgeConnection(status));
  if (status.isHubBehind)
    findings.push({
      subject: "hub",
      level: "wrong",
      text: "has forgotten statements that were let go here",
      remedy: "Tell the operator: the hub has to be restored from a mirror.",
    });
  return findings;
}

/** Two clocks that ought both to be right, and are not. */
function judgeDispute({ clockSource, clockApartMs }: FoundStatus["status"]): Finding {
  return {
    subject: "clocks",
    level: "wrong",
    text: `${clockSource} is believed, and ${otherClock(clockSource, clockApartMs ?? 0)}; each pack says so`,
    remedy:
      "Find out which is wrong: compare both with a clock that you trust. Unplug the receiver, mend NTP, or set clock.prefer.",
  };
}

const RENEWAL =
  "A new key: kerbstone edge renew CONFIG; the old key and its outbox are kept beside it.";

const HALT_REMEDIES: Readonly<Record<HaltReason, string>> = {
  "foreign-statements": `${RENEWAL} If no other machine has the key: kerbstone edge recover CONFIG.`,
  "counter-lost": `If no other machine has the key: kerbstone edge recover CONFIG. Else: ${RENEWAL}`,
  "key-refused": "Ask the operator; restart the agent when it is enrolled. " + RENEWAL,
};

const LOGIN_REMEDIES: Readonly<Record<Standing, string>> = {
  revoked: RENEWAL,
  "other-key": `If that is not a mistake of the operator's: ${RENEWAL}`,
  unknown: "Have the operator enrol the device, with the line that edge init has printed.",
  enrolled: "Look at the clock, above; the login is signed with the time in it.",
};

function judgeConnection({ isLoginRefused, standing }: FoundStatus["status"]): Finding {
  const about = { subject: "connection", level: "wrong" } as const;
  if (isLoginRefused === true && standing !== undefined) {
    const text = `the hub refuses the login: ${REFUSED_LOGINS[standing]}`;
    return { ...about, text, remedy: LOGIN_REMEDIES[standing] };
  }
  return {
    ...about,
    text: `the agent is not connected to the hub${isLoginRefused === true ? ", which refuses its login" : ""}`,
    remedy:
      "Stop the agent and run this again: it then tries to log in by itself, and says what is wrong.",
  };
}

/** What a refused login means, and what to do about it, by what the hub says of the device. */
export function explainRefusedLogin(standing: Standing): { text: string; remedy: string } {
  return { text: `: ${REFUSED_LOGINS[standing]}`, remedy: LOGIN_REMEDIES[standing] };
}

/** Why readings wait, in words. */
const OBSTACLES: Readonly<Record<string, readonly [text: string, remedy: string]>> = {
  "not-enrolled": [
    "the hub has not acknowledged the enrolment",
    "Have the operator enrol the device.",
  ],
  disk: [
    "the disk refuses what was signed",
    "Free some space, or look at `dmesg`: a card that has become read-only is worn out.",
  ],
  full: [
    "the outbox is full, new readings are dropped",
    "Find out why the hub does not take them.",
  ],
  "no-clock": [
    "no clock is believed yet",
    "Set the clock, or give the receiver a view of the sky.",
  ],
  "no-position": [
    "the position is not known",
    "Set position.lat and position.lon, or wait for a fix.",
  ],
};

function judgeOutbox(status: FoundStatus["status"]): Finding {
  const { outboxBytes, outboxBytesMax, waitsFor, waitingReadings, counters, diskFault } = status;
  const percent = ((100 * outboxBytes) / outboxBytesMax).toFixed(1);
  const text = `${percent} % full, ${waitingReadings} readings wait, ${counters.readingsDropped} dropped`;
  const [why, remedy] = OBSTACLES[waitsFor ?? ""] ?? [];
  if (why !== undefined)
    return { subject: "outbox", level: "wrong", text: `${text}: ${diskFault ?? why}`, remedy };
  if (counters.readingsDropped > 0)
    return {
      subject: "outbox",
      level: "unsure",
      text,
      remedy: "It was full for a while; see the metrics.",
    };
  return { subject: "outbox", level: "ok", text };
}
