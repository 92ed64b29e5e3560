import { createServer } from "node:http";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, expect, test } from "vitest";
import { cosign } from "../../ledger/cosignature.ts";
import { parsePolicy } from "../../ledger/policy.ts";
import { Fault } from "../../ledger/fault.ts";
import { formatVkey, TYPE_COSIGNATURE, TYPE_ED25519, vkeyOf } from "../../ledger/note.ts";
import { systemClock } from "../../platform/clock.ts";
import { HttpClient } from "../../platform/http-client.ts";
import { silentLogger } from "../../platform/log.ts";
import { fastestVerify } from "../../platform/native-verify.ts";
import { systemRandom } from "../../platform/random.ts";
import { UserError } from "../../platform/user-error.ts";
import { refuseIfBehind } from "../../hub/mirrors.ts";
import { actor, ScriptedLog } from "../support/scripted-log.ts";

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

/** A mirror that shows this note, or answers 500. */
async function mirror(note: string | undefined): Promise<string> {
  const server = createServer((_request, response) => {
    response.writeHead(note === undefined ? 500 : 200).end(note);
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function ask(log: ScriptedLog, sealedSize: number, url: string): Promise<void> {
  const hub = formatVkey(vkeyOf(log.state.origin, TYPE_ED25519, log.hub.signer.publicKey));
  const peer = formatVkey(vkeyOf("p.example", TYPE_COSIGNATURE, actor("p").publicKey));
  const policy = parsePolicy(`log ${hub}\nwitness p ${peer} ${url}\nquorum p\n`);
  if (policy instanceof Fault) throw new Error(policy.text);
  return refuseIfBehind({
    log: { state: log.state, sealedSize },
    policy,
    client: new HttpClient({ clock: systemClock, random: systemRandom, attemptsMax: 1 }),
    verify: fastestVerify,
    logger: silentLogger,
  });
}

test("a mirror that is ahead stops the hub; one that is not, or lies, or is away, does not", async () => {
  const log = new ScriptedLog([]);
  log.seal();
  const behind = log.entries.length;
  log.seal();
  const url = await mirror(log.checkpoint());
  await expect(ask(log, behind, url)).rejects.toThrow(UserError);
  await expect(ask(log, log.entries.length, url)).resolves.toBeUndefined();
  const liar = log.checkpoint().replace(/\n\d+\n/, "\n999\n");
  await expect(ask(log, behind, await mirror(liar))).resolves.toBeUndefined();
  await expect(ask(log, behind, await mirror(undefined))).resolves.toBeUndefined();
});

test("a mirror that knows a newer hub key than the older copy stops the hub too", async () => {
  const older = new ScriptedLog([]);
  older.seal();
  const log = new ScriptedLog([]);
  log.seal();
  log.rekey(actor("second hub key"));
  log.seal();
  const note = log.checkpoint();
  const text = note.slice(0, note.indexOf("\n\n") + 1);
  const cosigned = note + cosign(text, "p.example", actor("p"), 1);
  await expect(ask(older, older.entries.length, await mirror(note))).resolves.toBeUndefined();
  await expect(ask(older, older.entries.length, await mirror(cosigned))).rejects.toThrow(UserError);
});
