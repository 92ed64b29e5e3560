/** What the network refuses, in words: by errors as Node makes them. */

import { connect, createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { expect, test } from "vitest";
import { networkWords } from "../../platform/network-words.ts";

const nodeError = (code: string, more: object = {}): Error =>
  Object.assign(new Error(`connect ${code} 10.0.0.1:80`), { code, ...more });

test("a real port at which nobody listens", async () => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  const error = await new Promise((resolve) => connect(port, "127.0.0.1").once("error", resolve));
  expect(networkWords(error)).toBe(`nothing listens at 127.0.0.1, port ${port} (ECONNREFUSED)`);
});

test.each<[unknown, string]>([
  [nodeError("ENOTFOUND", { hostname: "hub.invalid" }), "the name hub.invalid cannot be looked up"],
  [nodeError("EAI_AGAIN", { hostname: "hub.local" }), "the name hub.local cannot be looked up"],
  [nodeError("EHOSTUNREACH", { address: "10.0.0.1", port: 80 }), "there is no way to 10.0.0.1"],
  [nodeError("ENETUNREACH", {}), "there is no way to it"],
  [nodeError("ETIMEDOUT", { address: "::1", port: 80 }), "nothing answers at ::1, port 80"],
  [nodeError("ECONNRESET"), "the connection was broken off"],
  [nodeError("EADDRNOTAVAIL", { address: "10.0.0.1" }), "this machine has no such address"],
  [nodeError("EADDRINUSE", { address: "::", port: 80 }), "another program listens at ::, port 80"],
])("%s", (error, words) => {
  expect(networkWords(error)).toBe(`${words} (${(error as { code: string }).code})`);
});

test("a name with several addresses is explained by the first", () => {
  const errors = [nodeError("ECONNREFUSED", { address: "::1", port: 80 }), nodeError("ETIMEDOUT")];
  expect(networkWords(new AggregateError(errors, ""))).toBe(
    "nothing listens at ::1, port 80 (ECONNREFUSED)",
  );
});

test("what is not known here keeps its own words", () => {
  expect(networkWords(new Error("Connection refused: Not authorized"))).toBe(
    "Connection refused: Not authorized",
  );
  expect(networkWords(Object.assign(new Error(""), { code: "EODD" }))).toBe("EODD");
  expect(networkWords("gone")).toBe("gone");
});
