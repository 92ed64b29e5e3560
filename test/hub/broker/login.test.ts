/** Tokens of all shapes, made by a JOSE library and by hand. */

import { Buffer } from "node:buffer";
import { generateKeyPairSync } from "node:crypto";
import { SignJWT } from "jose";
import { beforeAll, describe, expect, test } from "vitest";
import { checkLogin } from "../../../hub/broker/login.ts";
import type { ConnectRequest } from "../../../hub/broker/login.ts";
import { decodeBase64Url, encodeUtf8 } from "../../../ledger/bytes.ts";
import { kidHex } from "../../../ledger/key.ts";
import { freshKey } from "../../../ledger/registry.ts";
import type { KeyState } from "../../../ledger/registry.ts";
import { ZERO_HASH } from "../../../ledger/sha256.ts";

const ORIGIN = "kerbstone.example/newport";
const NOW = 1_790_000_000;

const own = generateKeyPairSync("ed25519");
const other = generateKeyPairSync("ed25519");
const publicKey = decodeBase64Url(own.publicKey.export({ format: "jwk" }).x!)!;
const KID = kidHex(publicKey);
let key: KeyState;

beforeAll(() => {
  key = freshKey({ publicKey, name: "air-1", role: "device" }, { index: 2, hash: ZERO_HASH });
});

interface TokenShape {
  kid?: string;
  sub?: string;
  aud?: string;
  iat?: number;
  exp?: number;
  by?: typeof own;
}

function token(shape: TokenShape = {}): Promise<string> {
  const { kid = KID, sub = "air-1", aud = ORIGIN, iat = NOW, exp = iat + 600, by = own } = shape;
  return new SignJWT({ sub, aud, iat, exp })
    .setProtectedHeader({ alg: "EdDSA", kid })
    .sign(by.privateKey);
}

function request(
  password: string | undefined,
  changes: Partial<ConnectRequest> = {},
): ConnectRequest {
  return {
    clientId: "air-1",
    username: "air-1",
    password: password === undefined ? undefined : encodeUtf8(password),
    isClean: true,
    will: undefined,
    ...changes,
  };
}

const rules = {
  origin: ORIGIN,
  nowMs: NOW * 1000,
  liveKey: (name: string) => (name === "air-1" ? key : undefined),
};

describe("login", () => {
  test("by the device's own token", async () => {
    expect(await checkLogin(request(await token()), rules)).toBe(key);
  });

  test.each<[string, TokenShape]>([
    ["an hour long", { exp: NOW + 3600 }],
    ["from a clock 300 s ahead", { iat: NOW + 300 }],
    ["expired 299 s ago", { iat: NOW - 600, exp: NOW - 299 }],
  ])("by a token %s", async (_name, shape) => {
    expect(await checkLogin(request(await token(shape)), rules)).toBe(key);
  });

  test.each<[string, TokenShape]>([
    ["of another key", { by: other }],
    ["with another kid", { kid: "0011223344556677" }],
    ["for another device", { sub: "air-2" }],
    ["for another log", { aud: "kerbstone.example/elsewhere" }],
    ["expired 301 s ago", { iat: NOW - 600, exp: NOW - 301 }],
    ["from 301 s in the future", { iat: NOW + 301 }],
    ["longer than an hour", { exp: NOW + 3601 }],
    ["issued two hours ago, still not expired", { iat: NOW - 7200, exp: NOW + 60 }],
  ])("not by a token %s", async (_name, shape) => {
    expect(await checkLogin(request(await token(shape)), rules)).toMatchObject({ returnCode: 4 });
  });

  test.each<[string, () => Promise<string | undefined>]>([
    ["no password", async () => undefined],
    ["an empty one", async () => ""],
    ["words", async () => "hunter2"],
    ["dots", async () => ".."],
    ["a cut token", async () => (await token()).slice(0, -4)],
    ["another payload", async () => (await token()).replace(/\.[^.]+\./, ".e30.")],
    ["something huge", async () => "a".repeat(3000)],
    ["no algorithm", async () => `${part({ alg: "none", kid: KID })}.${part({ sub: "air-1" })}.`],
    [
      "the public key as a shared secret",
      () =>
        new SignJWT({ sub: "air-1", aud: ORIGIN, iat: NOW, exp: NOW + 600 })
          .setProtectedHeader({ alg: "HS256", kid: KID })
          .sign(publicKey),
    ],
  ])("not by %s", async (_name, password) => {
    expect(await checkLogin(request(await password()), rules)).toMatchObject({ returnCode: 4 });
  });

  test.each<[string, Partial<ConnectRequest>, number]>([
    ["as another user", { username: "air-2" }, 4],
    ["without a user", { username: undefined }, 4],
    ["with a session that stays", { isClean: false }, 2],
    ["with an empty client id", { clientId: "", username: "" }, 2],
    ["with a client id that is no name", { clientId: "__proto__", username: "__proto__" }, 2],
    ["as somebody unknown", { clientId: "air-3", username: "air-3" }, 5],
    [
      "with another's will",
      {
        will: {
          topic: "kerbstone/v1/air-2/status",
          qos: 1,
          retain: true,
          payload: encodeUtf8("offline"),
        },
      },
      5,
    ],
  ])("not %s", async (_name, changes, returnCode) => {
    expect(await checkLogin(request(await token(), changes), rules)).toMatchObject({ returnCode });
  });

  test("not as the hub", async () => {
    const hub = freshKey({ publicKey, name: "air-1", role: "hub" }, { index: 0, hash: ZERO_HASH });
    const found = await checkLogin(request(await token()), { ...rules, liveKey: () => hub });
    expect(found).toMatchObject({ returnCode: 5 });
  });
});

function part(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString("base64url");
}
