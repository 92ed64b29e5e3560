/** The flags by which commands are told where the sensors of the LAN are reached, and what they come to. */

import { resolve } from "node:path";
import type { FlagSpec } from "../../platform/command-line.ts";
import { UserError } from "../../platform/user-error.ts";
import { parseLineAddress } from "../sensors/lines/address.ts";
import { checkLan } from "../settings/lan.ts";
import type { LanConfig } from "../settings/lan.ts";

type LanFlag =
  "broker" | "username" | "password-file" | "ca" | "push" | "push-username" | "push-password-file";

/** The flags, for a `CommandSpec`. */
export const LAN_FLAGS: Readonly<Record<LanFlag, FlagSpec & { readonly type: "text" }>> = {
  broker: { type: "text", value: "URL", about: "the LAN's MQTT broker, for sensors at mqtt:TOPIC" },
  username: { type: "text", value: "NAME", about: "the user name at that broker" },
  "password-file": { type: "text", value: "FILE", about: "the password at it, mode 0600" },
  ca: { type: "text", value: "FILE", about: "PEM of the authority behind its TLS certificate" },
  push: {
    type: "text",
    value: "HOST:PORT",
    about: "where boards push to, for sensors at push:BOARD",
  },
  "push-username": { type: "text", value: "NAME", about: "the user name that boards push with" },
  "push-password-file": { type: "text", value: "FILE", about: "the password for it, mode 0600" },
};

type LanFlagValues = Readonly<Record<LanFlag, string | undefined>>;

/** Makes a `[lan]` of the flags, with whole paths; empty where none is given. Throws `UserError` for what is wrong. */
export function lanOfFlags(flags: LanFlagValues, cwd: string): LanConfig {
  const path = (file: string | undefined): string | undefined => file && resolve(cwd, file);
  const given = {
    broker: flags.broker,
    username: flags.username,
    passwordFile: path(flags["password-file"]),
    ca: path(flags.ca),
    push: flags.push,
    pushUsername: flags["push-username"],
    pushPasswordFile: path(flags["push-password-file"]),
  };
  return checkLan(
    Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)),
  );
}

/** Throws `UserError` where an address needs a flag that is not given. */
export function checkLanFlags(text: string, lan: LanConfig): void {
  const kind = parseLineAddress(text)?.kind;
  if (kind === "mqtt" && lan.broker === undefined)
    throw new UserError(`Where is the broker of ${text}?`, {
      hint: "Say it, such as --broker mqtt://192.168.1.2:1883",
    });
  if (kind === "push" && lan.push === undefined)
    throw new UserError(`Where does the board of ${text} push to?`, {
      hint: "Say an address of this machine, such as --push 0.0.0.0:8093",
    });
}
