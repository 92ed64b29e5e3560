/**
 * Which words are instructions, against the disassembler of Debian's binutils-avr.
 */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { OPCODE, OPCODES } from "../../../firmware-sim/avr/opcodes.ts";
import { runProcess } from "../../support/process.ts";
import { avrBinutils } from "../../support/programs.ts";
import { lacks } from "../../support/requirements.ts";
import { testScope } from "../../support/scope.ts";

const scope = testScope();
/** Words that are looked at together: what a program says is kept up to a bound. */
const PART = 0x4000;
/** Instructions of larger and of later AVRs. */
const OF_OTHERS = ["des", "eicall", "eijmp", "elpm", "lac", "las", "lat", "spm", "xch"];

describe.skipIf(lacks(avrBinutils))("of all words", () => {
  test("those are instructions that a disassembler knows, but for those of other AVRs", async () => {
    const folder = await scope.folder("words");
    const known = new Map<number, string>();
    for (let from = 0; from < 0x1_0000; from += PART) {
      const path = join(folder, `${from}.bin`);
      // A word of zeros behind each, for those instructions that have two.
      const words = Uint16Array.from({ length: 2 * PART }, (_, at) =>
        at % 2 === 0 ? from + at / 2 : 0,
      );
      await writeFile(path, words);
      const { code, stdout } = await runProcess(scope, {
        program: "avr-objdump",
        args: ["-D", "-z", "-b", "binary", "-m", "avr:5", path],
      });
      expect(code).toBe(0);
      for (const line of stdout.split("\n")) {
        const [, address = "1", name = ""] = /^\s*([0-9a-f]+):\t[0-9a-f ]+\t(\S+)/.exec(line) ?? [];
        const place = Number.parseInt(address, 16);
        if (place % 4 === 0) known.set(from + place / 4, name);
      }
    }
    expect(known.size).toBe(0x1_0000);
    const differ = [...known].filter(([word, name]) => {
      const isKnown = name !== ".word" && !(OF_OTHERS.includes(name) && word !== 0x95e8);
      return isKnown !== (OPCODES[word] !== OPCODE.illegal);
    });
    expect(differ.map(([word, name]) => `${word.toString(16)} ${name}`)).toEqual([]);
  });
});
