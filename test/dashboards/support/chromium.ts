/** Chromium for the page's tests: how it is started, and what axe finds in what it shows. */
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import type { Page } from "playwright-core";

/** Nothing that would ask the network or need a screen. */
export const CHROMIUM_FLAGS: string[] = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

const AXE = createRequire(import.meta.url).resolve("axe-core/axe.min.js");
const TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];

/** What axe finds against WCAG 2.2 AA, each with the elements and why. */
export async function violationsOf(page: Page): Promise<string[]> {
  await page.evaluate(await readFile(AXE, "utf8"));
  const tags = JSON.stringify(TAGS);
  return page.evaluate<string[]>(`axe.run(document, { runOnly: ${tags} }).then((found) =>
    found.violations.flatMap(({ id, nodes }) =>
      nodes.map(({ html, failureSummary }) => [id, html, failureSummary].join(" "))))`);
}
