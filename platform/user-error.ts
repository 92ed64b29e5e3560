/**
 * Errors that the person at the keyboard can do something about: a wrong setting, a port in use, a missing file.
 *
 * They are printed as one sentence, without a stack; everything else that escapes a program is a fault of ours and
 * keeps its stack (lifecycle.ts).
 */

/** What a user error may carry besides its sentence. */
export interface UserErrorOptions {
  /** What to do about it, printed on a line of its own. */
  hint?: string;
  /** Exit code of the program, 2 unless given. */
  exitCode?: number;
  /** The native error behind it, kept for the log. */
  cause?: unknown;
}

/** Says in `message`, one plain sentence, what is wrong with what the user asked for. */
export class UserError extends Error {
  override readonly name: string = "UserError";
  readonly hint: string | undefined;
  readonly exitCode: number;

  constructor(message: string, options: UserErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.hint = options.hint;
    this.exitCode = options.exitCode ?? 2;
  }
}
