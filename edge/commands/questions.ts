/** Questions to whoever sits at the terminal, one after another over one standard input. */

import { decodeUtf8 } from "../../ledger/bytes.ts";
import type { ProgramIo } from "../../platform/lifecycle.ts";

const ANSWER_CHARACTERS_MAX = 200;

/** Asks and waits. `close` when there are no more questions: an open input keeps the program alive. */
export class Questions {
  private readonly io: Pick<ProgramIo, "stdin" | "stdout">;
  private input: AsyncIterator<Uint8Array> | undefined;
  private pending = "";

  constructor(io: Pick<ProgramIo, "stdin" | "stdout">) {
    this.io = io;
  }

  /** Whether there is anybody to be asked. */
  get canAsk(): boolean {
    return this.io.stdin !== undefined;
  }

  /** Gives the answer without its line end; empty where the input has ended. */
  async ask(question: string): Promise<string> {
    this.io.stdout.write(question);
    this.input ??= this.io.stdin?.[Symbol.asyncIterator]();
    while (!this.pending.includes("\n") && this.pending.length <= ANSWER_CHARACTERS_MAX) {
      const next = await this.input?.next();
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
    await this.input?.return?.();
  }
}
