/** What a run asks of the hub over HTTP (docs/formats.md, section 12): who it is, who is enrolled, what it keeps as evidence. */
import { z } from "zod";
import { decodeUtf8 } from "../../ledger/bytes.ts";
import type { HttpClient } from "../../platform/http-client.ts";
import { UserError } from "../../platform/user-error.ts";

const logShape = z.object({
  origin: z.string(),
  vkey: z.string(),
  mqttPort: z.number().int().nullish(),
  devices: z.number().int().default(0),
});

const deviceShape = z.object({ kid: z.string(), revoked: z.boolean() });

const peersShape = z.object({
  forks: z.array(z.object({ kind: z.string(), subject: z.string().optional() })),
});

/** What the hub says of its log. */
export interface HubFacts {
  readonly origin: string;
  readonly vkey: string;
  readonly mqttPort: number | undefined;
  /** Devices with a live key. */
  readonly devices: number;
}

/** The key that a device's name stands for. */
export interface EnrolledKey {
  /** 16 hex digits. */
  readonly kid: string;
  readonly isRevoked: boolean;
}

/** One hub, asked over HTTP. All methods reject with a `UserError` where it does not answer, or is no hub. */
export class HubDesk {
  readonly #client: HttpClient;
  readonly #url: string;

  /** Takes the address of page and API, with or without a slash at its end. */
  constructor(client: HttpClient, url: string) {
    this.#client = client;
    this.#url = url.replace(/\/$/, "");
  }

  async facts(signal: AbortSignal): Promise<HubFacts> {
    const { mqttPort, ...facts } = await this.#get("/api/v1/log", logShape, signal);
    return { ...facts, mqttPort: mqttPort ?? undefined };
  }

  /** The key of a name; `undefined` where none is enrolled. */
  async keyOf(name: string, signal: AbortSignal): Promise<EnrolledKey | undefined> {
    const path = `/api/v1/devices/${name}`;
    const found = await this.#ask(path, deviceShape, signal);
    return found && { kid: found.kid, isRevoked: found.revoked };
  }

  /** The kids of which the hub keeps two statements with one number. */
  async equivocators(signal: AbortSignal): Promise<ReadonlySet<string>> {
    const { forks } = await this.#get("/api/v1/peers", peersShape, signal);
    const found = forks.filter(({ kind }) => kind === "equivocation");
    return new Set(found.flatMap(({ subject }) => (subject === undefined ? [] : [subject])));
  }

  async #get<T>(path: string, shape: z.ZodType<T>, signal: AbortSignal): Promise<T> {
    const found = await this.#ask(path, shape, signal);
    if (found === undefined) throw this.#fault(path, "404");
    return found;
  }

  async #ask<T>(path: string, shape: z.ZodType<T>, signal: AbortSignal): Promise<T | undefined> {
    let body: Uint8Array;
    try {
      const reply = await this.#client.get(`${this.#url}${path}`, { signal });
      if (reply.status === 404) return undefined;
      if (reply.status !== 200) throw this.#fault(path, String(reply.status));
      ({ body } = reply);
    } catch (cause) {
      if (cause instanceof UserError || signal.aborted) throw cause;
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new UserError(`The hub does not answer: ${reason}.`, { cause, exitCode: 1 });
    }
    const parsed = shape.safeParse(parseJson(body));
    if (!parsed.success) throw this.#fault(path, "something else");
    return parsed.data;
  }

  #fault(path: string, found: string): UserError {
    return new UserError(
      `${this.#url}${path} does not answer as a Kerbstone hub does, but with ${found}.`,
      {
        hint: "--hub needs the address of the hub's page, such as http://127.0.0.1:8080",
      },
    );
  }
}

function parseJson(body: Uint8Array): unknown {
  try {
    return JSON.parse(decodeUtf8(body) ?? "") as unknown;
  } catch {
    return undefined;
  }
}
