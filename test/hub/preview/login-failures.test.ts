/** Addresses that fail again and again, and what counts as one address. */

import { describe, expect, test } from "vitest";
import { addressOf, LoginFailures } from "../../../hub/preview/login-failures.ts";
import { ManualClock } from "../../../platform/clock.ts";

const LIMITS = { failuresMax: 3, failureWindowMs: 60_000 };

describe("an address", () => {
  test("is not listened to after so many failures, until the window is over", async () => {
    const clock = new ManualClock(0);
    const failures = new LoginFailures(clock, LIMITS);
    for (let i = 0; i < 3; i++) {
      expect(failures.blockedSeconds("a")).toBe(0);
      failures.note("a");
      await clock.advance(1_000);
    }
    expect(failures.blockedSeconds("a")).toBe(57);
    expect(failures.blockedSeconds("b")).toBe(0);
    await clock.advance(56_999);
    expect(failures.blockedSeconds("a")).toBe(1);
    await clock.advance(1);
    expect(failures.blockedSeconds("a")).toBe(0);
    failures.note("a");
    expect(failures.blockedSeconds("a")).toBe(0);
  });

  test("is forgotten when there are very many others, the oldest first", () => {
    const failures = new LoginFailures(new ManualClock(0), LIMITS);
    for (let i = 0; i < 3; i++) failures.note("first");
    for (let i = 0; i < 3; i++) failures.note("second");
    for (let i = 0; i < 9_999; i++) failures.note(`other ${i}`);
    expect(failures.blockedSeconds("first")).toBe(0);
    expect(failures.blockedSeconds("second")).toBe(60);
  });
});

describe("whose request it is", () => {
  test.each<[string, string | undefined, string | string[] | undefined, string]>([
    ["a stranger's", "203.0.113.7", undefined, "203.0.113.7"],
    ["a stranger's who claims another", "203.0.113.7", "198.51.100.1", "203.0.113.7"],
    ["of this very machine", "127.0.0.1", undefined, "127.0.0.1"],
    ["passed on by a proxy here", "127.0.0.1", "198.51.100.1", "198.51.100.1"],
    ["passed on, with a claim before it", "::1", "10.0.0.1, 198.51.100.1", "198.51.100.1"],
    ["passed on by a chain", "127.0.0.1", ["10.0.0.1", "198.51.100.1"], "198.51.100.1"],
    ["IPv4 in IPv6", "::ffff:203.0.113.7", undefined, "203.0.113.7"],
    ["a proxy's in IPv6", "::ffff:127.0.0.1", "198.51.100.1", "198.51.100.1"],
    ["IPv6, short", "2001:db8::1", undefined, "2001:db8:0:0::/64"],
    ["IPv6, whole", "2001:db8:1:2:3:4:5:6", undefined, "2001:db8:1:2::/64"],
    ["IPv6, another of the same network", "2001:DB8:1:2::99", undefined, "2001:db8:1:2::/64"],
    ["gone already", undefined, undefined, "unknown"],
    ["passed on with words", "127.0.0.1", "x".repeat(5_000), "x".repeat(64)],
  ])("%s", (_name, remoteAddress, forwarded, address) => {
    const headers = forwarded === undefined ? {} : { "x-forwarded-for": forwarded };
    const request = { headers, socket: { remoteAddress } } as Parameters<typeof addressOf>[0];
    expect(addressOf(request)).toBe(address);
  });
});
