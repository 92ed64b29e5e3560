/** Where a server of the agent listens, as a setting says it: `9464`, `127.0.0.1:9464` or `[::1]:9464`. */

/** An address to listen at. */
export interface ListenAddress {
  readonly host: string;
  /** 0 lets the system choose. */
  readonly port: number;
}

const LOOPBACK = "127.0.0.1";
const PORT_MAX = 65_535;

/** Parses an address; without a host it is this very machine. `undefined` where it is none. */
export function parseListenAddress(text: string): ListenAddress | undefined {
  const groups = /^(?:(?<host>[\w.-]+|\[[0-9a-fA-F:.]+\]):)?(?<port>\d{1,5})$/.exec(text)?.groups;
  const port = Number(groups?.["port"]);
  if (groups === undefined || port > PORT_MAX) return undefined;
  return { host: groups["host"]?.replace(/^\[(.*)\]$/, "$1") ?? LOOPBACK, port };
}

/** Formats an address as it stands in a URL. */
export function formatListenAddress({ host, port }: ListenAddress): string {
  return `${host.includes(":") ? `[${host}]` : host}:${port}`;
}
