/**
 * What the documents point at exists: relative links, headings behind them, paths of the repository, and settings.
 *
 * Whether what they say is true is for their readers; that their names are those of the code is checked here.
 */

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { edgeSchema } from "../../edge/settings/config.ts";
import { hubSchema } from "../../hub/config.ts";

const PROJECT = fileURLToPath(new URL("../..", import.meta.url));

const ROOT_DOCUMENTS = ["README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md"];
const DOCUMENTS = [
  ...ROOT_DOCUMENTS,
  ...readdirSync(join(PROJECT, "docs"))
    .filter((name) => name.endsWith(".md"))
    .map((name) => `docs/${name}`),
];

/** Folders whose names in code spans mean the repository, not a data folder or a topic. */
const SOURCES = /^(?:bin|dashboards|docs|edge|firmware-sim|hub|ledger|platform|test)\//;

/** Read like a path of ours, and is an MQTT topic. */
const NO_PATHS = new Set(["hub/status"]);

describe.each(DOCUMENTS)("%s", (document) => {
  const text = read(document);

  test("links to files and headings that are there", () => {
    const broken = linksOf(text).filter((target) => !isThere(document, target));
    expect(broken).toEqual([]);
  });

  test("names paths of the repository that are there", () => {
    const missing = codeSpansOf(text)
      .filter((span) => SOURCES.test(span) && /^[\w./-]+$/.test(span) && !NO_PATHS.has(span))
      .filter((path) => !existsSync(join(PROJECT, path)));
    expect(missing).toEqual([]);
  });
});

describe("settings", () => {
  test.each([
    ["the hub", "docs/operations.md", hubSchema],
    ["an agent", "docs/edge.md", edgeSchema],
  ])("of %s are all named in %s", (_program, document, schema) => {
    const named = new Set(codeSpansOf(read(document)));
    const json = z.toJSONSchema(schema, { io: "input", unrepresentable: "any" });
    const settings = settingsOf(json as SettingSchema);
    expect(settings.filter((name) => !namesOf(name).some((each) => named.has(each)))).toEqual([]);
  });
});

test("every document is linked from the README", () => {
  const linked = new Set(linksOf(read("README.md")));
  const others = DOCUMENTS.filter((document) => document !== "README.md");
  expect(others.filter((document) => !linked.has(document))).toEqual([]);
});

function read(document: string): string {
  return readFileSync(join(PROJECT, document), "utf8");
}

/** Targets of links and images, without those of the web. Code is no place for links. */
function linksOf(text: string): string[] {
  const prose = text.replaceAll(/```[\s\S]*?```/g, "").replaceAll(/`[^`\n]*`/g, "code");
  const targets = [...prose.matchAll(/\]\(([^()\s]+)\)/g)].map(([, target]) => target!);
  return targets.filter((target) => !/^[a-z]+:/.test(target));
}

function codeSpansOf(text: string): string[] {
  return [...text.matchAll(/`([^`\n]+)`/g)].map(([, span]) => span!);
}

function isThere(document: string, target: string): boolean {
  const [path = "", heading] = target.split("#");
  const file = path === "" ? document : relative(PROJECT, join(PROJECT, dirname(document), path));
  if (!existsSync(join(PROJECT, file))) return false;
  return heading === undefined || anchorsOf(read(file)).includes(heading);
}

/** The names under which GitHub and most others make headings linkable. */
function anchorsOf(text: string): string[] {
  return [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading]) =>
    heading!
      .toLowerCase()
      .replaceAll(/[^\w\- ]/g, "")
      .replaceAll(" ", "-"),
  );
}

interface SettingSchema {
  readonly properties?: Readonly<Record<string, SettingSchema>>;
  readonly items?: SettingSchema;
}

/** Names of all settings as a file has them: `mqtt.port`, and `sensors[].stream` for those of each table in a list. */
function settingsOf(schema: SettingSchema, prefix = ""): string[] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, inner]) => {
    if (inner.properties !== undefined) return settingsOf(inner, `${prefix}${name}.`);
    if (inner.items?.properties !== undefined)
      return settingsOf(inner.items, `${prefix}${name}[].`);
    return [`${prefix}${name}`];
  });
}

/** Of tables in a list documents may name the columns alone, or as `[sensors.options]`. */
function namesOf(setting: string): string[] {
  const [list, column] = setting.split("[].");
  return column === undefined ? [setting] : [column, `[${list}.${column}]`];
}
