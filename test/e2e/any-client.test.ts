/**
 * A device that runs nothing of ours: Mosquitto's command-line clients carry a statement that was signed beforehand.
 */
import { describe, expect, test } from "vitest";
import { asHash } from "../../ledger/sha256.ts";
import { decodeHex, encodeHex } from "../../ledger/bytes.ts";
import { parseVkey } from "../../ledger/note.ts";
import { trustVkey } from "../../ledger/policy.ts";
import { parseProof, verifyProof } from "../../ledger/proof.ts";
import { opensslVerify } from "../../platform/native-verify.ts";
import { HubProgram } from "../support/hub-program.ts";
import { LoadDevice } from "../support/load-device.ts";
import { readLog } from "../support/log-folder.ts";
import { eventually, runProcess } from "../support/process.ts";
import { mosquittoClients, mosquittoPublish } from "../support/programs.ts";
import { lacks } from "../support/requirements.ts";
import { testScope } from "../support/scope.ts";
import { must } from "../support/small-log-proofs.ts";

/** What of an ack is looked at here. */
interface Ack {
  readonly kid: string;
  readonly stored: number;
  readonly sealed: number;
  readonly hash: string;
  readonly sealedReceipt?: string;
}

describe.skipIf(lacks(mosquittoClients))("a device by mosquitto_pub", () => {
  const scope = testScope();

  test("has its statement acknowledged, sealed and proved", async () => {
    const hub = await HubProgram.make(scope);
    await hub.start();
    const device = new LoadDevice("weather-1", hub.origin);
    await hub.enrol(device.request);

    const enrolled = await ackOf(hub, device);
    expect(enrolled).toMatchObject({ kid: device.kid, stored: -1, sealed: -1 });
    const statement = device.sign(asHash(decodeHex(enrolled.hash)!));
    const login = { username: device.name, password: device.password() };
    await mosquittoPublish(scope, {
      port: hub.mqttPort,
      topic: device.topic("statement"),
      body: statement.bytes,
      clientId: device.name,
      ...login,
    });
    // Its PUBACK has come, so every later login hears of it.
    expect(await ackOf(hub, device)).toMatchObject({ stored: 0, hash: encodeHex(statement.hash) });

    const ack = await eventually("it is sealed", async () => {
      const newest = await ackOf(hub, device);
      return newest.sealed === 0 ? newest : undefined;
    });
    const proof = must(parseProof(ack.sealedReceipt!));
    const trust = trustVkey(must(parseVkey(hub.vkey)));
    const { index } = must(verifyProof(statement.bytes, proof, trust, opensslVerify));
    await hub.stop();
    expect(encodeHex((await readLog(hub.log))[index]!.hash)).toBe(encodeHex(statement.hash));
  });

  test("is not let in with another's password, or a forged one", async () => {
    const hub = await HubProgram.make(scope);
    await hub.start();
    const [device, other] = [new LoadDevice("a", hub.origin), new LoadDevice("b", hub.origin)];
    await hub.enrol(device.request);
    await hub.enrol(other.request);
    const forged = device.password().replace(/.$/, (last) => (last === "A" ? "Q" : "A"));
    for (const password of [other.password(), forged, ""]) {
      const message = { port: hub.mqttPort, topic: device.topic("statement"), clientId: "a" };
      const body = device.sign(asHash(new Uint8Array(32))).bytes;
      const sent = mosquittoPublish(scope, { ...message, body, username: "a", password });
      await expect(sent).rejects.toThrow(/not authori[sz]ed|bad user ?name or password/i);
    }
    await hub.stop();
  });

  /** The ack that a login hears. */
  async function ackOf(hub: HubProgram, device: LoadDevice): Promise<Ack> {
    const server = ["-h", "127.0.0.1", "-p", `${hub.mqttPort}`, "-V", "mqttv311", "-q", "1"];
    const login = ["-i", device.name, "-u", device.name, "-P", device.password()];
    const one = ["-t", device.topic("ack"), "-C", "1", "-W", "20"];
    const { stdout, stderr } = await runProcess(scope, {
      program: "mosquitto_sub",
      args: [...server, ...login, ...one],
    });
    if (stdout === "") throw new Error(`no ack came: ${stderr}`);
    return JSON.parse(stdout) as Ack;
  }
});
