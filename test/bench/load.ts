/** Devices with real keys and chains that send statements signed beforehand, so that signing is not measured. */

import { Buffer } from "node:buffer";
import { connectAsync } from "mqtt";
import type { MqttClient } from "mqtt";
import { provePossession } from "../../ledger/kinds/possession.ts";
import { encodePack } from "../../ledger/senml.ts";
import type { Reading } from "../../ledger/senml.ts";
import { asHash, ZERO_HASH } from "../../ledger/sha256.ts";
import type { Hash } from "../../ledger/sha256.ts";
import { decodeHex, encodeBase64Url, encodeHex, encodeUtf8 } from "../../ledger/bytes.ts";
import { signStatement } from "../../ledger/statement.ts";
import type { Signer } from "../../ledger/signature.ts";
import { nodeFiles } from "../../platform/files.ts";
import { createKey } from "../../platform/key-file.ts";
import { systemRandom } from "../../platform/random.ts";
import { kidHex } from "../../ledger/key.ts";
import { askHub } from "../../hub/operator/client.ts";

export interface LoadDevice {
  readonly name: string;
  readonly signer: Signer;
  readonly origin: string;
  /** Hash of the newest statement, or of the enrolment. */
  prev: Hash;
  seq: number;
}

/** Enrols `count` devices through the hub's operator socket. */
export async function enrolDevices(
  folder: string,
  origin: string,
  count: number,
): Promise<LoadDevice[]> {
  const devices: LoadDevice[] = [];
  for (let i = 0; i < count; i++) {
    const name = `bench-${i}`;
    const signer = await createKey(nodeFiles, `${folder}/${name}.pem`, systemRandom);
    const request = JSON.stringify({
      kerbstone: "enrolment/v1",
      origin,
      name,
      role: "device",
      publicKey: encodeHex(signer.publicKey),
      pop: encodeHex(provePossession(origin, name, "device", signer)),
      streams: ["air"],
      visibility: "public",
      everySeconds: 60,
      lat: 51.58,
      lon: -2.99,
    });
    await askHub(folder, { command: "enrol", request });
    devices.push({ name, signer, origin, prev: ZERO_HASH, seq: 0 });
  }
  return devices;
}

/** Signs the next `count` statements of a device, each with `readings` readings. */
export function signAhead(
  device: LoadDevice,
  count: number,
  readings: number,
  iat: number = Math.floor(Date.now() / 1000),
): Uint8Array[] {
  const statements: Uint8Array[] = [];
  for (let i = 0; i < count; i++) {
    const values: Reading[] = Array.from({ length: readings }, (_, k) => ({
      quantity: "pm25",
      unit: "ug/m3",
      value: 10 + ((i + k) % 100) / 10,
      // Distinct times, so that a time series database keeps as many points.
      time: iat - 1_000_000 + (device.seq * readings + k) / 100,
    }));
    const payload = encodePack(device.name, { lat: 51.58, lon: -2.99 }, values);
    const position = { issuer: device.name, seq: device.seq, prev: device.prev };
    const statement = signStatement(
      position,
      { kind: "readings", stream: "air", iat, payload },
      device.signer,
    );
    device.seq++;
    device.prev = statement.hash;
    statements.push(statement.bytes);
  }
  return statements;
}

/** Logs a device in and learns from its first ack where its chain begins. */
export async function logIn(device: LoadDevice, port: number): Promise<MqttClient> {
  const iat = Math.floor(Date.now() / 1000);
  const part = (value: object): string => encodeBase64Url(encodeUtf8(JSON.stringify(value)));
  const head = part({ alg: "EdDSA", kid: kidHex(device.signer.publicKey) });
  const text = `${head}.${part({ sub: device.name, aud: device.origin, iat, exp: iat + 600 })}`;
  const password = `${text}.${encodeBase64Url(device.signer.sign(encodeUtf8(text)))}`;
  const client = await connectAsync(`mqtt://127.0.0.1:${port}`, {
    clientId: device.name,
    username: device.name,
    password,
    clean: true,
    reconnectPeriod: 0,
  });
  const ack = new Promise<Uint8Array>((resolve) => {
    client.once("message", (_topic, body) => resolve(body));
  });
  await client.subscribeAsync(`kerbstone/v1/${device.name}/ack`, { qos: 1 });
  const { hash } = JSON.parse(new TextDecoder().decode(await ack)) as { hash: string };
  device.prev = asHash(decodeHex(hash)!);
  return client;
}

/** Publishes statements in order with a window, and resolves when all have their PUBACK. */
export async function sendAll(
  client: MqttClient,
  device: LoadDevice,
  statements: readonly Uint8Array[],
  window: number,
): Promise<void> {
  const topic = `kerbstone/v1/${device.name}/statement`;
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < statements.length) {
      const statement = statements[next++]!;
      await client.publishAsync(topic, Buffer.from(statement), { qos: 1 });
    }
  };
  await Promise.all(Array.from({ length: window }, lane));
}
