/** What an enrolment request becomes in the log. */

import { describe, expect, test } from "vitest";
import { enrolmentEntry } from "../../../hub/operator/enrolment.ts";
import { encodeHex } from "../../../ledger/bytes.ts";
import { decodeEnrol } from "../../../ledger/kinds/enrol.ts";
import { provePossession } from "../../../ledger/kinds/possession.ts";
import { openPrivateProfile } from "../../../ledger/preimage.ts";
import { Refusal } from "../../../ledger/errors.ts";
import { parseEnrolmentRequest } from "../../../platform/enrolment-request.ts";
import { seededRandom } from "../../../platform/random.ts";
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
