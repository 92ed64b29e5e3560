/** Files of claims: what is read, and what is told of what cannot be. */
import { describe, expect, test } from "vitest";
import { readClaims } from "../../../hub/operator/claims-file.ts";
import { formatEnrolmentRequest } from "../../../platform/enrolment-request.ts";
import { ORIGIN, testDevice } from "../support/devices.ts";

function claim(name: string, origin = ORIGIN): string {
  const profile = {
    origin,
    name,
    streams: ["air"],
    visibility: "public",
    everySeconds: 60,
  } as const;
  return formatEnrolmentRequest({ ...profile, lat: 51.5, lon: -3 }, testDevice(name).signer);
}

test("a claim a line, comments and empty lines apart, with or without the command before it", () => {
  const text = [
    "# two sensors of the bridge",
    claim("air-1"),
    "",
    `  ${claim("air-2")}\r`,
    `kerbstone hub enrol ${claim("air-3")}`,
    `npx kerbstone hub enrol ${claim("air-4")} --data /srv/kerbstone`,
  ].join("\n");
  expect(readClaims(text, ORIGIN).map(({ line, name }) => [line, name])).toEqual([
    [2, "air-1"],
    [4, "air-2"],
    [5, "air-3"],
    [6, "air-4"],
  ]);
  expect(readClaims("", ORIGIN)).toEqual([]);
});

describe("one line that is wrong", () => {
  test.each<[string, string, RegExp]>([
    ["is no claim", "hello", /line 2: the enrolment request is neither JSON nor a claim code/],
    ["is half a claim", claim("air-2").slice(0, 90), /line 2: the enrolment request is/],
    [
      "is for another log",
      claim("air-2", "kerbstone.test/other"),
      /line 2: the request is for the log kerbstone\.test\/other, this one is kerbstone\.test\/hub/,
    ],
  ])("%s", (_name, line, message) => {
    const text = [claim("air-1"), line, claim("air-3")].join("\n");
    expect(() => readClaims(text, ORIGIN)).toThrow(/^1 line is wrong, so nothing was enrolled:/);
    expect(() => readClaims(text, ORIGIN)).toThrow(message);
  });

  test("is told with all others, up to a number", () => {
    expect(() => readClaims("x\n".repeat(30), ORIGIN)).toThrow(
      /^30 lines are wrong[^]*line 20: [^]*… and 10 more$/,
    );
  });
});
