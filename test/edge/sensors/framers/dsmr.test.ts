/** Telegrams of smart meters: the general suite, the recorded ones, and damage of many sorts. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { concatBytes, encodeUtf8 } from "../../../../ledger/bytes.ts";
import { crc16 } from "../../../../edge/sensors/framers/crc16.ts";
import {
  dsmrFramer,
  type DsmrTelegram,
  TELEGRAM_BYTES_MAX,
} from "../../../../edge/sensors/framers/dsmr.ts";
import { describeWithShared, sharedBytes, sharedText } from "../../../support/shared-data.ts";
import { describeFramer } from "./framer-suite.ts";

function telegram(lines: readonly string[], isChecked: boolean): Uint8Array {
  const body = `/KRB5\\TEST\r\n\r\n${lines.join("\r\n")}\r\n!`;
  const digits = crc16(encodeUtf8(body), 0).toString(16).toUpperCase().padStart(4, "0");
  return encodeUtf8(body + (isChecked ? digits : "\r"));
}

function framesOf(bytes: Uint8Array | string): DsmrTelegram[] {
  return dsmrFramer("optional")
    .push(typeof bytes === "string" ? encodeUtf8(bytes) : bytes, 0)
    .map(({ frame }) => frame);
}

const line = fc
  .tuple(fc.constantFrom("1-0:1.8.1", "1-0:1.7.0", "0-1:24.2.1"), fc.nat(999_999))
  .map(([code, value]) => `${code}(${String(value).padStart(6, "0")}*kWh)`);
const lines = fc.array(line, { minLength: 1, maxLength: 4 });

describe.each([
  ["with checksum", true],
  ["without checksum", false],
])("%s", (_, isChecked) => {
  describeFramer("telegrams", {
    make: () => dsmrFramer("optional"),
    frames: lines.map((each) => telegram(each, isChecked)),
    bytesMax: TELEGRAM_BYTES_MAX,
  });
});

test("the checksum is that of the standard", () => {
  expect(crc16(encodeUtf8("123456789"), 0)).toBe(0xbb3d);
  expect(crc16(encodeUtf8("123456789"), 0xffff)).toBe(0x4b37);
});

test("gives objects with all their values, and nothing of who it is", () => {
  const [found] = framesOf(
    "/ABC5\\NAME\r\n\r\n1-0:1.8.0*255(1*kWh)\r\n0-1:24.3.0(1)()\r\n(7)\r\n!\r\n",
  );
  expect(found).toEqual({
    objects: [
      { code: "1-0:1.8.0", values: ["1*kWh"] },
      { code: "0-1:24.3.0", values: ["1", "", "7"] },
    ],
    hasChecksum: false,
  });
});

describe("drops", () => {
  const body = "/ABC5\\NAME\r\n\r\n1-0:1.8.0(1*kWh)\r\n";
  test.each([
    ["a wrong checksum", `${body}!0000\r\n`],
    [
      "half a checksum",
      `${body}!${crc16(encodeUtf8(`${body}!`), 0)
        .toString(16)
        .slice(0, 3)}\r\n`,
    ],
    ["an end in the middle of a line", `${body}1-0:2.8.0(1!\r\n`],
    ["an end with something else behind", `${body}!Z\r\n`],
    ["what begins in the middle, without a checksum", `/${body.slice(8)}!\r\n`],
    ["a damaged line without a checksum", `${body}1-0:2.8.0(1*kWh\r\n!\r\n`],
    ["a byte beyond ASCII", `${body}1-0:2.8.0(é)\r\n!\r\n`],
    ["version 5 without its checksum", `${body}1-3:0.2.8(50)\r\n!\r\n`],
    ["version 5 of Belgium without its checksum", `${body}0-0:96.1.4(50217)\r\n!\r\n`],
    ["a telegram without end", `${body}${"1-0:2.8.0(1*kWh)\r\n".repeat(500)}`],
  ])("%s", (_, text) => {
    expect(framesOf(text)).toEqual([]);
    const good = telegram(["1-0:1.8.1(1*kWh)"], true);
    expect(framesOf(concatBytes(encodeUtf8(text), good))).toHaveLength(1);
  });

  test("all without a checksum, where one is required", () => {
    const both = concatBytes(
      telegram(["1-0:1.8.1(1*kWh)"], false),
      telegram(["1-0:1.8.1(1*kWh)"], true),
    );
    expect(dsmrFramer("required").push(both, 0)).toHaveLength(1);
    expect(dsmrFramer("optional").push(both, 0)).toHaveLength(2);
  });
});

test("a line that only its maker understands is passed over under a good checksum", () => {
  const found = framesOf(telegram(["1-0:1.8.1(1*kWh)", "MAKER;7;8"], true));
  expect(found[0]?.objects).toEqual([{ code: "1-0:1.8.1", values: ["1*kWh"] }]);
  expect(framesOf(telegram(["1-0:1.8.1(1*kWh)", "MAKER;7;8"], false))).toEqual([]);
});

const NAMES = [
  "esy5q3da1004_v304",
  "esy5q3db1024_v304",
  "fluvius_v171",
  "fluvius_v171_alt",
  "iskra_ie",
  "sagemcom_t210_d_r",
  "unpadded_crc",
  "v2_2",
  "v3",
  "v4_2",
  "v5",
  "v5_eon_hu",
  "v5_two_mbus",
];
const path = (name: string): string => `data/dsmr-p1-energy/telegram_${name}.txt`;

describeWithShared("recorded telegrams", NAMES.map(path), () => {
  test.each(NAMES)("%s holds what its text says, split at every byte", (name) => {
    const bytes = sharedBytes(path(name));
    const [found, ...more] = framesOf(bytes);
    expect(more).toEqual([]);
    // An obvious reference: all brackets of the text between the first line and the end.
    const text = sharedText(path(name)).split("!")[0]!.split("\n").slice(1).join("\n");
    expect(found?.objects.flatMap(({ values }) => values)).toEqual(
      Array.from(text.matchAll(/\(([^)]*)\)/g), ([, value]) => value),
    );
    expect(found?.objects.map(({ code }) => code)).toEqual(
      Array.from(text.matchAll(/^(\d-\d:\d+\.\d+\.\d+)/gm), ([, code]) => code),
    );
    expect(found?.hasChecksum).toBe(/![0-9A-F]{3,4}\r/.test(sharedText(path(name))));
    for (let at = 1; at < bytes.length; at++) {
      const framer = dsmrFramer("optional");
      const early = framer.push(bytes.subarray(0, at), 0);
      expect(early.length + framer.push(bytes.subarray(at), 0).length).toBe(1);
    }
  });

  test("one after another, with noise before, between and inside", () => {
    const all = NAMES.map((name) => sharedBytes(path(name)));
    const noise = Uint8Array.of(0x2f, 0xff, 0x21, 0x0d, 0x2f, 0x00);
    const framer = dsmrFramer("optional");
    for (const bytes of all) {
      const middle = bytes.length >> 1;
      const hurt = concatBytes(bytes.subarray(0, middle), noise, bytes.subarray(middle));
      expect(framer.push(concatBytes(noise, hurt, noise, bytes), 0)).toHaveLength(1);
    }
    expect(framer.counters().framesGood).toBe(NAMES.length);
  });

  test("one flipped bit is found wherever there is a checksum", () => {
    const bytes = sharedBytes(path("v5"));
    for (let at = 0; at < bytes.indexOf(0x21) + 5; at++) {
      // Not the bit that makes a small letter of a digit of the checksum.
      const hurt = bytes.with(at, bytes[at]! ^ (1 << (at % 5)));
      expect(framesOf(hurt)).toEqual([]);
    }
  });
});
