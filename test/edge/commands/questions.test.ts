/** Questions at a terminal: answers, and Ctrl-C in place of one. */

import { PassThrough } from "node:stream";
import { expect, test } from "vitest";
import { Questions } from "../../../edge/commands/questions.ts";
import { UserError } from "../../../platform/user-error.ts";

interface Asking {
  readonly questions: Questions;
  readonly stdin: PassThrough;
  readonly stop: AbortController;
  said: string;
}

function asking(): Asking {
  const stdin = new PassThrough();
  const stop = new AbortController();
  const stdout = { write: (text: string) => (asked.said += text) };
  const questions = new Questions({ stdin, stdout, signal: stop.signal });
  const asked: Asking = { questions, stdin, stop, said: "" };
  return asked;
}

test("answers come one after another, however they are typed", async () => {
  const { questions, stdin } = asking();
  stdin.write("ye");
  stdin.write("s\n51.5 -3\nn");
  expect(await questions.agree("Is it?")).toBe(true);
  expect(await questions.ask("Where?")).toBe("51.5 -3");
  stdin.end();
  expect(await questions.agree("Sure?")).toBe(false);
  expect(await questions.ask("Still there?")).toBe("");
  await questions.close();
});

test("Ctrl-C at a question ends it, and the input that it waits for", async () => {
  const asked = asking();
  const { questions, stdin, stop } = asked;
  const answer = questions.ask("Where? ");
  stop.abort(new UserError("Stopped by SIGINT.", { exitCode: 130 }));
  await expect(answer).rejects.toThrow("Stopped by SIGINT.");
  expect(asked.said).toBe("Where? \n");
  await questions.close();
  expect(stdin.destroyed).toBe(true);
  await expect(questions.ask("And now? ")).rejects.toThrow("Stopped by SIGINT.");
});
