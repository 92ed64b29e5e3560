/** What may be wrong between a device and its hub: whether it answers, is the pinned one, and takes the device's login. */

import type { IClientOptions } from "mqtt";
import { z } from "zod";
import { decodeUtf8 } from "../../ledger/bytes.ts";
import { kidHex } from "../../ledger/key.ts";
import { signLoginToken } from "../../ledger/login-token.ts";
import type { Signer } from "../../ledger/signature.ts";
import type { ProgramIo } from "../../platform/lifecycle.ts";
import { networkWords } from "../../platform/network-words.ts";
import { UserError } from "../../platform/user-error.ts";
import type { ConnectHub } from "../delivery/hub-connection.ts";
import { askShown, standingOf } from "../delivery/standing.ts";
import type { Standing } from "../delivery/standing.ts";
import type { EdgeConfig } from "../settings/config.ts";
import { hubClient } from "./hub-access.ts";
import { explainRefusedLogin, find } from "./diagnosis.ts";
import type { Finding } from "./diagnosis.ts";

const LIMIT_MS = 10_000;

const logShape = z.object({ origin: z.string(), vkey: z.string() });

/** Asks the hub who it is, and for the time; `dateMs` is what it says, by the second. */
export async function checkHub(
  io: ProgramIo,
  config: EdgeConfig,
  folder: string,
): Promise<{ findings: Finding[]; dateMs: number | undefined }> {
  const { hub, origin } = config;
  const { url } = hub;
  if (url === undefined) {
    const text = "hub.url is not set, so the hub is not asked over HTTP";
    return { findings: [{ subject: "hub", level: "unsure", text }], dateMs: undefined };
  }
  const { signal } = io;
  let dateMs: number | undefined;
  const finding = await find(
    "hub",
    async () => {
      const client = await hubClient(io, config, folder);
      const reply = await client.get(`${url.replace(/\/$/, "")}/api/v1/log`, { signal });
      const saidMs = Date.parse(reply.headers.get("date") ?? "");
      dateMs = Number.isNaN(saidMs) ? undefined : saidMs;
      const said = logShape.safeParse(parseJson(decodeUtf8(reply.body) ?? ""));
      if (!said.success) throw new UserError(`${url} answers, and is no hub`);
      if (said.data.origin !== origin)
        throw new UserError(`${url} is the hub of ${said.data.origin}, not of ${origin}`);
      if (said.data.vkey !== hub.vkey)
        throw new UserError(`${url} shows another key than the pinned one: ${said.data.vkey}`, {
          hint: "Do not go on before the operator has explained it.",
        });
      return `${url} answers, with the pinned key`;
    },
    "Check the network (`ping`), the address in hub.url, and whether the hub runs.",
  );
  return { findings: [finding], dateMs };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const NO_REASON = {
  text: "",
  remedy: "Is it enrolled under this name with this key, and its clock right? Ask the operator.",
};

/** How the device stands with the hub; `undefined` where that cannot be asked. */
async function standingAt(
  io: ProgramIo,
  config: EdgeConfig,
  folder: string,
  kid: string,
): Promise<Standing | undefined> {
  const { hub, name } = config;
  if (hub.url === undefined) return undefined;
  const client = await hubClient(io, config, folder).catch(() => undefined);
  const shown = client && (await askShown(client, hub.url, name, io.signal).catch(() => undefined));
  return shown && standingOf(shown, kid);
}

/**
 * Logs in as the device would, and leaves again. Not while the agent runs: the broker would throw it out.
 *
 * Rejects with `UserError`, whose hint says what to do.
 */
export async function logIn(
  io: ProgramIo,
  config: EdgeConfig,
  folder: string,
  signer: Signer,
  connect: ConnectHub,
): Promise<string> {
  const { name: device, origin, hub } = config;
  const issuedAt = Math.floor(io.clock.nowMs() / 1000);
  const options: IClientOptions = {
    clientId: device,
    username: device,
    password: signLoginToken({ device, origin, issuedAt }, signer),
    protocolVersion: 4,
    clean: true,
    reconnectPeriod: 0,
    connectTimeout: LIMIT_MS,
  };
  const client = connect(options);
  let cancel = (): void => undefined;
  try {
    await new Promise<void>((done, fail) => {
      cancel = io.clock.after(LIMIT_MS, () => fail(new Error("no answer to the login")));
      client.once("connect", () => done());
      client.once("close", () => fail(new Error("the connection was closed")));
      client.on("error", fail);
    });
    return `accepted at ${hub.mqtt}`;
  } catch (error) {
    throw await explainLogin(io, config, folder, kidHex(signer.publicKey), error);
  } finally {
    cancel();
    client.end(true);
  }
}

async function explainLogin(
  io: ProgramIo,
  config: EdgeConfig,
  folder: string,
  kid: string,
  cause: unknown,
): Promise<UserError> {
  const url = config.hub.mqtt;
  const { message, code } = cause as { message?: string; code?: unknown };
  if (code === 4 || code === 5) {
    const standing = await standingAt(io, config, folder, kid);
    const { text, remedy } = standing === undefined ? NO_REASON : explainRefusedLogin(standing);
    return new UserError(`${url} refuses the login of this device${text}`, { hint: remedy, cause });
  }
  const isTls = /certificate|self[- ]signed|CERT|SSL|TLS/i.test(`${message ?? ""} ${String(code)}`);
  return new UserError(`${url}: ${networkWords(cause)}`, {
    hint: isTls
      ? "Name the authority behind the hub's certificate as hub.ca."
      : "Check the address in hub.mqtt, the network, and whether a firewall lets the port through.",
    cause,
  });
}
