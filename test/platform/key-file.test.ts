/** Keys at rest: made once, kept from others' eyes, read by other tools too. */
import { createPrivateKey, generateKeyPairSync } from "node:crypto";
import { chmod } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { encodeHex, encodeUtf8 } from "../../ledger/bytes.ts";
import { nobleSigner, nobleVerify } from "../../ledger/signature.ts";
import { nodeFiles } from "../../platform/files.ts";
import { createKey, loadKey } from "../../platform/key-file.ts";
import { MemoryFiles } from "../../platform/memory-files.ts";
import { seededRandom, systemRandom } from "../../platform/random.ts";
import { UserError } from "../../platform/user-error.ts";
import { testScope } from "../support/scope.ts";

const scope = testScope();
const message = encodeUtf8("a statement");

async function memory(): Promise<MemoryFiles> {
  const files = new MemoryFiles();
  await files.makeFolder("/keys");
  return files;
}

describe("a key", () => {
  test("signs as the portable signer with the same seed does, before and after loading", async () => {
    const files = await memory();
    const created = await createKey(files, "/keys/hub", seededRandom(3));
    const loaded = await loadKey(files, "/keys/hub");
    const portable = nobleSigner(seededRandom(3).bytes(32));
    for (const signer of [created, loaded]) {
      expect(signer.publicKey).toEqual(portable.publicKey);
      expect(encodeHex(signer.sign(message))).toBe(encodeHex(portable.sign(message)));
      expect(nobleVerify(signer.publicKey, message, signer.sign(message))).toBe(true);
    }
  });

  test("is PKCS#8 PEM, byte for byte as OpenSSL writes it", async () => {
    const files = await memory();
    await createKey(files, "/keys/hub", systemRandom);
    const pem = new TextDecoder().decode(await files.read("/keys/hub"));
    expect(createPrivateKey(pem).export({ format: "pem", type: "pkcs8" })).toBe(pem);
  });

  test("is for its owner only on a real disk, and refused once it is not", async () => {
    const path = join(await scope.folder("key"), "hub.key");
    await createKey(nodeFiles, path, systemRandom);
    expect((await nodeFiles.facts(path))?.mode).toBe(0o600);
    await loadKey(nodeFiles, path);
    for (const mode of [0o640, 0o604, 0o644]) {
      await chmod(path, mode);
      await expect(loadKey(nodeFiles, path)).rejects.toThrow(
        `The key file ${path} can be read by others (mode 0${mode.toString(8)}).`,
      );
    }
    await chmod(path, 0o400);
    await loadKey(nodeFiles, path);
  });

  test("is never overwritten", async () => {
    const files = await memory();
    const first = await createKey(files, "/keys/hub", systemRandom);
    await expect(createKey(files, "/keys/hub", systemRandom)).rejects.toThrow(UserError);
    expect((await loadKey(files, "/keys/hub")).publicKey).toEqual(first.publicKey);
  });
});

describe("refused", () => {
  const rsa = generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey;
  const { privateKey, publicKey } = generateKeyPairSync("ed25519");

  test.each([
    ["nothing", undefined, "There is no key file /keys/k."],
    ["an empty file", "", "holds no private key"],
    ["something else", "hello", "holds no private key"],
    [
      "another kind of key",
      rsa.export({ format: "pem", type: "pkcs8" }),
      "of type ec, not Ed25519",
    ],
    ["a public key", publicKey.export({ format: "pem", type: "spki" }), "holds no private key"],
    [
      "a key behind a passphrase",
      privateKey.export({ format: "pem", type: "pkcs8", cipher: "aes-256-cbc", passphrase: "x" }),
      "without a passphrase",
    ],
  ])("%s", async (_, content, sentence) => {
    const files = await memory();
    if (content !== undefined) {
      await files.write("/keys/k", encodeUtf8(String(content)), { mode: 0o600 });
    }
    await expect(loadKey(files, "/keys/k")).rejects.toThrow(sentence);
    await expect(loadKey(files, "/keys/k")).rejects.toThrow(UserError);
  });
});
