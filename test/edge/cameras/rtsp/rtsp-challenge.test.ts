import { describe, expect, test } from "vitest";
import {
  CameraLogin,
  digestResponse,
  parseChallenges,
} from "../../../../edge/cameras/rtsp/rtsp-challenge.ts";
import type { Challenge } from "../../../../edge/cameras/rtsp/rtsp-challenge.ts";
import { seededRandom } from "../../../../platform/random.ts";

type Digest = Extract<Challenge, { scheme: "digest" }>;

const RFC7616 = [
  `Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm=SHA-256, nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"`,
  `Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm=MD5, nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"`,
];

function login(mayUseBasic = false, password = "Circle of Life"): CameraLogin {
  const credentials = { username: "Mufasa", password };
  return new CameraLogin({ credentials, mayUseBasic, random: seededRandom(1) });
}

describe("the examples of the standards", () => {
  test("RFC 2617, 3.5", () => {
    const [challenge] = parseChallenges([
      `Digest realm="testrealm@host.com", qop="auth,auth-int", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", opaque="5ccc069c403ebaf9f0171e9517f40e41"`,
    ]);
    const credentials = { username: "Mufasa", password: "Circle Of Life" };
    const use = { method: "GET", url: "/dir/index.html", count: 1, cnonce: "0a4f113b" };
    expect(digestResponse(challenge as Digest, credentials, use)).toBe(
      "6629fae49393a05397450978507c4ef1",
    );
  });

  test("RFC 7616, 3.9.1", () => {
    const [sha256, md5] = parseChallenges(RFC7616) as Digest[];
    const credentials = { username: "Mufasa", password: "Circle of Life" };
    const cnonce = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ";
    const use = { method: "GET", url: "/dir/index.html", count: 1, cnonce };
    expect(digestResponse(sha256!, credentials, use)).toBe(
      "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1",
    );
    expect(digestResponse(md5!, credentials, use)).toBe("8ca523f5e9506fed4657c9700eebdbec");
  });

  test("RFC 2069, as cameras without qop still speak: in numbers by md5sum", () => {
    const [challenge] = parseChallenges([`Digest realm="IP Camera", nonce="abc123"`]);
    const use = { method: "DESCRIBE", url: "rtsp://10.0.0.5/1", count: 1, cnonce: "unused" };
    const credentials = { username: "admin", password: "12345" };
    // printf 'admin:IP Camera:12345' | md5sum, and so on.
    expect(digestResponse(challenge as Digest, credentials, use)).toBe(
      "a5ce528447d87864c63f8ae3c809d57a",
    );
  });
});

describe("challenges", () => {
  test("fields in quotes, with quotes in them, in any case and order", () => {
    expect(
      parseChallenges([`dIGEST NONCE=abc , Realm="a \\"b\\", c", stale=TRUE, algorithm="md5"`]),
    ).toEqual([
      {
        scheme: "digest",
        realm: 'a "b", c',
        nonce: "abc",
        opaque: undefined,
        algorithm: "MD5",
        hasQop: false,
        isStale: true,
      },
    ]);
    expect(parseChallenges([`Basic realm="x"`])).toEqual([{ scheme: "basic", realm: "x" }]);
  });

  test.each([
    ["another scheme", "Negotiate abc"],
    ["a digest without a nonce", `Digest realm="x"`],
    ["a hash that is not known", `Digest realm="x", nonce="n", algorithm=SHA-999`],
    ["integrity of bodies only", `Digest realm="x", nonce="n", qop="auth-int"`],
    ["nothing", ""],
  ])("leaves out %s", (_, value) => {
    expect(parseChallenges([value])).toEqual([]);
    expect(login().hear([value], false)).toBe("unknown-scheme");
  });
});

describe("a login", () => {
  test("says nothing before it is asked", () => {
    expect(login().authorize("OPTIONS", "rtsp://c/1")).toBeUndefined();
  });

  test("takes the strongest of what is offered, and counts its use", () => {
    const one = login();
    expect(one.hear([`Basic realm="x"`, RFC7616[1]!, RFC7616[0]!], false)).toBe("try-again");
    const first = one.authorize("DESCRIBE", "rtsp://c/1")!;
    expect(first).toMatch(/^Digest username="Mufasa", realm="http-auth@example.org"/);
    expect(first).toContain("algorithm=SHA-256");
    expect(first).toContain("qop=auth, nc=00000001");
    expect(one.authorize("SETUP", "rtsp://c/1")).toContain("nc=00000002");
  });

  test("never shows the password by itself, and Basic only where that is allowed", () => {
    const digest = login();
    digest.hear(RFC7616, false);
    expect(digest.authorize("DESCRIBE", "rtsp://c/1")).not.toContain("Circle");
    expect(login().hear([`Basic realm="x"`], false)).toBe("only-basic");
    const allowed = login(true);
    expect(allowed.hear([`Basic realm="x"`], false)).toBe("try-again");
    expect(allowed.authorize("DESCRIBE", "rtsp://c/1")).toBe(
      `Basic ${btoa("Mufasa:Circle of Life")}`,
    );
    expect(allowed.hear([`Basic realm="x"`], true)).toBe("refused");
  });

  test("a nonce that has grown old is no refusal; the same one again is", () => {
    const one = login();
    one.hear([`Digest realm="x", nonce="n1"`], false);
    expect(one.hear([`Digest realm="x", nonce="n1", stale=true`], true)).toBe("try-again");
    expect(one.hear([`Digest realm="x", nonce="n2"`], true)).toBe("try-again");
    expect(one.hear([`Digest realm="x", nonce="n2"`], true)).toBe("refused");
  });

  test("without credentials it says so", () => {
    const none = new CameraLogin({
      credentials: undefined,
      mayUseBasic: true,
      random: seededRandom(1),
    });
    expect(none.hear([`Digest realm="x", nonce="n1"`], false)).toBe("none-given");
    expect(none.authorize("DESCRIBE", "rtsp://c/1")).toBeUndefined();
  });
});
