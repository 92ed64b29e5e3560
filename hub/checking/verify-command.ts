/**
 * `kerbstone verify`: one proof or evidence file, offline (docs/formats.md, section 9).
 *
 * Ends with 0 when it holds, 1 when it does not, 2 when it could not be read.
 */

import { encodeHex } from "../../ledger/bytes.ts";
import { parseEvidence } from "../../ledger/evidence-file.ts";
import { verifyEvidence } from "../../ledger/evidence.ts";
import type { EvidenceReport } from "../../ledger/evidence.ts";
import { Fault } from "../../ledger/fault.ts";
import type { Policy } from "../../ledger/policy.ts";
import { parseProof, verifyProof } from "../../ledger/proof.ts";
import type { ProvenEntry } from "../../ledger/proof.ts";
import { formatHelp, parseFlags } from "../../platform/command-line.ts";
import { readGivenFile, readGivenText } from "../../platform/given-file.ts";
import type { ProgramIo } from "../../platform/lifecycle.ts";
import { fastestVerify } from "../../platform/native-verify.ts";
import { asUserError } from "../../platform/system-error.ts";
import { UserError } from "../../platform/user-error.ts";
import { AT_FAULT, COULD_NOT_LOOK, HOLDS } from "./audit-command.ts";
import { printable, timeText } from "./printable.ts";
import { readTrust, TRUST_FLAGS } from "./trust.ts";
import { verifyClip } from "./verify-clip-command.ts";

const SPEC = {
  usage:
    "kerbstone verify <file.tlog-proof> <entry-file> | <file.evidence.json>  (--vkey VKEY | --policy FILE) [--json]",
  about:
    "Checks a proof or an evidence file without any network; a recording with `kerbstone verify clip`. Exit code 0: it holds; 1: it does not; 2: there is no such file.",
  flags: { ...TRUST_FLAGS, json: { type: "switch", about: "print one JSON object" } },
  positionals: { min: 1, max: 2, about: "what is to be checked, such as reading.evidence.json" },
} as const;

/** Runs `kerbstone verify …`. What the disk refuses is no word about what was to be checked. */
export async function run(io: ProgramIo): Promise<number> {
  try {
    return await verify(io);
  } catch (error) {
    if (io.signal.aborted) {
      throw new UserError("Stopped before all of it was looked at.", { exitCode: COULD_NOT_LOOK });
    }
    const refused = error instanceof UserError ? undefined : asUserError(error);
    if (refused === undefined) throw error;
    throw new UserError(refused.message, { exitCode: COULD_NOT_LOOK, cause: error });
  }
}

async function verify(io: ProgramIo): Promise<number> {
  const [first, ...rest] = io.argv;
  if (first === "clip") return verifyClip(io, rest);
  const { flags, positionals, help } = parseFlags(io.argv, SPEC);
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
  const [file, entryFile] = positionals as [string, string | undefined];
  if (entryFile === undefined && file.endsWith(".tlog-proof")) {
    throw new UserError("A proof is checked together with the entry that it is about.", {
      hint: "Example: kerbstone verify reading.tlog-proof reading.cose --vkey VKEY",
    });
  }
  const found =
    entryFile === undefined
      ? verifyEvidenceText(await readGivenText(io.files, file), policy)
      : verifyProofText(
          await readGivenText(io.files, file),
          await readGivenFile(io.files, entryFile),
          policy,
        );
  io.stdout.write(flags.json ? `${JSON.stringify(asJson(found))}\n` : asText(found));
  return found instanceof Fault ? AT_FAULT : HOLDS;
}

type Found = EvidenceReport | ProvenEntry | Fault;

function verifyEvidenceText(text: string, policy: Policy): EvidenceReport | Fault {
  const evidence = parseEvidence(text);
  return evidence instanceof Fault ? evidence : verifyEvidence(evidence, policy, fastestVerify);
}

function verifyProofText(text: string, entry: Uint8Array, policy: Policy): ProvenEntry | Fault {
  const proof = parseProof(text);
  return proof instanceof Fault ? proof : verifyProof(entry, proof, policy, fastestVerify);
}

function isReport(found: EvidenceReport | ProvenEntry): found is EvidenceReport {
  return "statement" in found;
}

function asJson(found: Found): object {
  if (found instanceof Fault) return { ok: false, code: found.code, text: found.text };
  const { index, checkpoint } = found;
  const { origin, size, cosignatures } = checkpoint;
  const base = {
    ok: true,
    origin,
    size,
    index,
    cosignedBy: cosignatures.map(({ vkey }) => vkey.name),
  };
  if (!isReport(found)) return base;
  const { statement, who, pack, block } = found;
  return {
    ...base,
    kind: statement.kind,
    hash: encodeHex(statement.hash),
    device: who.name,
    kid: who.kid,
    enrolledBy: who.enrolledBy,
    stream: statement.stream,
    iat: statement.iat,
    block: block.height,
    sealedMs: block.timeMs,
    ...(pack !== undefined && { lat: pack.lat, lon: pack.lon, readings: pack.readings }),
  };
}

function asText(found: Found): string {
  if (found instanceof Fault) return `DOES NOT HOLD: ${found.code}: ${printable(found.text)}\n`;
  const { index, checkpoint } = found;
  const cosigners = checkpoint.cosignatures.map(({ vkey }) => vkey.name).join(", ");
  const lines = [
    `Holds: entry ${index} of ${checkpoint.origin}, in the log of ${checkpoint.size} entries.`,
  ];
  if (isReport(found)) lines.push(...describe(found));
  lines.push(`  cosigned by ${cosigners || "nobody that was asked for"}`);
  return `${lines.join("\n")}\n`;
}

function describe(report: EvidenceReport): string[] {
  const { statement, who, pack, block } = report;
  const lines = [
    `  who    ${who.name} (${who.role}, key ${who.kid})`,
    `  what   ${statement.kind} on stream ${statement.stream}, statement ${statement.seq} of this key`,
    `  when   signed ${timeText(statement.iat * 1000)}; sealed by ${timeText(block.timeMs)} in block ${block.height}`,
  ];
  if (pack !== undefined) {
    lines.push(`  where  ${pack.lat}, ${pack.lon}`);
    for (const { quantity, value, unit, time: at } of pack.readings) {
      lines.push(
        `  ${timeText(at * 1000)}  ${quantity} = ${printable(String(value))}${unit === undefined ? "" : ` ${printable(unit)}`}`,
      );
    }
  }
  return [...lines, ...report.notShown.map((sentence) => `  note   ${sentence}`)];
}
