/** Sentences of NMEA 0183: the general suite, and sentences with named faults. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { encodeUtf8 } from "../../../../ledger/bytes.ts";
import { type NmeaSentence, nmeaFramer } from "../../../../edge/sensors/framers/nmea.ts";
import { formatNmea } from "../../../../firmware-sim/boards/nmea-gps.ts";
import { describeWithShared, sharedBytes } from "../../../support/shared-data.ts";
import { describeFramer } from "./framer-suite.ts";

const GGA = "$GPGGA,123519,4807.038,N,01131.000,E,1,08,0.9,545.4,M,46.9,M,,*47";

function sentencesOf(text: string): NmeaSentence[] {
  return nmeaFramer()
    .push(encodeUtf8(text), 0)
    .map(({ frame }) => frame);
}

const field = fc.stringMatching(/^[0-9A-Za-z. -]{0,8}$/);
const anySentence = fc
  .tuple(
    fc.constantFrom("GPGGA", "GNRMC", "SDDBT", "PUBX", "GLGSV"),
    fc.array(field, { minLength: 1, maxLength: 12 }),
  )
  .map(([address, fields]) => encodeUtf8(formatNmea([address, ...fields].join(",")).trim()));

describeFramer("NMEA sentences", { make: nmeaFramer, frames: anySentence, bytesMax: 256 });

test("gives talker, type and fields", () => {
  const [sentence] = sentencesOf(`${GGA}\r\n`);
  expect(sentence).toMatchObject({ talker: "GP", type: "GGA" });
  expect(sentence!.fields.slice(0, 3)).toEqual(["123519", "4807.038", "N"]);
  expect(sentencesOf(formatNmea("PUBX,00,1"))[0]).toMatchObject({ talker: "P", type: "UBX" });
});

describe("takes", () => {
  test.each([
    ["a sentence without a line end", GGA],
    ["a sentence that only LF ends", `${GGA}\n`],
    ["a checksum in lower case", "$GPGLL,x*0a".replace("0a", hexSum("GPGLL,x").toLowerCase())],
    ["a sentence without fields", formatNmea("GPXYZ")],
  ])("%s", (_, text) => {
    expect(sentencesOf(text)).toHaveLength(1);
  });
});

describe("drops", () => {
  test.each([
    ["a wrong checksum", GGA.replace("*47", "*46")],
    ["a missing checksum", `${GGA.slice(0, -3)}\r\n`],
    ["half a checksum", `${GGA.slice(0, -1)}\r\n`],
    ["a checksum that is none", GGA.replace("*47", "*4G")],
    ["a control character inside", GGA.replace("08", "0\t")],
    ["a byte beyond ASCII", GGA.replace("08", "0é")],
    ["a sentence longer than the bound", formatNmea(`GPXYZ,${"1".repeat(300)}`)],
    ["an encapsulated sentence", "!AIVDM,1,1,,B,177KQJ5000G?tO`K>RA1wUbN0TKH,0*5C\r\n"],
  ])("%s", (_, text) => {
    expect(sentencesOf(text)).toEqual([]);
    expect(sentencesOf(text + GGA)).toHaveLength(1);
  });
});

describeWithShared("recorded streams", ["data/gpsd-nmea/ublox-8.log"], () => {
  test.each([
    ["ublox-8.log", true],
    ["bu303-nofix.log", false],
  ])("%s holds binary messages too", (name, hasSentences) => {
    const bytes = sharedBytes(`data/gpsd-nmea/${name}`);
    const framer = nmeaFramer();
    const whole = framer.push(bytes, 0).map(({ frame }) => frame);
    const single = nmeaFramer();
    const byByte = Array.from(bytes, (byte) => single.push(Uint8Array.of(byte), 0)).flat();
    expect(byByte.map(({ frame }) => frame)).toEqual(whole);
    expect(whole.length > 0).toBe(hasSentences);
    expect(framer.counters().bytesSkipped).toBeGreaterThan(0);
    // An obvious reference: what a regular expression takes for a sentence, its checksum computed again.
    const text = Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
    const lines = Array.from(text.matchAll(/\$([ -~]*?)\*([0-9A-F]{2})/g)).filter(
      ([, body, sum]) => !/[$!]/.test(body!) && hexSum(body!) === sum,
    );
    expect(whole.map(({ talker, type, fields }) => [talker + type, ...fields].join(","))).toEqual(
      lines.map(([, body]) => body),
    );
  });
});

function hexSum(body: string): string {
  return formatNmea(body).slice(-4, -2);
}
