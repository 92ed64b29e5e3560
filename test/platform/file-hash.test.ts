/** Hashes of files that are too large to be read whole. */
import { expect, test } from "vitest";
import { encodeHex } from "../../ledger/bytes.ts";
import { sha256 } from "../../ledger/sha256.ts";
import { hashFile } from "../../platform/file-hash.ts";
import { MemoryFiles } from "../../platform/memory-files.ts";
import { seededRandom } from "../../platform/random.ts";

test("a file hashed by pieces has the hash of the whole", async () => {
  const files = new MemoryFiles();
  for (const length of [0, 1, 1_048_575, 1_048_576, 1_048_577, 3_000_000]) {
    const bytes = seededRandom(length).bytes(length);
    await files.write("/film", bytes);
    const found = await hashFile(files, "/film");
    expect(found?.bytes).toBe(length);
    expect(encodeHex(found!.sha256)).toBe(encodeHex(sha256(bytes)));
  }
  expect(await hashFile(files, "/none")).toBeUndefined();
  const stopped = AbortSignal.abort(new Error("enough"));
  await expect(hashFile(files, "/film", stopped)).rejects.toThrow("enough");
});
