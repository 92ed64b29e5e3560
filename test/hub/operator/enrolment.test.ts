/** Enrolment requests in all the shapes that people paste. */

import { describe, expect, test } from "vitest";
import { enrolmentEntry, parseEnrolmentRequest } from "../../../hub/operator/enrolment.ts";
import { encodeBase64Url, encodeHex, encodeUtf8 } from "../../../ledger/bytes.ts";
import { decodeEnrol } from "../../../ledger/kinds/enrol.ts";
import { provePossession } from "../../../ledger/kinds/possession.ts";
import { openPrivateProfile } from "../../../ledger/preimage.ts";
import { Refusal } from "../../../ledger/errors.ts";
import { seededRandom } from "../../../platform/random.ts";
import { UserError } from "../../../platform/user-error.ts";
import { ORIGIN, testDevice } from "../support/devices.ts";

const air = testDevice("air-1");

const REQUEST = {
  kerbstone: "enrolment/v1",
  origin: ORIGIN,
  name: "air-1",
  role: "device",
  publicKey: encodeHex(air.signer.publicKey),
  pop: encodeHex(provePossession(ORIGIN, "air-1", "device", air.signer)),
  streams: ["main"],
  visibility: "public",
  everySeconds: 60,
  lat: 51.59,
  lon: -2.99,
  model: "SDS011",
};

describe("enrolment requests", () => {
  test.each([
    ["JSON", JSON.stringify(REQUEST)],
    ["JSON over lines", `\n${JSON.stringify(REQUEST, null, 2)}\n`],
    ["a claim code", encodeBase64Url(encodeUtf8(JSON.stringify(REQUEST)))],
  ])("as %s", (_name, text) => {
    expect(parseEnrolmentRequest(text)).toEqual(REQUEST);
  });

  test.each<[string, string, RegExp]>([
    ["nothing", "", /neither JSON nor a claim code/],
    ["a word", "hello", /neither JSON nor a claim code/],
    ["half of it", JSON.stringify(REQUEST).slice(0, 80), /neither JSON nor a claim code/],
    ["another document", JSON.stringify({ kerbstone: "evidence/v1" }), /kerbstone/],
    ["a name in capitals", JSON.stringify({ ...REQUEST, name: "Air" }), /name: expected a name/],
    [
      "a short key",
      JSON.stringify({ ...REQUEST, publicKey: "00" }),
      /publicKey: expected 32 bytes/,
    ],
    ["no stream", JSON.stringify({ ...REQUEST, streams: [] }), /streams/],
    ["a place off the earth", JSON.stringify({ ...REQUEST, lat: 91 }), /lat/],
    ["something endless", "a".repeat(20_000), /too long/],
  ])("not %s", (_name, text, message) => {
    expect(() => parseEnrolmentRequest(text)).toThrow(UserError);
    expect(() => parseEnrolmentRequest(text)).toThrow(message);
  });

  test("of a public device become an enrolment with its place", () => {
    const { payload, preimage } = enrolmentEntry(parse({}), seededRandom(1));
    expect(preimage).toBeUndefined();
    expect(decodeEnrol(payload)).toMatchObject({ name: "air-1", lat: 51.59, model: "SDS011" });
  });

  test("of a restricted device hide the place behind a salt", () => {
    const { payload, preimage } = enrolmentEntry(
      parse({ visibility: "restricted" }),
      seededRandom(1),
    );
    const enrol = decodeEnrol(payload);
    if (enrol instanceof Refusal || enrol.role !== "device" || enrol.visibility !== "restricted") {
      throw new Error("expected the enrolment of a restricted device");
    }
    expect(enrol).not.toHaveProperty("lat");
    expect(openPrivateProfile(enrol.private, preimage!)).toEqual({
      lat: 51.59,
      lon: -2.99,
      model: "SDS011",
    });
  });
});

function parse(changes: object): ReturnType<typeof parseEnrolmentRequest> {
  return parseEnrolmentRequest(JSON.stringify({ ...REQUEST, ...changes }));
}
