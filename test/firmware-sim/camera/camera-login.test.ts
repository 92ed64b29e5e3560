import { describe, expect, test } from "vitest";
import { encodeBase64, encodeUtf8 } from "../../../ledger/bytes.ts";
import {
  type CameraLogin,
  digestAnswer,
  isLoginRight,
  loginChallenges,
} from "../../../firmware-sim/camera/camera-login.ts";

const QUESTION = { realm: "a camera", nonce: "0123", method: "PLAY" };
const LOGIN: CameraLogin = { username: "viewer", password: 'a "long": one', scheme: "both" };
const URI = "rtsp://h/live";

function digest(changes: Record<string, string> = {}, login: CameraLogin = LOGIN): string {
  const fields = {
    username: login.username,
    realm: QUESTION.realm,
    nonce: QUESTION.nonce,
    uri: URI,
    response: digestAnswer(login, QUESTION, URI),
    ...changes,
  };
  return `Digest ${Object.entries(fields)
    .map(([name, value]) => `${name}="${value}"`)
    .join(", ")}`;
}

function basic(text: string): string {
  return `Basic ${encodeBase64(encodeUtf8(text))}`;
}

test("Digest is computed as in the example of RFC 2069, corrected by its erratum 749", () => {
  const mufasa = { username: "Mufasa", password: "CircleOfLife" };
  const question = {
    realm: "testrealm@host.com",
    nonce: "dcd98b7102dd2f0e8b11d0f600bfb0c093",
    method: "GET",
  };
  expect(digestAnswer(mufasa, question, "/dir/index.html")).toBe(
    "1949323746fe6a43ef61f9606e7febea",
  );
});

describe("a login", () => {
  test.each([
    ["Digest", digest()],
    ["Digest that names its algorithm", `${digest()}, algorithm=md5`],
    ["Basic", basic('viewer:a "long": one')],
  ])("is right by %s", (_what, header) => {
    expect(isLoginRight(LOGIN, header, QUESTION)).toBe(true);
  });

  test.each([
    ["nothing", ""],
    ["another password", digest({}, { ...LOGIN, password: "x" })],
    ["another name", digest({ username: "admin" })],
    ["another realm", digest({ realm: "b" })],
    ["a nonce of another session", digest({ nonce: "0124" })],
    ["the answer for another address", digest({ uri: "rtsp://h/other" })],
    ["an algorithm that was not offered", `${digest()}, algorithm=SHA-256`],
    ["another password by Basic", basic("viewer:x")],
    ["Basic that is no base64", "Basic !!!"],
    ["another scheme", "Bearer abc"],
  ])("is wrong with %s", (_what, header) => {
    expect(isLoginRight(LOGIN, header, QUESTION)).toBe(false);
  });

  test("counts only by a scheme that is offered", () => {
    const right = basic('viewer:a "long": one');
    expect(isLoginRight({ ...LOGIN, scheme: "digest" }, right, QUESTION)).toBe(false);
    expect(isLoginRight({ ...LOGIN, scheme: "basic" }, digest(), QUESTION)).toBe(false);
    expect(loginChallenges({ ...LOGIN, scheme: "basic" }, "r", "n")).toEqual(['Basic realm="r"']);
    expect(loginChallenges(LOGIN, "r", "n")).toEqual([
      'Digest realm="r", nonce="n", algorithm=MD5',
      'Basic realm="r"',
    ]);
  });
});
