/** Why a line cannot be opened, in words for whoever stands beside it. */

import { networkWords } from "../../../platform/network-words.ts";

/** What is wrong, and what to do about it. */
export interface PortFault {
  readonly text: string;
  readonly remedy: string;
}

/** Explains the error of a `Connect`. serialport gives most of the system's only as text. */
export function explainPortError(address: string, error: unknown): PortFault {
  const { message, code } = error as { message?: string; code?: string };
  const said = `${code ?? ""} ${message ?? String(error)}`;
  if (address.startsWith("mqtt:"))
    return explainBrokerError(address, said.trim(), networkWords(error));
  if (address.startsWith("push:"))
    return explainListenError(address, said.trim(), networkWords(error));
  if (/ENOENT|No such file/i.test(said))
    return {
      text: `there is no port ${address}`,
      remedy: "Plug the adapter in; `ls -l /dev/serial/by-id` shows those that are there.",
    };
  if (/EACCES|EPERM|Permission denied|Operation not permitted/i.test(said))
    return {
      text: `${address} may not be opened by this user`,
      remedy:
        "Add the user to the group of serial ports: `sudo usermod -aG dialout $USER`; then log in again.",
    };
  if (/EBUSY|EAGAIN|lock|temporarily unavailable/i.test(said))
    return {
      text: `${address} is in use by another program`,
      remedy: "Stop it first; it may be the agent itself, or a console on this port.",
    };
  if (
    /ECONNREFUSED|EHOSTUNREACH|ENETUNREACH|ENOTFOUND|EAI_AGAIN|ETIMEDOUT|did not open/i.test(said)
  )
    return {
      text: `${address} does not answer: ${networkWords(error)}`,
      remedy: "Check that the converter is on, reachable, and that host and port are right.",
    };
  return { text: `${address} cannot be opened: ${said.trim()}`, remedy: "Check the adapter." };
}

function explainBrokerError(address: string, said: string, words: string): PortFault {
  if (/bad user ?name|not authori[sz]ed/i.test(said))
    return {
      text: `the broker refuses the login (${said})`,
      remedy: "Check username and the password's file, and whether the broker knows this user.",
    };
  if (/refuses/.test(said))
    return {
      text: said,
      remedy: `Let this user read ${address.slice("mqtt:".length)} in the broker's access list.`,
    };
  if (/certificate|self[- ]signed|CERT|SSL|TLS/.test(said))
    return {
      text: `the broker's certificate is not believed (${said})`,
      remedy: "Name its authority as ca.",
    };
  return {
    text: `the broker does not answer: ${words}`,
    remedy: "Check that it runs, and that its address is right and reachable from here.",
  };
}

function explainListenError(address: string, said: string, words: string): PortFault {
  if (/EADDRINUSE/.test(said))
    return {
      text: `boards cannot push here: ${words}`,
      remedy: "It may be the agent itself; or take another port.",
    };
  return {
    text: `nothing can listen for ${address}: ${words}`,
    remedy:
      "Check the address for pushes: 0.0.0.0 is all of this machine's, and ports below 1024 are root's.",
  };
}
