/**
 * What the operating system refuses, in a sentence that names the port or path.
 *
 * Only what the user can repair is explained; an `ENOENT` deep inside a program is a fault of ours and keeps its stack.
 */
import { UserError } from "./user-error.ts";

/** The fields that Node's own errors carry. */
interface SystemError {
  readonly code: string;
  readonly syscall?: string;
  readonly path?: string;
  readonly address?: string;
  readonly port?: number;
  readonly hostname?: string;
}

/** How many causes deep an error is looked through. */
const CAUSES_MAX = 8;

/**
 * Looks for a user error, or a system error that can be explained, in `error` and what caused it.
 *
 * `undefined` means that the error is none of the user's business.
 */
export function asUserError(error: unknown): UserError | undefined {
  let cause = error;
  for (let depth = 0; depth < CAUSES_MAX && cause instanceof Error; depth++) {
    if (cause instanceof UserError) return cause;
    const sentence = isSystemError(cause) ? explain(cause) : undefined;
    if (sentence !== undefined) return new UserError(sentence, { cause: error, exitCode: 1 });
    cause = cause.cause;
  }
  return undefined;
}

function isSystemError(error: Error): error is Error & SystemError {
  return "code" in error && typeof error.code === "string";
}

function explain(error: SystemError): string | undefined {
  const place = placeOf(error);
  switch (error.code) {
    case "EADDRINUSE":
      return `${place} is already in use by another program.`;
    case "EADDRNOTAVAIL":
      return `${place} cannot be listened on: this machine has no such address.`;
    case "EACCES":
    case "EPERM":
      return error.port !== undefined && error.port < 1024
        ? `${place} needs more rights: ports below 1024 belong to the system.`
        : `${place} cannot be used: permission denied (${error.code}).`;
    case "ENOSPC":
    case "EDQUOT":
      return `${place} cannot be written: the disk is full.`;
    case "EROFS":
      return `${place} cannot be written: the file system is read-only.`;
    case "EMFILE":
    case "ENFILE":
      return `${place} cannot be opened: too many files are open already.`;
    case "EISDIR":
      return `${place} is a folder, and a file is needed there.`;
    case "ENOTDIR":
      return `${place} cannot be reached: a part of that path is a file, not a folder.`;
    case "EEXIST":
      return error.syscall === "mkdir"
        ? `${place} is a file, and a folder is needed there.`
        : undefined;
    case "ENOTFOUND":
    case "EAI_AGAIN":
      return error.syscall === "getaddrinfo" && error.hostname !== undefined
        ? `${error.hostname} is neither an address nor a name that can be looked up (${error.code}).`
        : undefined;
    case "EIO":
      return `${place} cannot be reached: the disk reports an error.`;
    default:
      return undefined;
  }
}

function placeOf({ syscall, path, address, port }: SystemError): string {
  if (port !== undefined && port >= 0) {
    return address === undefined ? `Port ${port}` : `Port ${port} of ${address}`;
  }
  const where = path ?? address;
  if (where !== undefined) return where;
  return syscall === undefined ? "A file" : `A file (${syscall})`;
}
