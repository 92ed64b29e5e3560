/** The connection to a camera, over TCP or TLS, and why it did not come about or was lost. */

import { connect as connectTcp, isIP } from "node:net";
import type { Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import type { TLSSocket } from "node:tls";
import { equalBytes } from "../../../ledger/bytes.ts";
import type { CameraAddress } from "../camera-address.ts";
import type { CameraAccess } from "./camera-access.ts";

/** What a connection tells. */
export interface CameraSocketHandlers {
  connected(): void;
  bytes(chunk: Uint8Array): void;
  /** Said once, also where it never came about; the text is for people. */
  closed(text: string): void;
}

const KEEP_ALIVE_MS = 10_000;

/** Goes to a camera. What is written before it is connected waits; a certificate that is not the right one ends it. */
export function connectCamera(access: CameraAccess, handlers: CameraSocketHandlers): Socket {
  const { address, certificate } = access;
  const { host, port, isTls } = address;
  const socket = isTls
    ? connectTls({
        host,
        port,
        // One pinned certificate says more than any authority; it is compared below.
        rejectUnauthorized: certificate === undefined,
        ...(isIP(host) === 0 ? { servername: host } : {}),
      })
    : connectTcp({ host, port });
  socket.setNoDelay(true);
  socket.setKeepAlive(true, KEEP_ALIVE_MS);
  let cause: Error | undefined;
  socket.once(isTls ? "secureConnect" : "connect", () => {
    const shown = isTls ? (socket as TLSSocket).getPeerCertificate().raw : undefined;
    if (certificate !== undefined && shown !== undefined && !equalBytes(shown, certificate)) {
      socket.destroy(new Error("it shows another certificate than the one in its settings"));
      return;
    }
    handlers.connected();
  });
  socket.on("data", (chunk: Uint8Array) => handlers.bytes(chunk));
  socket.on("error", (error) => (cause = error));
  socket.once("close", () => handlers.closed(lossText(address, cause)));
  return socket;
}

function lossText({ host, port }: CameraAddress, cause: NodeJS.ErrnoException | undefined): string {
  if (cause === undefined) return "it has ended the connection";
  const { code, message } = cause;
  switch (code) {
    case "ECONNREFUSED":
      return `nobody listens at ${host}, port ${port}`;
    case "ENOTFOUND":
    case "EAI_AGAIN":
      return `its name ${host} cannot be looked up`;
    case "EHOSTUNREACH":
    case "ENETUNREACH":
      return `there is no way to ${host}`;
    default:
      return isCertificateFault(code)
        ? `its certificate is not believed (${code}): give it as certificate`
        : message;
  }
}

function isCertificateFault(code: string | undefined): boolean {
  return code !== undefined && /CERT|ALTNAME|SELF_SIGNED|UNABLE_TO/.test(code);
}
