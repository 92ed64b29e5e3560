/**
 * What a test file has begun and must end: folders, programs, connections.
 *
 * A scope ends its parts in reverse order when the file's tests are over, whether they passed or not. Where the test
 * process itself is torn down before that, what was registered with `atExit` still happens.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll } from "vitest";

/** The owner of everything that a test file leaves running or lying about. */
export class Scope {
  readonly #endings: (() => unknown)[] = [];

  /** Registers what ends a part; run once, last registered first. */
  defer(end: () => unknown): void {
    this.#endings.push(end);
  }

  /** Makes an empty folder that vanishes with the scope. The path is absolute. */
  async folder(name = "test"): Promise<string> {
    const path = await mkdtemp(join(tmpdir(), `kerbstone-${name}-`));
    this.defer(() => rm(path, { recursive: true, force: true, maxRetries: 5 }));
    return path;
  }

  /** Ends all parts. An ending that fails does not spare the others; the first failure is thrown at the end. */
  async end(): Promise<void> {
    const failures: unknown[] = [];
    for (let ending = this.#endings.pop(); ending !== undefined; ending = this.#endings.pop()) {
      try {
        await ending();
      } catch (error) {
        failures.push(error);
      }
    }
    if (failures.length > 0)
      throw new AggregateError(failures, "could not end all parts of a test");
  }
}

/** Makes a scope for the calling test file (or `describe` block), ended after its last test. */
export function testScope(): Scope {
  const scope = new Scope();
  afterAll(() => scope.end(), 60_000);
  return scope;
}
