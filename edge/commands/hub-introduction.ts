/**
 * How a device is told of its hub for the first time: the log's name, its key, and where its broker is.
 *
 * The key is pinned, and all that the device will ever believe hangs on it. So a person confirms it, or has brought it along.
 */

import { z } from "zod";
import { decodeUtf8 } from "../../ledger/bytes.ts";
import { Fault } from "../../ledger/fault.ts";
import { parseVkey } from "../../ledger/note.ts";
import { HttpFailure } from "../../platform/http-client.ts";
import type { ProgramIo } from "../../platform/lifecycle.ts";
import { UserError } from "../../platform/user-error.ts";
import { clientOf } from "./hub-access.ts";
import type { Questions } from "./questions.ts";

/** What the hub says of itself, and the user has agreed to. */
export interface HubFacts {
  readonly origin: string;
  readonly vkey: string;
  readonly mqtt: string;
}

const hubShape = z.object({
  origin: z.string(),
  vkey: z.string(),
  mqttPort: z.number().int().nullish(),
});

/** What was given on the command line; what is missing the hub is asked for. */
export interface HubFlags {
  readonly hub: string | undefined;
  readonly origin: string | undefined;
  readonly vkey: string | undefined;
  readonly mqtt: string | undefined;
  /** Whether the hub's key is taken as shown. */
  readonly yes: boolean;
}

/**
 * Finds out about the hub, whose certificate is by the authority `ca` (PEM) where one is given. Throws a `UserError` where it
 * contradicts what was given, cannot be asked, or is not confirmed.
 */
export async function hubFacts(
  io: ProgramIo,
  flags: HubFlags,
  questions: Questions,
  ca: Uint8Array | undefined,
): Promise<HubFacts> {
  const { vkey, origin, mqtt, hub } = flags;
  if (vkey !== undefined && origin !== undefined && mqtt !== undefined)
    return { vkey, origin, mqtt };
  if (hub === undefined || !URL.canParse(hub)) {
    throw new UserError("--hub needs the hub's address, such as https://hub.example.", {
      hint: "Without a hub at hand, give --origin, --vkey and --mqtt.",
    });
  }
  // A letter that is wrong must not look like a hub that is not itself.
  const given = vkey === undefined ? undefined : parseVkey(vkey);
  if (given instanceof Fault) throw new UserError(`--vkey cannot be read: ${given.text}.`);
  const said = await askHub(io, hub, ca);
  if (origin !== undefined && origin !== said.origin) {
    throw new UserError(`The hub's log is ${said.origin}, not ${origin}.`);
  }
  if (vkey !== undefined && vkey !== said.vkey) {
    throw new UserError(`The hub shows another key than the one given: ${said.vkey}`, {
      hint: "Do not go on before you know why.",
    });
  }
  if (vkey === undefined) await confirm(io, said, flags.yes, questions);
  return { origin: said.origin, vkey: said.vkey, mqtt: mqtt ?? mqttAddress(hub, said.mqttPort) };
}

async function askHub(
  io: ProgramIo,
  hub: string,
  ca: Uint8Array | undefined,
): Promise<z.infer<typeof hubShape>> {
  const { signal } = io;
  const client = clientOf(io, ca);
  const url = `${hub.replace(/\/$/, "")}/api/v1/log`;
  try {
    const reply = await client.get(url, { signal });
    return hubShape.parse(JSON.parse(decodeUtf8(reply.body) ?? ""));
  } catch (error) {
    if (!(
      error instanceof HttpFailure ||
      error instanceof SyntaxError ||
      error instanceof z.ZodError
    ))
      throw error;
    const why = error instanceof HttpFailure ? error.message : `${url} is no hub's answer`;
    throw new UserError(`The hub cannot be asked: ${why}.`, { cause: error });
  }
}

function mqttAddress(hub: string, port: number | null | undefined): string {
  if (port === null || port === undefined) {
    throw new UserError("The hub does not say where its MQTT port is: give --mqtt.");
  }
  const { protocol, hostname } = new URL(hub);
  return `${protocol === "https:" ? "mqtts" : "mqtt"}://${hostname}:${port}`;
}

/** Shows the hub's key and waits for a yes: everything that the device will believe hangs on it. */
async function confirm(
  io: ProgramIo,
  said: { origin: string; vkey: string },
  isAgreed: boolean,
  questions: Questions,
): Promise<void> {
  io.stdout.write(`The hub's log is ${said.origin}, its key\n\n    ${said.vkey}\n\n`);
  if (isAgreed) return;
  if (!questions.canAsk) throw new UserError("The key has to be confirmed: give --vkey or --yes.");
  if (!(await questions.agree("Is this the key that the operator told you?")))
    throw new UserError("The key was not confirmed; nothing was made.");
}
