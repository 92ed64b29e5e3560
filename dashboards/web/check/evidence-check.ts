/**
 * Checks an evidence file step by step, so that people see what was looked at and where it failed
 * (docs/formats.md, section 9).
 *
 * All judging is done by ledger/. This file only asks it in an order that can be told, against what this browser has
 * pinned; nothing that the hub says about itself is used.
 */

import { encodeHex } from "../../../ledger/bytes.ts";
import { openCheckpoint, parseCheckpoint } from "../../../ledger/checkpoint.ts";
import type { OpenedCheckpoint } from "../../../ledger/checkpoint.ts";
import { parseEvidence } from "../../../ledger/evidence-file.ts";
import type { Evidence } from "../../../ledger/evidence-file.ts";
import { verifyEvidence } from "../../../ledger/evidence.ts";
import type { EvidenceReport } from "../../../ledger/evidence.ts";
import { Fault } from "../../../ledger/fault.ts";
import { logKeys, quorumMet } from "../../../ledger/policy.ts";
import type { Policy } from "../../../ledger/policy.ts";
import { parseProof, verifyProof } from "../../../ledger/proof.ts";
import type { Verify } from "../../../ledger/signature.ts";
import { policyOf, withoutQuorum } from "../trust/pin.ts";
import type { Pin } from "../trust/pin.ts";
import { compareCheckpoints } from "../trust/seen-checkpoint.ts";
import { countOf } from "../words/number.ts";
import { compareClaim } from "./claim.ts";
import type { Claim } from "./claim.ts";
import { wordsOf } from "./fault-words.ts";

/** How a step ended. `warned`: nothing is wrong, and less is shown than could be. */
export type StepState = "passed" | "warned" | "failed" | "not-reached";

/** One step of a check. */
export interface CheckStep {
  readonly title: string;
  readonly state: StepState;
  /** What was found, in words. */
  readonly words: string;
  /** The ledger's own words for a failure. */
  readonly fault?: Fault;
}

/**
 * What a check amounts to: `cosigned`, it holds and enough pinned peers say so; `hub-alone`, it holds as far as the hub
 * may be believed to show everybody the same log; `fails`.
 */
export type Verdict = "cosigned" | "hub-alone" | "fails";

/** The outcome of a check. */
export interface EvidenceCheck {
  readonly verdict: Verdict;
  readonly steps: readonly CheckStep[];
  /** What the evidence shows; there even where only the page's claim or the proof fails. */
  readonly report: EvidenceReport | undefined;
}

/** What is checked, and against what. */
export interface EvidenceQuestion {
  /** The evidence file. */
  readonly text: string;
  readonly pin: Pin;
  readonly verify: Verify;
  /** The entry that the evidence was asked for. */
  readonly entry?: number | undefined;
  /** What the page showed. */
  readonly claim?: Claim | undefined;
  /** The `.tlog-proof` of the same entry. */
  readonly proof?: string | undefined;
}

/** Gives the log that a file says it is about, in order to look for a pinned key; nothing is verified. */
export function originOfEvidence(text: string): string | Fault {
  const evidence = parseEvidence(text);
  if (evidence instanceof Fault) return evidence;
  const checkpoint = parseCheckpoint(evidence.checkpoint);
  return checkpoint instanceof Fault ? checkpoint : checkpoint.origin;
}

/** Checks an evidence file, and with it the claim and the proof where there are any. */
export function checkEvidence(question: EvidenceQuestion): EvidenceCheck {
  return new EvidenceChecker(question).run();
}

class EvidenceChecker {
  readonly #question: EvidenceQuestion;
  readonly #policy: Policy;
  readonly #steps: CheckStep[] = [];
  #report: EvidenceReport | undefined;

  constructor(question: EvidenceQuestion) {
    this.#question = question;
    this.#policy = policyOf(question.pin);
  }

  run(): EvidenceCheck {
    const evidence = this.#readFile();
    if (evidence === undefined) return this.#end("fails");
    const checkpoint = this.#openCheckpoint(evidence);
    if (checkpoint === undefined) return this.#end("fails");
    const report = this.#judgeEntries(evidence, checkpoint);
    if (report === undefined) return this.#end("fails");
    this.#report = report;
    if (!this.#compareClaim(report) || !this.#checkProof(evidence, report)) {
      return this.#end("fails");
    }
    return this.#end(this.#countCosigners(checkpoint) ? "cosigned" : "hub-alone");
  }

  #end(verdict: Verdict): EvidenceCheck {
    const { claim, proof } = this.#question;
    const titles = TITLES.filter(
      (title) =>
        (title !== CLAIM || claim !== undefined) && (title !== PROOF || proof !== undefined),
    );
    const rest = titles.slice(this.#steps.length);
    const unreached = rest.map((title): CheckStep => ({
      title,
      state: "not-reached",
      words: "Not looked at, since an earlier step failed.",
    }));
    return { verdict, steps: [...this.#steps, ...unreached], report: this.#report };
  }

  #readFile(): Evidence | undefined {
    const evidence = parseEvidence(this.#question.text);
    if (evidence instanceof Fault) return this.#failBy(FORM, evidence);
    this.#pass(
      FORM,
      `It holds ${countOf(evidence.entries.length, "entry", "entries")} of the log.`,
    );
    return evidence;
  }

  #openCheckpoint({ checkpoint }: Evidence): OpenedCheckpoint | undefined {
    const { witnesses } = this.#policy;
    const trusted = [...logKeys(this.#policy), ...witnesses.map(({ vkey }) => vkey)];
    const opened = openCheckpoint(checkpoint, trusted, this.#question.verify);
    if (opened instanceof Fault) return this.#failBy(CHECKPOINT, opened);
    const size = countOf(opened.size, "entry", "entries");
    const root = encodeHex(opened.root).slice(0, 16);
    this.#pass(CHECKPOINT, `${opened.origin} has signed: ${size}, root ${root}…`);
    return opened;
  }

  /** The ledger judges inclusion and rules together; its fault code tells which of the two steps failed. */
  #judgeEntries(evidence: Evidence, checkpoint: OpenedCheckpoint): EvidenceReport | undefined {
    const { entry: index, verify } = this.#question;
    // What lacks only the quorum is told apart from what does not hold: it is judged without, and marked at the end.
    const policy = this.#hasQuorum(checkpoint) ? this.#policy : withoutQuorum(this.#policy);
    const report = verifyEvidence(evidence, policy, verify, { index });
    if (report instanceof Fault) {
      if (report.code === "not-included") return this.#failBy(INCLUSION, report);
      // Entries are judged one after the other, so of those after a bad one nothing is known.
      this.#warn(INCLUSION, "Those that were looked at before the failure are.");
      return this.#failBy(RULES, report);
    }
    const { who, statement, block } = report;
    this.#pass(INCLUSION, "Each entry’s path of hashes leads to the signed root.");
    this.#pass(
      RULES,
      `${who.name} has signed it as number ${statement.seq} of its chain, with a key that the log had enrolled; it is sealed in block ${block.height}.`,
    );
    return report;
  }

  /** Says whether nothing speaks against going on. */
  #compareClaim(report: EvidenceReport): boolean {
    const { claim } = this.#question;
    if (claim === undefined) return true;
    const finding = compareClaim(claim, report);
    switch (finding.kind) {
      case "confirmed":
        this.#pass(
          CLAIM,
          "Device, stream, quantity, value, unit and time are as they were signed.",
        );
        return true;
      case "hidden":
        this.#warn(
          CLAIM,
          "The log holds only a salted hash of the values, so nothing is compared.",
        );
        return true;
      case "contradicted":
        this.#fail(CLAIM, `What this page showed is not what was signed: ${finding.words}.`);
        return false;
    }
  }

  /** Says whether nothing speaks against going on. */
  #checkProof(evidence: Evidence, report: EvidenceReport): boolean {
    const { proof: text, verify } = this.#question;
    if (text === undefined) return true;
    const bytes = evidence.entries.find(({ index }) => index === report.index)!.entry;
    const parsed = parseProof(text);
    const proven =
      parsed instanceof Fault
        ? parsed
        : verifyProof(bytes, parsed, withoutQuorum(this.#policy), verify);
    if (proven instanceof Fault) {
      this.#failBy(PROOF, proven);
      return false;
    }
    const { checkpoint } = proven;
    if (compareCheckpoints(report.checkpoint, checkpoint) === "contradiction") {
      this.#fail(PROOF, TWO_HISTORIES);
      return false;
    }
    if (proven.index !== report.index) {
      this.#fail(PROOF, `The proof is about entry ${proven.index}.`);
      return false;
    }
    this.#pass(
      PROOF,
      `It leads to a checkpoint of ${countOf(checkpoint.size, "entry", "entries")}.`,
    );
    return true;
  }

  /** Says whether enough pinned cosigners have signed. */
  #countCosigners(checkpoint: OpenedCheckpoint): boolean {
    const { needed, cosigners } = this.#question.pin;
    const names = checkpoint.cosignatures.map(({ vkey }) => vkey.name).join(", ");
    if (needed === 0) {
      const found =
        names === "" ? "Nobody was asked for" : `${names} cosigned, nobody was asked for`;
      this.#warn(COSIGNERS, `${found}: the hub alone vouches for the log.`);
      return false;
    }
    const rule = `${needed} of ${cosigners.length} are asked for`;
    if (this.#hasQuorum(checkpoint)) {
      this.#pass(COSIGNERS, `${names} cosigned; ${rule}.`);
      return true;
    }
    const found =
      names === "" ? "Nobody whose key is pinned here has cosigned" : `Only ${names} cosigned`;
    this.#warn(
      COSIGNERS,
      `${found}; ${rule}. Peers cosign a block some moments after it was sealed: try again later.`,
    );
    return false;
  }

  #hasQuorum({ cosignatures }: OpenedCheckpoint): boolean {
    return quorumMet(
      this.#policy,
      cosignatures.map(({ vkey }) => vkey),
    );
  }

  #pass(title: string, words: string): void {
    this.#steps.push({ title, state: "passed", words });
  }

  #warn(title: string, words: string): void {
    this.#steps.push({ title, state: "warned", words });
  }

  #fail(title: string, words: string): void {
    this.#steps.push({ title, state: "failed", words });
  }

  #failBy(title: string, fault: Fault): undefined {
    this.#steps.push({ title, state: "failed", words: wordsOf(fault), fault });
    return undefined;
  }
}

const TWO_HISTORIES =
  "The log has signed two different histories of the same length: one in the evidence, another in the proof. Keep both files.";

const FORM = "The file is whole and of a known form";
const CHECKPOINT = "The log’s checkpoint is signed by the pinned key";
const INCLUSION = "Every entry in the file is in that log";
const RULES = "Signature, key, chain and block obey the ledger’s rules";
const CLAIM = "What was signed is what this page showed";
const PROOF = "The short proof leads to the same log";
const COSIGNERS = "Peers have checked and cosigned the log";

/** In the order in which they are taken. */
const TITLES = [FORM, CHECKPOINT, INCLUSION, RULES, CLAIM, PROOF, COSIGNERS];
