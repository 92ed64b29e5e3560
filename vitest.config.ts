/**
 * How the tests run: two projects, one after the other.
 *
 * `pure` holds everything that lives inside one process and runs on all cores. `real` holds what starts other programs and
 * kills them; two of its files run at a time, since most of what they do is wait. Each has folders and ports of its own. A
 * file belongs to `real` by its folder (`test/e2e`, `test/crash`, `test/interop`) or by its name (`*.real.test.ts`).
 */
import { configDefaults, defineConfig } from "vitest/config";

const realTests = ["test/{e2e,crash,interop}/**/*.test.ts", "test/**/*.real.test.ts"];

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: "pure",
          include: ["test/**/*.test.ts"],
          exclude: [...configDefaults.exclude, ...realTests],
          pool: "forks",
          maxWorkers: 2,
          testTimeout: 30_000,
          hookTimeout: 30_000,
          sequence: { groupOrder: 0 },
        },
      },
      {
        test: {
          name: "real",
          include: realTests,
          pool: "forks",
          maxWorkers: 2,
          testTimeout: 240_000,
          hookTimeout: 120_000,
          teardownTimeout: 30_000,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
