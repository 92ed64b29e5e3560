/** What the network refuses, in words, with the system's own code for those who look it up. */

/** The fields that Node's errors of sockets and look-ups carry. */
interface NetworkError {
  readonly code?: unknown;
  readonly message?: string;
  readonly address?: string;
  readonly hostname?: string;
  readonly port?: number;
  /** Of an `AggregateError`: a name with several addresses was tried at each. */
  readonly errors?: readonly unknown[];
}

/** Says why there is no connection, as a clause without a full stop; what is not known here keeps its own message. */
export function networkWords(error: unknown): string {
  const { code, message = "", address, hostname, port, errors } = (error ?? {}) as NetworkError;
  if (errors !== undefined && errors.length > 0) return networkWords(errors[0]);
  const where = address === undefined ? "there" : `at ${placeOf(address, port)}`;
  const host = hostname ?? address ?? "it";
  switch (code) {
    case "ECONNREFUSED":
      return `nothing listens ${where} (${code})`;
    case "ENOTFOUND":
    case "EAI_AGAIN":
      return `the name ${host} cannot be looked up (${code})`;
    case "EHOSTUNREACH":
    case "ENETUNREACH":
      return `there is no way to ${host} (${code})`;
    case "ETIMEDOUT":
      return `nothing answers ${where} (${code})`;
    case "ECONNRESET":
    case "EPIPE":
      return `the connection was broken off (${code})`;
    case "EADDRINUSE":
      return `another program listens ${where} (${code})`;
    case "EADDRNOTAVAIL":
      return `this machine has no such address (${code})`;
    default:
      return message === "" ? String(code ?? error) : message;
  }
}

function placeOf(address: string, port: number | undefined): string {
  return port === undefined ? address : `${address}, port ${port}`;
}
