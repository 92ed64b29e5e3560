/**
 * Login of a device at CONNECT (docs/formats.md, section 10): a JWT signed by its live key, as device-token.ts has it.
 *
 * Proves that whoever connects holds the device's key now. Says nothing of what is published afterwards: every
 * statement carries a signature of its own.
 */

import { isName } from "../../ledger/name.ts";
import type { KeyState } from "../../ledger/registry.ts";
import { checkDeviceToken } from "../device-token.ts";
import type { TokenRules } from "../device-token.ts";
import { judgeWill } from "./topics.ts";
import type { Publication } from "./topics.ts";

/** What a CONNECT says, as far as login looks at it. All of it is the stranger's. */
export interface ConnectRequest {
  readonly clientId: string;
  readonly username: string | undefined;
  readonly password: Uint8Array | undefined;
  readonly isClean: boolean;
  readonly will: Publication | undefined;
}

/** Why a login fails. `returnCode` is the CONNACK's (MQTT 3.1.1, 3.2.2.3); `text` is for the hub's log only. */
export interface LoginFault {
  readonly returnCode: 2 | 4 | 5;
  readonly text: string;
}

/** Checks a CONNECT; gives the live key of the device that logs in. */
export async function checkLogin(
  request: ConnectRequest,
  rules: TokenRules,
): Promise<KeyState | LoginFault> {
  const { clientId: device, password } = request;
  if (!isName(device)) return { returnCode: 2, text: "the client id is no name of a device" };
  if (request.username !== device) {
    return { returnCode: 4, text: "the user name is not the client id" };
  }
  if (!request.isClean) return { returnCode: 2, text: "only clean sessions are kept" };
  const willFault = request.will === undefined ? undefined : judgeWill(device, request.will);
  if (willFault !== undefined) return { returnCode: 5, text: willFault.fault };
  const key = await checkDeviceToken(device, password, rules);
  if (!("fault" in key)) return key;
  return { returnCode: key.fault === "no-device" ? 5 : 4, text: key.text };
}
