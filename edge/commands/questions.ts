/** Questions to whoever sits at the terminal, one after another over one standard input. */

import { decodeUtf8 } from "../../ledger/bytes.ts";
import type { ProgramIo } from "../../platform/lifecycle.ts";

const ANSWER_CHARACTERS_MAX = 200;

type Asked = Pick<ProgramIo, "stdin" | "stdout" | "signal">;

/** Asks and waits. `close` when there are no more questions: an open input keeps the program alive. */
export class Questions {
  private readonly io: Asked;
  private input: AsyncIterator<Uint8Array> | undefined;
  private pending = "";
  private isWaiting = false;

  constructor(io: Asked) {
    this.io = io;
  }

  /** Whether there is anybody to be asked. */
  get canAsk(): boolean {
    return this.io.stdin !== undefined;
  }

  /** Gives the answer without its line end; empty where the input has ended. Rejects with the signal's reason. */
  async ask(question: string): Promise<string> {
    this.io.signal.throwIfAborted();
    this.io.stdout.write(question);
    this.input ??= this.io.stdin?.[Symbol.asyncIterator]();
    while (!this.pending.includes("\n") && this.pending.length <= ANSWER_CHARACTERS_MAX) {
      const next = await this.next();
      if (next === undefined || next.done === true) break;
      this.pending += decodeUtf8(next.value) ?? "";
    }
    const [answer = "", ...rest] = this.pending.split("\n");
    this.pending = rest.join("\n");
    return answer.trim();
  }

  /** Asks for a yes; everything else is a no. */
  async agree(question: string): Promise<boolean> {
    return /^y(es)?$/i.test(await this.ask(`${question} [y/N] `));
  }

  /** Ends the asking. */
  async close(): Promise<void> {
    // An iterator that waits for input would only return after it.
    if (this.isWaiting) this.io.stdin?.destroy?.();
    else await this.input?.return?.();
  }

  /** What is typed next, or the signal: whoever presses Ctrl-C at a question has answered it. */
  private async next(): Promise<IteratorResult<Uint8Array> | undefined> {
    const { signal, stdout } = this.io;
    if (this.input === undefined) return undefined;
    this.isWaiting = true;
    let stop = (): void => undefined;
    const stopped = new Promise<never>((_, reject) => {
      stop = () => {
        stdout.write("\n");
        reject(signal.reason as Error);
      };
      signal.addEventListener("abort", stop, { once: true });
    });
    const typed = this.input.next().then((next) => {
      this.isWaiting = false;
      return next;
    });
    // Input that is destroyed while it is waited for rejects, when nobody waits any more.
    typed.catch(() => undefined);
    try {
      return await Promise.race([typed, stopped]);
    } finally {
      signal.removeEventListener("abort", stop);
    }
  }
}
