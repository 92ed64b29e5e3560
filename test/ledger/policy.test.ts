import { describe, expect, test } from "vitest";
import fc from "fast-check";
import { signCheckpoint } from "../../ledger/checkpoint.ts";
import { cosign } from "../../ledger/cosignature.ts";
import type { Fault } from "../../ledger/fault.ts";
import { EMPTY_ROOT } from "../../ledger/merkle.ts";
import { formatVkey, TYPE_COSIGNATURE, TYPE_ED25519, vkeyOf } from "../../ledger/note.ts";
import type { Vkey } from "../../ledger/note.ts";
import { openByPolicy, parsePolicy, quorumMet, trustVkey } from "../../ledger/policy.ts";
import { nobleVerify } from "../../ledger/signature.ts";
import { actor } from "../support/scripted-log.ts";
import { codeOf, must } from "../support/small-log-proofs.ts";

const ORIGIN = "log.example/a";
const LOG_KEY = vkeyOf(ORIGIN, TYPE_ED25519, actor("log").publicKey);
const LOG = formatVkey(LOG_KEY);

function witness(name: string): Vkey {
  return vkeyOf(`${name}.example`, TYPE_COSIGNATURE, actor(name).publicKey);
}

function lineOf(name: string): string {
  return `witness ${name} ${formatVkey(witness(name))}\n`;
}

const X = ["X1", "X2", "X3"];
const Y = ["Y1", "Y2", "Y3"];
const TWO_LEVELS =
  `log ${LOG}\n${[...X, ...Y].map(lineOf).join("")}` +
  "group X-witnesses 2 X1 X2 X3\ngroup Y-witnesses any Y1 Y2 Y3\n" +
  "group X-and-Y all X-witnesses Y-witnesses\nquorum X-and-Y\n";

describe("files", () => {
  test("comments, blank lines, tabs, urls, and a last line without newline", () => {
    const text = `# a policy\n\n \t\n  log\t${LOG}  https://log.example/ \n${lineOf("W")}  # note\nquorum W`;
    const policy = must(parsePolicy(text));
    expect(policy.logs).toEqual([{ vkey: LOG_KEY, url: "https://log.example/" }]);
    expect(policy.witnesses).toEqual([{ name: "W", vkey: witness("W"), url: undefined }]);
    expect(policy.quorum).toBe("W");
  });

  test("a policy may do without logs and witnesses", () => {
    expect(must(parsePolicy("quorum none\n"))).toEqual({
      logs: [],
      witnesses: [],
      groups: [],
      quorum: "none",
    });
  });

  test("32 logs, 32 witnesses and 32 groups", () => {
    const names = Array.from({ length: 32 }, (_, i) => `W${i}`);
    const logs = names.map((name) => {
      const key = vkeyOf(ORIGIN, TYPE_ED25519, actor(`log of ${name}`).publicKey);
      return `log ${formatVkey(key)}\n`;
    });
    const groups = names.map((name) => `group G${name} any ${name}\n`);
    const all = `group all-of-them 17 ${names.map((name) => `G${name}`).join(" ")}\n`;
    const text = logs.join("") + names.map(lineOf).join("") + groups.join("") + all;
    const policy = must(parsePolicy(`${text}quorum all-of-them\n`));
    expect(quorumMet(policy, names.slice(0, 16).map(witness))).toBe(false);
    expect(quorumMet(policy, names.slice(0, 17).map(witness))).toBe(true);
  });

  const two = lineOf("A") + lineOf("B");
  const renamed = vkeyOf("other.example", TYPE_COSIGNATURE, actor("A").publicKey);
  const cases: Record<string, string> = {
    "an empty file": "",
    "no quorum": two,
    "two quorums": `${two}quorum A\nquorum B\n`,
    "a quorum that is not defined": `${two}quorum C\n`,
    "a quorum before its witness": `quorum A\n${two}`,
    "a quorum of two names": `${two}quorum A B\n`,
    "a quorum without a name": `${two}quorum\n`,
    "an unknown keyword": `${two}mirror A\nquorum A\n`,
    "a keyword in capitals": `${two}Quorum A\n`,
    "a witness named none": `${lineOf("none")}quorum none\n`,
    "a group named none": `${two}group none any A\nquorum none\n`,
    "none as a member": `${two}group G any A none\nquorum G\n`,
    "a name for two witnesses": `${lineOf("A")}${lineOf("B").replace(" B ", " A ")}quorum A\n`,
    "a name for witness and group": `${two}group A any B\nquorum A\n`,
    "a witness key twice": `${lineOf("A")}witness B ${formatVkey(renamed)}\nquorum A\n`,
    "a log key twice": `log ${LOG}\nlog ${LOG}\nquorum none\n`,
    "a witness with a log's key type": `witness A ${LOG}\nquorum A\n`,
    "a log with a witness's key type": `log ${formatVkey(witness("A"))}\nquorum none\n`,
    "a log with too many items": `log ${LOG} https://a.example/ more\nquorum none\n`,
    "a log without a key": "log\nquorum none\n",
    "a key that is none": "log a+b+c\nquorum none\n",
    "a witness without a key": "witness A\nquorum A\n",
    "a group without members": `${two}group G any\nquorum G\n`,
    "a threshold of 0": `${two}group G 0 A B\nquorum G\n`,
    "a threshold above the members": `${two}group G 3 A B\nquorum G\n`,
    "a threshold with a leading zero": `${two}group G 01 A B\nquorum G\n`,
    "a threshold that is no number": `${two}group G most A B\nquorum G\n`,
    "a member twice": `${two}group G all A A\nquorum G\n`,
    "a member of two groups": `${two}group G any A\ngroup H any A B\nquorum H\n`,
    "a member that comes later": `${lineOf("A")}group G any A B\n${lineOf("B")}quorum G\n`,
    "a group that holds itself": `${two}group G any A G\nquorum G\n`,
    "a carriage return": `${two}quorum A\r\n`,
    "a zero byte": `${two}quorum A\u0000\n`,
    "a delete character": `# \u007f\n${two}quorum A\n`,
    "a file without end": `${"#\n".repeat(40_000)}quorum none\n`,
  };

  test.each(Object.keys(cases))("%s is malformed", (name) => {
    expect(codeOf(parsePolicy(cases[name]!))).toBe("malformed");
  });

  test("the fault names the line", () => {
    const fault = parsePolicy(`${two}group G any C\nquorum G\n`) as Fault;
    expect(fault.text).toBe('line 3: "C" is not defined before');
  });
});

describe("quorums", () => {
  const policy = must(parsePolicy(TWO_LEVELS));

  test.each([
    ["X1 X2 Y1", true],
    ["X2 X3 Y3", true],
    ["X1 X2 X3 Y1 Y2 Y3", true],
    ["X1 Y1 Y2 Y3", false],
    ["X1 X2 X3", false],
    ["X1 X1 Y1", false],
    ["", false],
  ])("%s: %s", (names, met) => {
    expect(quorumMet(policy, names.split(" ").filter(Boolean).map(witness))).toBe(met);
  });

  test("strangers count for nothing, nor does a known key under another name", () => {
    const renamed = vkeyOf("X2.elsewhere", TYPE_COSIGNATURE, actor("X2").publicKey);
    const cosigners = [witness("X1"), renamed, witness("Z1"), witness("Y1")];
    expect(quorumMet(policy, cosigners)).toBe(false);
  });

  test("one more cosigner never breaks a quorum", () => {
    const all = [...X, ...Y];
    fc.assert(
      fc.property(fc.subarray(all), fc.constantFrom(...all), (names, more) => {
        const before = quorumMet(policy, names.map(witness));
        const counts =
          X.filter((x) => names.includes(x)).length >= 2 && Y.some((y) => names.includes(y));
        expect(before).toBe(counts);
        expect(quorumMet(policy, [...names, more].map(witness))).toBe(
          before || quorumMet(policy, [more, ...names].map(witness)),
        );
        if (before) expect(quorumMet(policy, [...names, more].map(witness))).toBe(true);
      }),
    );
  });

  test("no quorum is always met", () => {
    expect(quorumMet(trustVkey(LOG_KEY), [])).toBe(true);
  });
});

describe("opening by policy", () => {
  const policy = must(parsePolicy(TWO_LEVELS));
  const note = signCheckpoint({ origin: ORIGIN, size: 0, root: EMPTY_ROOT }, actor("log"));
  const text = note.slice(0, note.indexOf("\n\n") + 1);

  function cosignedBy(...names: string[]): string {
    const lines = names.map((name, i) => cosign(text, `${name}.example`, actor(name), 1_000 + i));
    return note + lines.join("");
  }

  test("a quorum of lines opens the checkpoint", () => {
    const opened = must(openByPolicy(cosignedBy("X1", "X3", "Z9", "Y2"), policy, nobleVerify));
    expect(opened.cosignatures.map(({ vkey }) => vkey.name)).toEqual([
      "X1.example",
      "X3.example",
      "Y2.example",
    ]);
  });

  test("a signer counts once, however many lines it has", () => {
    const result = openByPolicy(cosignedBy("X1", "X1", "X1", "Y1", "Y2"), policy, nobleVerify);
    expect(codeOf(result)).toBe("no-quorum");
    expect((result as Fault).text).toContain("X1.example, Y1.example, Y2.example");
  });

  test("a quorum without the log's signature is none", () => {
    const only = cosignedBy("X1", "X2", "Y1").replace(/\n\n.*\n/, "\n\n");
    expect(codeOf(openByPolicy(only, policy, nobleVerify))).toBe("untrusted");
  });

  test("a bare vkey asks for no cosignature", () => {
    expect(must(openByPolicy(note, trustVkey(LOG_KEY), nobleVerify)).size).toBe(0);
  });
});
