import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { encodeBase64, encodeHex, encodeUtf8 } from "../../ledger/bytes.ts";
import { Fault } from "../../ledger/fault.ts";
import {
  formatNote,
  formatSignatureLine,
  formatVkey,
  isKeyName,
  isSignedAs,
  parseNote,
  parseSignatureLines,
  parseVkey,
  signNoteText,
  TYPE_COSIGNATURE,
  TYPE_ED25519,
  verifyNoteSignature,
  vkeyOf,
} from "../../ledger/note.ts";
import { nobleVerify } from "../../ledger/signature.ts";
import { actor } from "../support/scripted-log.ts";
import { describeWithShared, sharedJson } from "../support/shared-data.ts";
import { codeOf, must, vkey } from "../support/small-log-proofs.ts";

const SIGNER = actor("note");
const VKEY = vkeyOf("note.example/a", TYPE_ED25519, SIGNER.publicKey);
const TEXT = "a text\nof two lines\n";
const LINE = signNoteText(TEXT, VKEY.name, SIGNER);
const NOTE = formatNote(TEXT, [LINE]);

describe("vkeys", () => {
  test("what is formatted parses to the same", () => {
    for (const type of [TYPE_ED25519, TYPE_COSIGNATURE] as const) {
      const key = vkeyOf("a.example/b", type, SIGNER.publicKey);
      expect(parseVkey(formatVkey(key))).toEqual(key);
    }
  });

  const [name, id, key] = formatVkey(VKEY).split("+") as [string, string, string];
  test.each([
    ["nothing", ""],
    ["a name alone", name],
    ["another key ID", `${name}+00000000+${key}`],
    ["upper-case hex", `${name}+${id.toUpperCase()}+${key}`],
    ["another name", `${name}x+${id}+${key}`],
    ["an empty name", `+${id}+${key}`],
    ["a space in the name", `note example+${id}+${key}`],
    ["base64 that is not canonical", `${name}+${id}+${key}=`],
    ["a short key", `${name}+${id}+${encodeBase64(new Uint8Array(32).fill(1))}`],
    ["a newline after it", `${formatVkey(VKEY)}\n`],
  ])("%s is malformed", (_, text) => {
    expect(codeOf(parseVkey(text))).toBe("malformed");
  });

  test("other types are not known here", () => {
    const bytes = new Uint8Array(33);
    bytes[0] = 2;
    expect(codeOf(parseVkey(`a+00000000+${encodeBase64(bytes)}`))).toBe("unknown-version");
  });

  test.each(["", " ", "a b", "a+b", "a\u00a0b", "a\u3000b", "a\tb", "a\nb", "a\u0000", "\ud800"])(
    "%j is no key name",
    (text) => {
      expect(isKeyName(text)).toBe(false);
      expect(() => vkeyOf(text, TYPE_ED25519, SIGNER.publicKey)).toThrow(RangeError);
    },
  );
});

describe("notes", () => {
  test("text, name, key ID and signature come back", () => {
    const { text, signatures } = must(parseNote(NOTE));
    expect(text).toBe(TEXT);
    expect(signatures).toHaveLength(1);
    expect(isSignedAs(signatures[0]!, VKEY)).toBe(true);
    expect(verifyNoteSignature(text, signatures[0]!, VKEY, nobleVerify)).toBe(true);
  });

  test("the text ends at the last blank line", () => {
    const text = "above\n\nbelow\n";
    const note = formatNote(text, [signNoteText(text, VKEY.name, SIGNER)]);
    expect(must(parseNote(note)).text).toBe(text);
  });

  const cases: Record<string, string> = {
    "an empty note": "",
    "no blank line": NOTE.replace("\n\n", "\n"),
    "no signature": `${TEXT}\n`,
    "no final newline": NOTE.slice(0, -1),
    "a blank line at the end": `${NOTE}\n`,
    "a hyphen for the dash": NOTE.replace("\u2014", "-"),
    "two spaces": NOTE.replace("\u2014 ", "\u2014  "),
    "a space at the end": NOTE.replace(/\n$/, " \n"),
    "a third item": NOTE.replace(/\n$/, " AAAA\n"),
    "text between signatures": `${NOTE}text\n${LINE}`,
    "a carriage return": NOTE.replaceAll("\n", "\r\n"),
    "a tab": NOTE.replace("a text", "a\ttext"),
    "a zero byte": NOTE.replace("a text", "a\u0000text"),
    "a lone surrogate": NOTE.replace("a text", "\ud800"),
    "a plus in the name": NOTE.replace("note.example", "note+example"),
    "no signature bytes": formatNoteUnchecked(encodeBase64(VKEY.keyId)),
    "base64 without padding": NOTE.replace(/=+\n$/, "\n"),
    "base64 with bits to spare": formatNoteUnchecked("AAAAAAB="),
    "more lines than anyone needs": TEXT + "\n" + LINE.repeat(101),
    "a text without end": NOTE.replace("a text", "a".repeat(200_000)),
  };

  test.each(Object.keys(cases))("%s is malformed", (name) => {
    expect(codeOf(parseNote(cases[name]!))).toBe("malformed");
  });

  test("at least 16 signatures are taken, whatever their length", () => {
    const line = formatSignatureLine({
      name: "pq.example",
      keyId: VKEY.keyId,
      signature: new Uint8Array(4_627),
    });
    expect(must(parseNote(`${TEXT}\n${line.repeat(16)}`)).signatures).toHaveLength(16);
  });

  test("what is no note is not formatted", () => {
    expect(() => formatNote("no newline", [LINE])).toThrow(RangeError);
    expect(() => formatNote(TEXT, [])).toThrow(RangeError);
  });

  test("any text and any changed character of a signature line are told apart", () => {
    fc.assert(
      fc.property(
        fc.nat({ max: NOTE.length - 1 }),
        fc.constantFrom("A", "z", "\n", " "),
        (at, by) => {
          fc.pre(NOTE[at] !== by);
          const changed = NOTE.slice(0, at) + by + NOTE.slice(at + 1);
          const note = parseNote(changed);
          const holds =
            !(note instanceof Fault) &&
            note.signatures.some(
              (line) =>
                isSignedAs(line, VKEY) && verifyNoteSignature(note.text, line, VKEY, nobleVerify),
            );
          expect(holds).toBe(false);
        },
      ),
    );
  });
});

function formatNoteUnchecked(base64: string): string {
  return `${TEXT}\n\u2014 note.example/a ${base64}\n`;
}

test("signature lines alone, as witnesses answer them", () => {
  expect(must(parseSignatureLines(LINE + LINE))).toHaveLength(2);
  expect(must(parseSignatureLines(""))).toEqual([]);
  expect(codeOf(parseSignatureLines(`${LINE}x`))).toBe("malformed");
});

interface PublishedNote {
  id: string;
  vkey: string;
  note: string;
}

const NOTES = "data/signed-notes/notes.json";

describeWithShared("notes that other software signed", [NOTES], () => {
  test.each(sharedJson<PublishedNote[]>(NOTES))("$id", (published) => {
    const key = vkey(published.vkey);
    expect(formatVkey(key)).toBe(published.vkey);
    expect(published.vkey).toContain(encodeHex(key.keyId));
    const { text, signatures } = must(parseNote(published.note));
    const [line] = signatures;
    expect(isSignedAs(line!, key)).toBe(true);
    expect(verifyNoteSignature(text, line!, key, nobleVerify)).toBe(true);
    expect(verifyNoteSignature(`${text}x`, line!, key, nobleVerify)).toBe(false);
    expect(formatNote(text, signatures.map(formatSignatureLine))).toBe(published.note);
    expect(encodeUtf8(text).length).toBeGreaterThan(0);
  });
});
