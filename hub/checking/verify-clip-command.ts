/**
 * `kerbstone verify clip`: is this file the recording that a device signed? (docs/cameras.md, "In court")
 *
 * The file is hashed here, and nothing of it leaves this machine but, with --from-hub, its hash. What the hub then answers
 * is not believed: it is checked like a file from anybody. Ends with 0 when it holds, 1 when it does not, 2 when it could
 * not look.
 */

import { decodeUtf8, encodeHex, equalBytes } from "../../ledger/bytes.ts";
import { parseEvidence } from "../../ledger/evidence-file.ts";
import { verifyEvidence } from "../../ledger/evidence.ts";
import type { EvidenceReport } from "../../ledger/evidence.ts";
import { Fault } from "../../ledger/fault.ts";
import type { FaultCode } from "../../ledger/fault.ts";
import type { Clip } from "../../ledger/kinds/clip.ts";
import type { Policy } from "../../ledger/policy.ts";
import { formatHelp, parseFlags } from "../../platform/command-line.ts";
import { hashFile } from "../../platform/file-hash.ts";
import type { FileHash } from "../../platform/file-hash.ts";
import { needRegularFile, readGivenText } from "../../platform/given-file.ts";
import { HttpClient, HttpFailure } from "../../platform/http-client.ts";
import type { ProgramIo } from "../../platform/lifecycle.ts";
import { fastestVerify } from "../../platform/native-verify.ts";
import { UserError } from "../../platform/user-error.ts";
import { AT_FAULT, COULD_NOT_LOOK, HOLDS } from "./audit-command.ts";
import { printable, timeText } from "./printable.ts";
import { readTrust, TRUST_FLAGS } from "./trust.ts";

const SPEC = {
  usage:
    "kerbstone verify clip <recording> (--evidence FILE | --from-hub URL) (--vkey VKEY | --policy FILE) [--json]",
  about:
    "Checks that a recording is what a device signed: its SHA-256 and length against a clip in the log. Exit code 0: it holds; 1: it does not; 2: it could not be looked at.",
  flags: {
    ...TRUST_FLAGS,
    evidence: { type: "text", value: "FILE", about: "the evidence file of the clip" },
    "from-hub": {
      type: "text",
      value: "URL",
      about:
        "fetches the evidence from a hub or peer by the recording's hash; it is checked all the same",
    },
    json: { type: "switch", about: "print one JSON object" },
  },
  positionals: { min: 1, max: 1, about: "the recording, such as street.mp4" },
} as const;

/** Why a recording is not proved: the faults of evidence, and those of the recording itself. */
export type ClipFaultCode =
  | FaultCode
  /** The evidence is about something else than a recording. */
  | "not-a-clip"
  /** The file is shorter or longer than what was recorded. */
  | "other-length"
  /** It is as long, and not the same. */
  | "other-bytes"
  /** The hub knows of no such recording. */
  | "not-signed";

/** A recording that is not proved, and why. */
export class ClipFault {
  readonly code: ClipFaultCode;
  readonly text: string;

  constructor(code: ClipFaultCode, text: string) {
    this.code = code;
    this.text = text;
  }
}

/** A recording that is proved. */
export interface ProvedClip {
  readonly clip: Clip;
  readonly report: EvidenceReport;
}

/** Runs `kerbstone verify clip …`; `argv` is what follows these words. */
export async function verifyClip(io: ProgramIo, argv: readonly string[]): Promise<number> {
  const { flags, positionals, help } = parseFlags(argv, SPEC);
  if (help) {
    io.stdout.write(formatHelp(SPEC));
    return HOLDS;
  }
  const policy = await readTrust(flags, io.files);
  if (policy === undefined) {
    throw new UserError("Without --vkey or --policy nothing can be verified: say whom you trust.", {
      hint: `Usage: ${SPEC.usage}`,
    });
  }
  const { evidence, "from-hub": hub } = flags;
  if ((evidence === undefined) === (hub === undefined)) {
    throw new UserError(
      "A recording is checked against its evidence: give --evidence or --from-hub.",
    );
  }
  const file = positionals[0]!;
  await needRegularFile(io.files, file);
  const held = await hashFile(io.files, file, io.signal);
  if (held === undefined) throw new UserError(`There is no file ${file}.`);
  const text =
    evidence === undefined
      ? await fetchEvidence(io, hub!, held)
      : await readGivenText(io.files, evidence);
  const found = text instanceof ClipFault ? text : judgeRecording(held, text, policy);
  io.stdout.write(flags.json ? `${JSON.stringify(asJson(found, held))}\n` : asText(found, held));
  return found instanceof ClipFault ? AT_FAULT : HOLDS;
}

/** Checks evidence, and a recording's hash and length against the clip in it. */
export function judgeRecording(
  held: FileHash,
  evidenceText: string,
  policy: Policy,
): ProvedClip | ClipFault {
  const evidence = parseEvidence(evidenceText);
  const report =
    evidence instanceof Fault ? evidence : verifyEvidence(evidence, policy, fastestVerify);
  if (report instanceof Fault) return new ClipFault(report.code, report.text);
  const { effect, who, statement } = report;
  if (effect.kind !== "clip") {
    const what = effect.kind === "readings" ? "readings" : `a statement of kind ${statement.kind}`;
    return new ClipFault(
      "not-a-clip",
      `the evidence is about ${what} of ${who.name}, not about a recording`,
    );
  }
  const { clip } = effect;
  if (held.bytes !== clip.bytes) {
    const how = held.bytes < clip.bytes ? "something is missing" : "something was added";
    return new ClipFault(
      "other-length",
      `the file has ${held.bytes} bytes, the recording had ${clip.bytes}: ${how}, or it is another one`,
    );
  }
  if (!equalBytes(held.sha256, clip.sha256)) {
    return new ClipFault(
      "other-bytes",
      "the file is as long as the recording, and not the same: it was changed, or it is another one",
    );
  }
  return { clip, report };
}

/** Asks a hub for the evidence of a recording with this hash. */
async function fetchEvidence(
  io: ProgramIo,
  url: string,
  { sha256 }: FileHash,
): Promise<string | ClipFault> {
  if (!/^https?:\/\//.test(url) || !URL.canParse(url)) {
    throw new UserError(`--from-hub ${url} is no address, such as https://hub.example.`);
  }
  const base = `${url.replace(/\/$/, "")}/api/v1`;
  const client = new HttpClient({ clock: io.clock, random: io.random });
  const hash = encodeHex(sha256);
  try {
    const clip = await client.get(`${base}/clips/${hash}`, { signal: io.signal });
    if (clip.status === 404 && isAboutRecordings(clip.body)) {
      const text = `no device has signed a recording with the hash ${hash} in that hub's log: it was changed, it is not signed yet, or it is none of theirs`;
      return new ClipFault("not-signed", text);
    }
    const entry = clip.status === 200 ? entryOf(clip.body) : undefined;
    if (entry === undefined) throw strange(url, clip.status);
    const evidence = await client.get(`${base}/entries/${entry}/evidence`, { signal: io.signal });
    if (evidence.status === 409) {
      throw new UserError(
        "The clip is in the log, and its block is not sealed yet: ask again soon.",
        {
          exitCode: COULD_NOT_LOOK,
        },
      );
    }
    const text = evidence.status === 200 ? decodeUtf8(evidence.body) : undefined;
    if (text === undefined) throw strange(url, evidence.status);
    return text;
  } catch (error) {
    if (!(error instanceof HttpFailure)) throw error;
    throw new UserError(`The hub cannot be asked: ${error.message}.`, { cause: error });
  }
}

function strange(url: string, status: number): UserError {
  return new UserError(`${url} answers as no hub does that knows recordings (status ${status}).`);
}

function jsonOf(body: Uint8Array): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(decodeUtf8(body) ?? "");
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

/** Another server's 404 is no word about recordings, nor is that of a hub which knows none. */
function isAboutRecordings(body: Uint8Array): boolean {
  const { code, detail } = jsonOf(body) as { code?: unknown; detail?: unknown };
  return code === "not-found" && typeof detail === "string" && detail.includes("SHA-256");
}

function entryOf(body: Uint8Array): number | undefined {
  const entry = jsonOf(body)["entry"];
  return Number.isSafeInteger(entry) && (entry as number) >= 0 ? (entry as number) : undefined;
}

function asJson(found: ProvedClip | ClipFault, held: FileHash): object {
  const file = { sha256: encodeHex(held.sha256), bytes: held.bytes };
  if (found instanceof ClipFault) return { ok: false, code: found.code, text: found.text, ...file };
  const { clip, report } = found;
  const { checkpoint, index, statement, who, block } = report;
  return {
    ok: true,
    ...file,
    origin: checkpoint.origin,
    size: checkpoint.size,
    index,
    device: who.name,
    kid: who.kid,
    stream: statement.stream,
    seq: statement.seq,
    camera: clip.camera,
    fromMs: clip.fromMs,
    toMs: clip.toMs,
    type: clip.type,
    iat: statement.iat,
    block: block.height,
    sealedMs: block.timeMs,
    cosignedBy: checkpoint.cosignatures.map(({ vkey }) => vkey.name),
    notShown: [...report.notShown, ...NOT_SHOWN],
  };
}

/** What no signature of a recording can show. */
const NOT_SHOWN = [
  "That the lens was not covered, turned away, or shown a picture: only that these are the bytes that were recorded.",
];

function asText(found: ProvedClip | ClipFault, held: FileHash): string {
  if (found instanceof ClipFault) return `DOES NOT HOLD: ${found.code}: ${printable(found.text)}\n`;
  const { clip, report } = found;
  const { checkpoint, index, statement, who, block } = report;
  const cosigners = checkpoint.cosignatures.map(({ vkey }) => vkey.name).join(", ");
  const lines = [
    `Holds: this is the recording of entry ${index} of ${checkpoint.origin}, unchanged.`,
    `  file   ${held.bytes} bytes, ${printable(clip.type)}, SHA-256 ${encodeHex(held.sha256)}`,
    `  who    ${who.name} (${who.role}, key ${who.kid}), camera ${printable(clip.camera)} on stream ${statement.stream}`,
    `  what   from ${timeText(clip.fromMs)} to ${timeText(clip.toMs)}, by the clock of ${who.name}`,
    `  when   signed ${timeText(statement.iat * 1000)}; sealed by ${timeText(block.timeMs)} in block ${block.height}: it existed by then`,
    ...[...report.notShown, ...NOT_SHOWN].map((sentence) => `  note   ${sentence}`),
    `  cosigned by ${cosigners || "nobody that was asked for"}`,
  ];
  return `${lines.join("\n")}\n`;
}
