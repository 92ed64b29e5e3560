/** Where a camera is, as the settings give it: `rtsp://host[:port]/path`, or `rtsps://` for TLS. */

/** A camera's address. */
export interface CameraAddress {
  /** As it stands in requests, with the port only where it was given. Some cameras want a password in it. */
  readonly url: string;
  /** The same for people, logs and figures, with stars in place of what looks like a secret. */
  readonly shown: string;
  readonly host: string;
  readonly port: number;
  readonly isTls: boolean;
}

const RTSP_PORT = 554;
/** IANA's port for RTSP over TLS. */
const RTSPS_PORT = 322;
const URL_LENGTH_MAX = 1024;

/** `?user=admin&password=…`, also as a part of the path: cheap cameras know no other login. */
const SECRETS =
  /([?&;/_](?:user|username|usr|password|passwd|pass|pwd|psw|auth|token|key|secret)=)[^&;]+/gi;

/** An address with stars in place of user and password, wherever they stand in it. */
export function withoutSecrets(url: string): string {
  return url.replace(/\/\/[^/@]*@/, "//").replaceAll(SECRETS, "$1***");
}

/** Reads an address; a sentence for people where it is none. */
export function parseCameraAddress(text: string): CameraAddress | string {
  const form = "expected rtsp://host[:port]/path, or rtsps:// for TLS";
  if (text.length > URL_LENGTH_MAX || /[^!-~]/.test(text) || !URL.canParse(text)) return form;
  const { protocol, hostname, port, username, password, hash } = new URL(text);
  const isTls = protocol === "rtsps:";
  if ((!isTls && protocol !== "rtsp:") || hostname === "" || hash !== "") return form;
  if (username !== "" || password !== "") {
    return "expected no user or password in the address, but username and passwordFile: a settings file is read by many";
  }
  return {
    url: text,
    shown: withoutSecrets(text),
    host: hostname.replace(/^\[(.*)\]$/, "$1"),
    port: port === "" ? (isTls ? RTSPS_PORT : RTSP_PORT) : Number(port),
    isTls,
  };
}
