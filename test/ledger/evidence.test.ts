import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { encodeUtf8 } from "../../ledger/bytes.ts";
import { cosign } from "../../ledger/cosignature.ts";
import { formatEvidence, parseEvidence } from "../../ledger/evidence-file.ts";
import type { Evidence } from "../../ledger/evidence-file.ts";
import { buildEvidence, verifyEvidence } from "../../ledger/evidence.ts";
import type { EvidenceOptions, EvidenceReport } from "../../ledger/evidence.ts";
import { Fault } from "../../ledger/fault.ts";
import { kidHex, kidOf } from "../../ledger/key.ts";
import { encodeGap } from "../../ledger/kinds/gap.ts";
import { encodeGrant } from "../../ledger/kinds/grant.ts";
import { encodeRevoke } from "../../ledger/kinds/revoke.ts";
import { leafHash } from "../../ledger/merkle.ts";
import { formatVkey, TYPE_COSIGNATURE, TYPE_ED25519, vkeyOf } from "../../ledger/note.ts";
import { parsePolicy, trustVkey } from "../../ledger/policy.ts";
import type { Policy } from "../../ledger/policy.ts";
import { nobleVerify } from "../../ledger/signature.ts";
import { referenceNodes } from "../support/reference-tree.ts";
import { actor, DEVICE, ORIGIN, ScriptedLog, voice } from "../support/scripted-log.ts";
import { describeWithShared } from "../support/shared-data.ts";
import { hex, SMALL_LOG } from "../support/small-log.ts";
import { codeOf, entriesOf, must, readSmallLogProofs, vkey } from "../support/small-log-proofs.ts";

const ANNA = voice("anna");
const BERT = voice("bert");
const SENSOR = voice("air-1");

/** The policy that trusts the log's present key. */
function trust(log: ScriptedLog): Policy {
  return trustVkey(vkeyOf(ORIGIN, TYPE_ED25519, log.hub.signer.publicKey));
}

function check(
  log: ScriptedLog,
  evidence: Evidence,
  options?: EvidenceOptions,
): EvidenceReport | Fault {
  return verifyEvidence(evidence, trust(log), nobleVerify, options);
}

async function prove(log: ScriptedLog, index: number): Promise<Evidence> {
  return buildEvidence(index, log.source());
}

/** A log in which everything happens that evidence has to follow. */
function eventfulLog(): ScriptedLog {
  const log = new ScriptedLog([ANNA]);
  log.seal();
  log.enrol(ANNA, BERT, { role: "registrar" });
  log.enrol(BERT, SENSOR, DEVICE);
  log.seal();
  log.measure(SENSOR);
  log.rekey(actor("second hub"));
  log.measure(SENSOR);
  log.seal();
  log.say(
    BERT,
    "revoke",
    "registry",
    encodeRevoke({ name: "anna", kid: kidOf(ANNA.signer.publicKey), reason: "lost" }),
  );
  const annaAgain = voice("anna", "anna's second key");
  log.enrol(BERT, annaAgain, { role: "registrar" });
  const owner = voice("owner");
  log.enrol(annaAgain, owner, { role: "owner" });
  const other = voice("air-2");
  log.enrol(annaAgain, other, { ...DEVICE, owner: "owner" });
  log.measure(other);
  log.say(other, "gap", "air", encodeGap({ ...log.gapOf(other), reason: "counter-lost" }));
  const grant = { stream: "air-2/air", to: "a-university", fromMs: 0 };
  log.say(owner, "grant", "rights", encodeGrant(grant));
  log.seal();
  log.seal();
  log.rekey(actor("third hub"));
  log.measure(SENSOR);
  log.seal();
  return log;
}

describe("evidence of every entry", () => {
  const log = eventfulLog();

  test.each(log.entries.map((_, index) => index))("entry %d", async (index) => {
    const evidence = await prove(log, index);
    const report = must(check(log, evidence, { index }));
    expect(report.index).toBe(index);
    expect(report.statement.bytes).toEqual(log.entries[index]);
    expect(report.block.first).toBeLessThanOrEqual(index);
    expect(report.block.index).toBeGreaterThanOrEqual(index);
    expect(must(parseEvidence(formatEvidence(evidence)))).toEqual(evidence);
    if (!["genesis", "rekey", "seal"].includes(report.effect.kind)) {
      expect(must(check(log, evidence)).index).toBe(index);
    }
  });

  test("no entry can be left out, and none added", async () => {
    for (const index of log.entries.keys()) {
      const evidence = await prove(log, index);
      const full = new Map(evidence.entries.map((entry) => [entry.index, entry]));
      for (const left of full.keys()) {
        const entries = evidence.entries.filter((entry) => entry.index !== left);
        expect(check(log, { ...evidence, entries }, { index })).toBeInstanceOf(Fault);
      }
      const added = await prove(log, (index + 5) % log.entries.length);
      for (const extra of added.entries) full.set(extra.index, extra);
      const entries = [...full.values()].sort((a, b) => a.index - b.index);
      const kinds = entries.length - evidence.entries.length;
      const result = check(log, { ...evidence, entries }, { index });
      // Rekeys may be there although they are not needed: an honest file may hold all of them.
      if (kinds > 0 && result instanceof Fault) expect(result.code).toBe("bad-entry");
    }
  });

  test("a file that holds later rekeys as well is taken", async () => {
    const evidence = await prove(log, 5);
    const all = await prove(log, log.entries.length - 1);
    const rekeys = new Set(log.source().rekeys);
    const later = all.entries.filter((entry) => rekeys.has(entry.index) && entry.index > 8);
    expect(later).toHaveLength(1);
    const entries = [...evidence.entries, ...later];
    expect(must(check(log, { ...evidence, entries })).index).toBe(5);
  });

  test("says who, what, when and where, and what it does not show", async () => {
    const report = must(check(log, await prove(log, 5)));
    expect(report.who).toEqual({
      name: "air-1",
      role: "device",
      kid: kidHex(SENSOR.signer.publicKey),
      owner: undefined,
      model: undefined,
      enrolledBy: ["bert", "anna"],
    });
    expect(report.pack?.readings).toEqual([
      { quantity: "temp", unit: "Cel", value: 17.5, time: expect.any(Number) as number },
    ]);
    expect(report.where).toEqual({ lat: 51.58, lon: -2.99 });
    expect(report.block).toMatchObject({ height: 2, first: 5, index: 8 });
    expect(report.signedMs).toBeLessThanOrEqual(report.block.timeMs + 300_000);
    expect(report.notShown.join(" ")).toContain("only the hub vouches");
    expect(report.notShown.join(" ")).toContain("had not been revoked");
  });

  test("the checkpoint must reach the seal", async () => {
    const short = new ScriptedLog([ANNA]);
    const early = short.checkpoint();
    short.seal();
    await expect(buildEvidence(0, short.source(early))).rejects.toThrow(RangeError);
  });
});

describe("whom the checker trusts", () => {
  const log = eventfulLog();
  const peer = actor("peer");
  const peerKey = vkeyOf("peer.example/one", TYPE_COSIGNATURE, peer.publicKey);
  const hubKey = vkeyOf(ORIGIN, TYPE_ED25519, log.hub.signer.publicKey);
  const policy = must(
    parsePolicy(`log ${formatVkey(hubKey)}\nwitness one ${formatVkey(peerKey)}\nquorum one\n`),
  );

  test("a quorum that has cosigned vouches for the rest", async () => {
    const note = log.checkpoint();
    const text = note.slice(0, note.indexOf("\n\n") + 1);
    const cosigned = note + cosign(text, peerKey.name, peer, 1_800_000_000);
    const evidence = await buildEvidence(5, log.source(cosigned));
    const report = must(verifyEvidence(evidence, policy, nobleVerify));
    expect(report.checkpoint.cosignatures).toEqual([{ vkey: peerKey, timeSeconds: 1_800_000_000 }]);
    expect(report.notShown.join(" ")).toContain("the cosigners (peer.example/one) vouch");
  });

  test("a quorum that has not is a fault", async () => {
    const evidence = await prove(log, 5);
    expect(codeOf(verifyEvidence(evidence, policy, nobleVerify))).toBe("no-quorum");
  });

  test("an older key, another key and another log are not trusted", async () => {
    const evidence = await prove(log, 5);
    for (const name of ["hub", "second hub", "nobody"]) {
      const other = trustVkey(vkeyOf(ORIGIN, TYPE_ED25519, actor(name).publicKey));
      expect(codeOf(verifyEvidence(evidence, other, nobleVerify))).toBe("untrusted");
    }
    const elsewhere = trustVkey(vkeyOf("other.example", TYPE_ED25519, log.hub.signer.publicKey));
    expect(codeOf(verifyEvidence(evidence, elsewhere, nobleVerify))).toBe("wrong-origin");
  });

  test("a genesis of another origin is refused, though the trusted key signs for it", async () => {
    const stranger = new ScriptedLog([ANNA], "other.example");
    stranger.seal();
    const evidence = await buildEvidence(1, stranger.source(stranger.checkpoint(ORIGIN)));
    expect(codeOf(check(stranger, evidence))).toBe("wrong-origin");
  });
});

describe("any change to a file is refused", () => {
  const log = eventfulLog();

  test("in any entry, path, index or the checkpoint", async () => {
    const evidence = await prove(log, 15);
    must(check(log, evidence));
    fc.assert(
      fc.property(
        fc.nat({ max: evidence.entries.length - 1 }),
        fc.constantFrom("entry", "path", "index", "order"),
        fc.nat({ max: 100_000 }),
        (at, part, n) => {
          const entries = evidence.entries.map((each, i) => {
            if (i !== at) return each;
            if (part === "entry") return { ...each, entry: flip(each.entry, n) };
            if (part === "index") return { ...each, index: each.index + 1 + (n % 3) };
            if (part === "order") return evidence.entries[(at + 1) % evidence.entries.length]!;
            const path = each.path.map((hash, j) =>
              j === n % each.path.length ? (flip(hash, n) as typeof hash) : hash,
            );
            return { ...each, path };
          });
          const parsed = parseEvidence(formatEvidence({ ...evidence, entries }));
          expect(parsed instanceof Fault ? parsed : check(log, parsed)).toBeInstanceOf(Fault);
        },
      ),
      { numRuns: 40 },
    );
    for (const [old, next] of [
      [`\n${log.entries.length}\n`, `\n${log.entries.length + 1}\n`],
      [ORIGIN, "other.example"],
    ]) {
      const checkpoint = evidence.checkpoint.replace(old!, next!);
      expect(check(log, { ...evidence, checkpoint })).toBeInstanceOf(Fault);
    }
  });
});

function flip(bytes: Uint8Array, n: number): Uint8Array {
  const flipped = bytes.slice();
  flipped[n % bytes.length]! ^= 1 << (n % 8);
  return flipped;
}

describe("a hub that breaks the rules is caught, though its tree and checkpoint are sound", () => {
  const forgeries: Record<string, (log: ScriptedLog) => number> = {
    "bad-entry: entry 4: bad-signature": (log) =>
      log.forge(SENSOR, "readings", "air", log.pack(SENSOR), (bytes) => {
        bytes[bytes.length - 1]! ^= 1;
      }),
    "bad-entry: entry 4: wrong-stream": (log) =>
      log.forge(SENSOR, "readings", "water", log.pack(SENSOR)),
    "bad-entry: entry 4: wrong-issuer": (log) =>
      log.forge({ ...SENSOR, name: "air-2" }, "readings", "air", log.pack(SENSOR)),
    "bad-entry: entry 4: wrong-name": (log) =>
      log.forge(SENSOR, "readings", "air", log.pack(voice("air-2"))),
    "bad-entry: entry 4: malformed": (log) =>
      log.forge(SENSOR, "readings", "air", encodeUtf8("no pack")),
    "bad-entry: entry 4: wrong-role": (log) => {
      log.enrol(log.hub, voice("air-3"), DEVICE, true);
      return log.forge(voice("air-3"), "readings", "air", log.pack(voice("air-3")));
    },
    "bad-entry: entry 4: bad-possession": (log) => {
      const thief = { name: "air-4", signer: actor("air-4") };
      const rest = { ...DEVICE, pop: new Uint8Array(64) };
      log.enrol(ANNA, thief, rest, true);
      return log.forge(thief, "readings", "air", log.pack(thief));
    },
  };

  test.each(Object.keys(forgeries))("%s", async (expected) => {
    const log = new ScriptedLog([ANNA]);
    log.seal();
    log.enrol(ANNA, SENSOR, DEVICE);
    log.measure(SENSOR);
    const index = forgeries[expected]!(log);
    log.seal({ timeMs: log.iat * 1000 });
    const fault = check(log, await prove(log, index), { index });
    expect(fault).toBeInstanceOf(Fault);
    const { code, text } = fault as Fault;
    expect(`${code}: ${text}`.slice(0, expected.length)).toBe(expected);
  });

  const seals: Record<string, (log: ScriptedLog) => number> = {
    "a root that is not that of the entries": (log) =>
      log.seal({ root: leafHash(log.entries[0]!) }),
    "a count that is not right": (log) => log.seal({ count: 5 }),
    "a size that is not its index": (log) => log.seal({ size: 3 }),
    "a time long before the statement": (log) => log.seal({ timeMs: (log.iat - 301) * 1000 }),
    "a block that begins inside block 0": (log) => log.seal({ first: 1, count: 3 }),
    "the first height again": (log) => log.seal({ height: 0 }),
  };

  test.each(Object.keys(seals))("a seal with %s", async (name) => {
    const log = new ScriptedLog([ANNA]);
    log.seal();
    log.enrol(ANNA, SENSOR, DEVICE);
    const index = log.measure(SENSOR);
    seals[name]!(log);
    const fault = check(log, await prove(log, index));
    expect(fault).toBeInstanceOf(Fault);
    expect((fault as Fault).text).toContain("bad-block");
  });

  test("a seal by the key that a rekey has ended", async () => {
    const log = new ScriptedLog([ANNA]);
    log.seal();
    log.enrol(ANNA, SENSOR, DEVICE);
    const index = log.measure(SENSOR);
    const old = log.hub;
    log.rekey(actor("second hub"));
    log.hub = old;
    log.seal({ timeMs: log.iat * 1000 });
    const fault = check(log, await prove(log, index));
    expect((fault as Fault).text).toContain("revoked-key");
  });

  test("a statement that breaks the chain that the file shows", async () => {
    const log = new ScriptedLog([ANNA]);
    log.seal();
    const enrolment = log.enrol(ANNA, SENSOR, DEVICE);
    log.forge(SENSOR, "readings", "air", log.pack(SENSOR));
    const other = new ScriptedLog([ANNA]);
    other.iat += 100;
    other.seal();
    other.enrol(ANNA, SENSOR, DEVICE);
    other.measure(SENSOR);
    log.entries[enrolment + 1] = other.entries[enrolment + 1]!;
    log.seal({ timeMs: log.iat * 1000 });
    const fault = check(log, await prove(log, enrolment + 1));
    expect((fault as Fault).text).toContain("broken-chain");
  });
});

describe("files", () => {
  const log = eventfulLog();

  test.each([
    ["", "malformed"],
    ["{}", "malformed"],
    ["[]", "malformed"],
    ["null", "malformed"],
    ['{"kerbstone": "evidence/v2", "checkpoint": "", "entries": []}', "unknown-version"],
    ['{"kerbstone": "receipt/v1", "checkpoint": "", "entries": []}', "malformed"],
    ['{"kerbstone": "evidence/v1", "checkpoint": "", "entries": {}}', "malformed"],
    ['{"kerbstone": "evidence/v1", "checkpoint": "", "entries": [], "more": 1}', "malformed"],
    ['{"kerbstone": "evidence/v1", "checkpoint": "", "entries": [{"index": 0}]}', "malformed"],
  ])("%s: %s", (text, code) => {
    expect(codeOf(parseEvidence(text))).toBe(code);
  });

  test("entries out of order, twice, or not in canonical base64 are malformed", async () => {
    const text = formatEvidence(await prove(log, 5));
    const file = JSON.parse(text) as {
      entries: { index: unknown; entry: string; path: string[] }[];
    };
    const bend = (change: (entries: (typeof file)["entries"]) => void): unknown => {
      const copy = structuredClone(file);
      change(copy.entries);
      return codeOf(parseEvidence(JSON.stringify(copy)));
    };
    expect(bend(() => undefined)).not.toBe("malformed");
    expect(bend((entries) => entries.reverse())).toBe("malformed");
    expect(bend((entries) => entries.push(entries.at(-1)!))).toBe("malformed");
    for (const index of [-1, 0.5, "0", null, 2 ** 53]) {
      expect(bend((entries) => (entries[0]!.index = index))).toBe("malformed");
    }
    expect(bend((entries) => (entries[0]!.entry += "\n"))).toBe("malformed");
    expect(bend((entries) => entries[0]!.path.push("AAAA"))).toBe("malformed");
  });

  test("an empty list of entries lacks genesis", () => {
    expect(codeOf(check(log, { checkpoint: log.checkpoint(), entries: [] }))).toBe("missing-entry");
  });
});

describeWithShared("the small log", [SMALL_LOG], () => {
  const log = readSmallLogProofs();
  const entries = entriesOf(log);
  const checkpoint = log.checkpoints.at(-1)!.cosigned;
  const broughtAt = new Map(
    [
      ["hub", 0],
      ["newport-it", 0],
      ["air-017", 2],
      ["flat-12", 6],
      ["meter-12", 7],
      ["hub after rekey", 19],
    ].map(([name, index]) => [log.keys.find((key) => key.name === name)!.kid, index as number]),
  );
  const seals = [1, 5, 12, 18, 21];
  const source = {
    checkpoint,
    nodes: referenceNodes(entries),
    rekeys: [19],
    entry: (index: number) => Promise.resolve(entries[index]!),
    sealOf: (index: number) => seals.find((seal) => seal >= index)!,
    enrolledAt: (kid: string) => broughtAt.get(kid),
  };
  const policy = must(
    parsePolicy(
      `log ${log.vkeys.log}\nlog ${log.vkeys.logAfterRekey}\nwitness gwent ${log.vkeys.peer}\nquorum gwent\n`,
    ),
  );

  test("the evidence of entry 3 is that of the vectors", async () => {
    const text = formatEvidence(await buildEvidence(3, source));
    expect(JSON.stringify(JSON.parse(text))).toBe(JSON.stringify(log.evidenceOfEntry3));
  });

  test("the vectors' evidence holds, and says what air-017 measured", () => {
    const evidence = must(parseEvidence(JSON.stringify(log.evidenceOfEntry3)));
    for (const trusted of [policy, trustVkey(vkey(log.vkeys.logAfterRekey))]) {
      const report = must(verifyEvidence(evidence, trusted, nobleVerify));
      expect(report).toMatchObject({
        index: 3,
        signedMs: 1_767_225_730_000,
        who: { name: "air-017", role: "device", enrolledBy: ["newport-it"], model: "SDS011" },
        block: { height: 1, first: 2, index: 5 },
      });
      expect(report.pack?.readings.map(({ quantity, value }) => [quantity, value])).toEqual([
        ["pm25", 12.3],
        ["pm10", 20],
        ["pm25", 12.5],
        ["pm10", 20.1],
      ]);
    }
    const old = trustVkey(vkey(log.vkeys.log));
    expect(codeOf(verifyEvidence(evidence, old, nobleVerify))).toBe("untrusted");
  });

  test.each(entries.map((_, index) => index))("evidence of entry %d holds", async (index) => {
    const evidence = await buildEvidence(index, source);
    expect(must(verifyEvidence(evidence, policy, nobleVerify, { index })).index).toBe(index);
  });

  test("a restricted pack shows its values to whoever holds the preimage", async () => {
    const evidence = await buildEvidence(8, source);
    const preimage = hex(log.bodies.find(({ entry }) => entry === 8)!.preimage);
    const hidden = must(verifyEvidence(evidence, policy, nobleVerify));
    expect(hidden.pack).toBeUndefined();
    expect(hidden.where).toBeUndefined();
    expect(hidden.notShown.join(" ")).toContain("only their salted hash");
    const shown = must(verifyEvidence(evidence, policy, nobleVerify, { preimage }));
    expect(shown.pack?.readings.map(({ quantity }) => quantity)).toEqual(["power"]);
    const wrong = verifyEvidence(evidence, policy, nobleVerify, { preimage: flip(preimage, 9) });
    expect((wrong as Fault).text).toContain("bad-preimage");
  });
});
