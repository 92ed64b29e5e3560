/** Enrolment requests in all the shapes that people paste. */

import { describe, expect, test } from "vitest";
import { decodeHex, encodeBase64Url, encodeHex, encodeUtf8 } from "../../ledger/bytes.ts";
import { holdsPossession, provePossession } from "../../ledger/kinds/possession.ts";
import { nobleSigner, nobleVerify } from "../../ledger/signature.ts";
import { formatEnrolmentRequest, parseEnrolmentRequest } from "../../platform/enrolment-request.ts";
import { UserError } from "../../platform/user-error.ts";

const ORIGIN = "kerbstone.test/hub";
const signer = nobleSigner(new Uint8Array(32).fill(7));

const REQUEST = {
  kerbstone: "enrolment/v1",
  origin: ORIGIN,
  name: "air-1",
  role: "device",
  publicKey: encodeHex(signer.publicKey),
  pop: encodeHex(provePossession(ORIGIN, "air-1", "device", signer)),
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

  test("as a device makes them, with a signature that holds", () => {
    const { kerbstone: _version, role: _role, publicKey: _key, pop: _pop, ...profile } = REQUEST;
    const claim = formatEnrolmentRequest({ ...profile, visibility: "public" }, signer);
    expect(claim).toMatch(/^[\w-]+$/);
    const request = parseEnrolmentRequest(claim);
    expect(request).toEqual(REQUEST);
    const proof = { ...request, key: decodeHex(request.publicKey)!, pop: decodeHex(request.pop)! };
    expect(holdsPossession(proof, nobleVerify)).toBe(true);
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
});
