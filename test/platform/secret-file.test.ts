/** Passwords at rest. */
import { expect, test } from "vitest";
import { encodeUtf8 } from "../../ledger/bytes.ts";
import { MemoryFiles } from "../../platform/memory-files.ts";
import { readPassword } from "../../platform/secret-file.ts";

async function password(text: string | Uint8Array, mode = 0o600): Promise<string> {
  const files = new MemoryFiles();
  const bytes = typeof text === "string" ? encodeUtf8(text) : text;
  await files.write("/password", bytes, { mode });
  return readPassword(files, "/password");
}

test("a password is the one line of its file", async () => {
  expect(await password("hunter2\n")).toBe("hunter2");
  expect(await password("hunter2\r\n")).toBe("hunter2");
  expect(await password(" pass: wörd ")).toBe(" pass: wörd ");
});

test("one that others can read is refused, and the sentence says what to do", async () => {
  for (const mode of [0o644, 0o640, 0o604, 0o601]) {
    await expect(password("hunter2", mode)).rejects.toMatchObject({
      message: expect.stringMatching(/can be read by others \(mode 0/),
      hint: expect.stringMatching(/^Run "chmod 600 \/password"/),
    });
  }
});

test("what is no password is not taken for one, nor shown", async () => {
  const wrong = ["", "\n", "two\nlines", "a\u0000b", "x".repeat(2_000), Uint8Array.of(0xff, 0xfe)];
  for (const text of wrong) {
    const failure: unknown = await password(text).catch((error: unknown) => error);
    expect(String(failure)).toMatch(/holds no password/);
    expect(String(failure)).not.toMatch(/two|xx/);
  }
  const files = new MemoryFiles();
  await expect(readPassword(files, "/none")).rejects.toThrow("There is no password file /none.");
});
