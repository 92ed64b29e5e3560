/** What one accepted message costs the hub, against one bare signature verification. */

import { decodeStatement, signedBytes } from "../../ledger/statement.ts";
import type { Statement } from "../../ledger/statement.ts";
import { bareVerifySeconds } from "./bare-verify.ts";
import type { Figure } from "./figure.ts";
import { startHub, ORIGIN } from "./hub.ts";
import { enrolDevices, logIn, sendAll, signAhead } from "./load.ts";

const DEVICES = 20;
const WARM_UP = 200;
const STATEMENTS = 1500;

/** Sends one-signature messages from several devices; counts the CPU of the hub's whole process. */
export async function benchAdmission(folder: string): Promise<Figure[]> {
  const hub = await startHub(folder);
  try {
    const devices = await enrolDevices(hub.folder, ORIGIN, DEVICES);
    const clients = await Promise.all(devices.map((device) => logIn(device, hub.mqttPort)));
    const send = async (count: number): Promise<number> => {
      const loads = devices.map((device) => signAhead(device, count, 1));
      const before = await hub.program.cpuSeconds();
      await Promise.all(devices.map((device, i) => sendAll(clients[i]!, device, loads[i]!, 16)));
      return (await hub.program.cpuSeconds()) - before;
    };
    await send(WARM_UP);
    const seconds = await send(STATEMENTS);
    const [sample] = signAhead(devices[0]!, 1, 1).map(
      (bytes) => decodeStatement(bytes) as Statement,
    );
    const { publicKey } = devices[0]!.signer;
    const message = signedBytes(sample!);
    const bare = bareVerifySeconds({ publicKey, message, signature: sample!.signature });
    const memory = await hub.program.anonymousMb();
    for (const client of clients) client.close();
    const each = seconds / (DEVICES * STATEMENTS);
    return [
      {
        what: "hub CPU per accepted message of one reading",
        measured: micros(each),
        against: `${micros(bare)} for a bare verification`,
        ratio: each / bare,
      },
      {
        what: `hub anonymous memory after ${DEVICES * (STATEMENTS + WARM_UP)} messages`,
        measured: `${memory.toFixed(0)} MB`,
      },
    ];
  } finally {
    await hub.program.stop();
  }
}

function micros(seconds: number): string {
  return `${(seconds * 1e6).toFixed(1)} µs`;
}
