/**
 * The built page in a real Chromium, before a hub that tells the truth, lies, stalls and goes away.
 *
 * The hub is scripted, its log is real. Where the page waits for long, its clock is moved by hand.
 */
import { execFile } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { chromium as chromiumBrowser } from "playwright-core";
import type { BrowserContext, Locator, Page } from "playwright-core";
import { afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { parseEvidence } from "../../ledger/evidence-file.ts";
import { verifyEvidence } from "../../ledger/evidence.ts";
import { Fault } from "../../ledger/fault.ts";
import { parseVkey } from "../../ledger/note.ts";
import { trustVkey } from "../../ledger/policy.ts";
import { nobleVerify } from "../../ledger/signature.ts";
import { chromium, chromiumPath } from "../support/programs.ts";
import { lacks } from "../support/requirements.ts";
import { Scope, testScope } from "../support/scope.ts";
import { CHROMIUM_FLAGS, violationsOf } from "./support/chromium.ts";
import { exampleCity, PEERS } from "./support/scripted-city.ts";
import type { ScriptedCity } from "./support/scripted-city.ts";
import { ScriptedHub } from "./support/scripted-hub.ts";

const ORIGIN = "newport.example/log";
const PROJECT = join(import.meta.dirname, "..", "..");
const WAIT_MS = 20_000;

describe.skipIf(lacks(chromium))("the page in Chromium", () => {
  const files = testScope();
  let built = "";
  let scope: Scope;
  let city: ScriptedCity;
  let hub: ScriptedHub;
  let address: string;
  let context: BrowserContext;
  let page: Page;
  let complaints: string[];

  beforeAll(async () => {
    built = join(await files.folder("page"), "web");
    const vite = join(PROJECT, "node_modules", "vite", "bin", "vite.js");
    const args = ["build", "dashboards/web", "--outDir", built, "--logLevel", "warn"];
    await promisify(execFile)(process.execPath, [vite, ...args], { cwd: PROJECT });
  });

  beforeEach(async () => {
    scope = new Scope();
    city = exampleCity(ORIGIN, Math.floor(Date.now() / 1000));
    hub = new ScriptedHub(city, built);
    address = await hub.start(scope);
    complaints = [];
  });

  afterEach(() => scope.end());

  /** Opens the page in a browser of its own, with a profile that nothing else uses. */
  async function open(options: { scheme?: "light" | "dark"; width?: number } = {}): Promise<void> {
    const { scheme = "light", width = 1280 } = options;
    context = await chromiumBrowser.launchPersistentContext(await scope.folder("profile"), {
      executablePath: chromiumPath(),
      headless: true,
      args: CHROMIUM_FLAGS,
      colorScheme: scheme,
      viewport: { width, height: 900 },
      acceptDownloads: true,
    });
    scope.defer(() => context.close());
    context.setDefaultTimeout(WAIT_MS);
    page = await context.newPage();
    // A hub that is away makes the browser complain of failed loading; everything else is a fault of the page.
    page.on("console", (message) => {
      const text = message.text();
      if (message.type() === "error" && !text.includes("ERR_") && !text.includes("409")) {
        complaints.push(text);
      }
    });
    page.on("pageerror", (error) => complaints.push(error.message));
  }

  async function visit(options: Parameters<typeof open>[0] = {}): Promise<void> {
    await open(options);
    await page.goto(address);
    await page.getByText("bridge-air", { exact: true }).waitFor();
  }

  function row(quantity: string): Locator {
    return page.getByRole("row").filter({ hasText: quantity });
  }

  async function check(name: string): Promise<Locator> {
    await page.getByRole("button", { name: `Check ${name}` }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByText("What was checked in this browser").waitFor();
    return dialog;
  }

  /** Asks everything again at once, as when somebody comes back to the page. */
  async function lookAgain(): Promise<void> {
    await page.evaluate("document.dispatchEvent(new Event('visibilitychange'))");
  }

  test("shows the city, under a policy without anything inline", async () => {
    await visit();
    await page.getByRole("heading", { name: ORIGIN, level: 1 }).waitFor();
    await page.getByText(city.vkey).first().waitFor();
    await row("PM2.5").getByText("11.4").waitFor();
    await row("PM2.5").getByText("Cosigned").waitFor();
    await row("Free spaces").getByText("Sealed").waitFor();
    await row("Satellites in use").getByText("Not yet proved").waitFor();
    await row("school-air").getByText("Faulty").first().waitFor();
    await row("mill-water").getByText("Offline").waitFor();
    await row("station-noise").getByText("Late").waitFor();
    await page.getByText("1 block behind").waitFor();
    await page.getByText("2 of 2 peers must check and cosign a block").waitFor();
    expect(complaints).toEqual([]);
  });

  test("follows readings, blocks and cosignatures as they happen", async () => {
    await visit();
    await page.getByText("Connection to the hub: Live").waitFor();
    city.log.iat += 5;
    const entry = city.measure("bridge-air", [{ quantity: "pm25", unit: "ug/m3", value: 23.7 }]);
    hub.tell("reading", city.readingEvent("bridge-air", entry));
    await row("PM2.5").getByText("23.7").waitFor();
    await row("PM2.5").getByText("Not yet proved").waitFor();
    const block = city.seal();
    hub.tell("block", block);
    await row("PM2.5").getByText("Sealed").waitFor();
    await page.getByText(`#${block.height}`).first().waitFor();
    for (const peer of PEERS) city.cosign(peer);
    hub.tell("cosigned", { size: block.index + 1, height: block.height, by: PEERS });
    await row("PM2.5").getByText("Cosigned").waitFor();
    await page.getByText("signatures of hub and 2 peers checked here").waitFor();
    hub.tell("presence", { device: "ring-traffic", online: false });
    await row("ring-traffic").getByText("Offline").waitFor();
    const refused = { receivedMs: Date.now(), device: "school-air", kid: null, seq: 3, hash: "00" };
    hub.tell("refused", { id: 1, ...refused, code: "future", text: "a reading ahead of its time" });
    await page.getByText("a reading ahead of its time").waitFor();
    expect(complaints).toEqual([]);
  });

  describe("check this reading", () => {
    test("holds, says who, what, when and where, and gives files that hold offline", async () => {
      await visit();
      const dialog = await check("PM2.5 of bridge-air");
      await dialog.getByText("It holds", { exact: true }).waitFor();
      expect(await dialog.getByText("Passed").count()).toBe(7);
      await dialog.getByText("bridge-air (device, owner newport-council").waitFor();
      await dialog.getByText("the value asked for").waitFor();
      await dialog.getByText("51.58402°").waitFor();
      await dialog.getByText("What it does not show").waitFor();
      const command = `npx kerbstone verify entry-14.evidence.json --vkey ${city.vkey}`;
      await dialog.getByText(command).waitFor();
      const [download] = await Promise.all([
        page.waitForEvent("download"),
        dialog.getByRole("button", { name: "Download the evidence" }).click(),
      ]);
      expect(download.suggestedFilename()).toBe("entry-14.evidence.json");
      const evidence = parseEvidence(await readFile(await download.path(), "utf8"));
      const vkey = parseVkey(city.vkey);
      if (evidence instanceof Fault || vkey instanceof Fault) throw new Error("no evidence");
      expect(verifyEvidence(evidence, trustVkey(vkey), nobleVerify)).toMatchObject({ index: 14 });
      await page.keyboard.press("Escape");
      await dialog.waitFor({ state: "detached" });
      expect(complaints).toEqual([]);
    });

    test("waits for the seal, and checks by itself when it comes", async () => {
      await visit();
      await page.getByRole("button", { name: "Check Satellites in use" }).click();
      await page.getByText("Not proved yet.").waitFor();
      hub.tell("block", city.seal());
      await page.getByText("It holds, on the hub’s word alone").waitFor();
    });

    test.each<[string, (path: string, body: string) => string, string]>([
      [
        "one byte of an entry",
        (path, body) => (path.endsWith("/evidence") ? changeLastEntry(body) : body),
        "An entry in the file is not in the log that was signed",
      ],
      [
        "the size in the checkpoint",
        (path, body) =>
          path.endsWith("/evidence") ? body.replace(String.raw`\n19\n`, String.raw`\n18\n`) : body,
        "A signature does not fit what it stands under",
      ],
      [
        "the value that is shown",
        (path, body) =>
          path === "/api/v1/devices" ? body.replace('"value":11.4', '"value":9.9') : body,
        "the page showed 9.9 ug/m3, but 11.4 ug/m3 is signed",
      ],
    ])("a hub that changes %s is found out", async (_, lie, words) => {
      hub.lie = lie;
      await visit();
      const dialog = await check("PM2.5 of bridge-air");
      await dialog.getByText("It does not hold").waitFor();
      await dialog.getByText(words).waitFor();
      expect(await dialog.getByText("Failed", { exact: true }).count()).toBe(1);
    });

    test("an entry may be addressed, and an unknown one is said to be unknown", async () => {
      await open();
      await page.goto(`${address}/#/entry/14`);
      await page.getByText("It holds", { exact: true }).waitFor();
      await page.goto(`${address}/#/entry/99999`);
      await page.getByText("The hub says that it has no entry 99999").waitFor();
    });
  });

  test("another vkey than the pinned one is said loudly, also after a reload", async () => {
    await visit();
    await page.getByText("This key came from the hub itself").waitFor();
    const other = exampleCity(ORIGIN.replace("newport", "nowhere"), 1_800_000_000);
    const stolen = other.vkey.replace(/^[^+]+/, ORIGIN);
    hub.lie = (path, body) => (path === "/api/v1/log" ? body.replace(city.vkey, stolen) : body);
    await page.reload();
    const alarm = page.getByRole("alert").filter({ hasText: "another key than the one pinned" });
    await alarm.waitFor();
    // What is checked is checked against the pinned key, and so still holds.
    await (await check("PM2.5 of bridge-air")).getByText("It holds", { exact: true }).waitFor();
    await page.keyboard.press("Escape");
    hub.lie = (_, body) => body;
    await lookAgain();
    await alarm.waitFor({ state: "detached" });
  });

  test("a key from the user is taken, confirmed and kept; what is none is refused", async () => {
    await visit();
    const field = page.getByLabel("Another vkey, which you did not get from this hub");
    await field.fill("newport.example/log+00000000+AAAA");
    await page.getByRole("button", { name: "Trust this key" }).click();
    await page.getByText("Not taken:").waitFor();
    await field.fill(city.vkey);
    await page.getByRole("button", { name: "Trust this key" }).click();
    await page.getByText("You gave this key yourself").waitFor();
    await page.reload();
    await page.getByText("You gave this key yourself").waitFor();
  });

  test("a fork is shown loudly, and stays although the hub is silent of it afterwards", async () => {
    await visit();
    await page.getByText("Connection to the hub: Live").waitFor();
    const subject = "kerbstone.example/test";
    hub.tell("fork", { id: "f1", kind: "fork", subject, foundMs: Date.now() });
    const alarm = page.getByRole("alert").filter({ hasText: "A fork was found" });
    await alarm.getByText("fork, found").waitFor();
    const answered = page.waitForResponse((response) => response.url().endsWith("/api/v1/peers"));
    await lookAgain();
    await answered;
    await alarm.getByText("fork, found").waitFor();
  });

  test("a hub that goes away leaves old values marked as old, and comes back", async () => {
    await visit();
    await page.getByText("Connection to the hub: Live").waitFor();
    hub.leave();
    await page.getByText("No answer").waitFor();
    await page.getByText("It was last heard at").waitFor();
    await row("PM2.5").getByText("11.4").waitFor();
    // What the page has not heard is no device's fault: nobody becomes late by it.
    await row("bridge-air").getByText("Measuring").waitFor();
    city.log.iat += 30;
    city.measure("bridge-air", [{ quantity: "pm25", unit: "ug/m3", value: 5.5 }]);
    hub.comeBack();
    await page.getByText("Connection to the hub: Live").waitFor({ timeout: 60_000 });
    await row("PM2.5").getByText("5.5").waitFor();
    await page.getByText("It was last heard at").waitFor({ state: "detached" });
  });

  test("a hub that is away from the first is said to be, and is asked again", async () => {
    await open();
    hub.lie = (path, body) => (path === "/api/v1/log" ? "{}" : body);
    await page.goto(address);
    await page.getByText("The hub gave no usable answer: the answer to /api/v1/log").waitFor();
    hub.lie = (_, body) => body;
    await lookAgain();
    await page.getByText("bridge-air", { exact: true }).waitFor();
  });

  test("a stream that stalls is found out and replaced", async () => {
    await open();
    await page.clock.install();
    await page.goto(address);
    await page.getByText("Connection to the hub: Live").waitFor();
    hub.isStreamDeaf = true;
    const before = hub.streamsOpened;
    for (let i = 1; i <= 3; i++) {
      city.log.iat += 10;
      city.measure("quay-water", [{ quantity: "level", unit: "m", value: 4 + i / 10 }]);
      // The answer to each question is waited for by what it changes on the page.
      await page.clock.runFor(10_500);
      await row("quay-water")
        .getByText(`${4 + i / 10}`)
        .waitFor();
    }
    hub.isStreamDeaf = false;
    await page.clock.runFor(5_000);
    await expect.poll(() => hub.streamsOpened, { timeout: WAIT_MS }).toBeGreaterThan(before);
  });

  describe("an evidence file from anywhere", () => {
    async function bring(name: string, content: string): Promise<Locator> {
      const path = join(await scope.folder("brought"), name);
      await writeFile(path, content);
      await page.getByLabel("Choose an evidence file, or drop it here").setInputFiles(path);
      return page.getByRole("dialog", { name });
    }

    test("of this hub holds; changed, it does not; and what is none is said to be none", async () => {
      await visit();
      const text = await city.evidence(14);
      await (await bring("a.json", text)).getByText("It holds", { exact: true }).waitFor();
      await page.keyboard.press("Escape");
      const changed = await bring("b.json", changeLastEntry(text));
      await changed.getByText("It does not hold").waitFor();
      await page.keyboard.press("Escape");
      const strange = await bring("c.json", "{}");
      await strange.getByText("Nothing was checked.").waitFor();
    });

    test("of another log asks for its key, and holds against it", async () => {
      await visit();
      const other = exampleCity("other.example/log", 1_800_000_000);
      const dialog = await bring("other.json", await other.evidence(14));
      await dialog.getByText("whose key this browser does not know").waitFor();
      const field = dialog.getByLabel("vkey of other.example/log");
      await field.fill(city.vkey);
      await dialog.getByRole("button", { name: "Trust this key" }).click();
      await dialog.getByText(`this is the key of ${ORIGIN}`).waitFor();
      await field.fill(other.vkey);
      await dialog.getByRole("button", { name: "Trust this key" }).click();
      await dialog.getByText("It holds, on the hub’s word alone").waitFor();
    });
  });

  test("sensors are found, chosen and ordered by keyboard", async () => {
    await visit();
    await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    await expect.poll(() => page.evaluate("document.activeElement.id")).toBe("sensors");
    await page.keyboard.press("Tab");
    await page.keyboard.press("Tab");
    await page.keyboard.press("Space");
    await page.getByText("ring-traffic").waitFor({ state: "detached" });
    await page.getByRole("button", { name: "Air 2 sensors", pressed: true }).waitFor();
    await page.getByLabel("Find").fill("bridge");
    await page.getByText("school-air").waitFor({ state: "detached" });
  });

  test("ten thousand sensors stay within reach", async () => {
    const [device] = city.devices();
    const many = Array.from({ length: 10_000 }, (_, i) => ({
      ...device!,
      name: `air-${i}`,
      kid: `${i}`,
    }));
    hub.lie = (path, body) =>
      path === "/api/v1/devices" ? JSON.stringify({ devices: many }) : body;
    await open();
    await page.goto(address);
    await page.getByText("10,000", { exact: true }).waitFor();
    await page.getByLabel("Find").fill("air-9999");
    await page.getByText("air-9999", { exact: true }).waitFor();
    expect(await page.getByText("air-0", { exact: true }).count()).toBe(0);
  });

  describe.each(["light", "dark"] as const)("in %s", (scheme) => {
    test.each([1280, 800, 360])(
      "%i px wide, the page and a check pass axe, and fit",
      async (width) => {
        const [subject, foundMs] = ["kerbstone.example/test", Date.now()];
        hub.forks = [
          { id: "f1", kind: "fork", subject, foundMs },
          { id: "f2", kind: "equivocation", subject: "0123456789abcdef", foundMs },
        ];
        await visit({ scheme, width });
        await page.getByText("A device contradicted itself.").waitFor();
        expect(await violationsOf(page)).toEqual([]);
        const overflow =
          "document.documentElement.scrollWidth - document.documentElement.clientWidth";
        expect(await page.evaluate(overflow)).toBe(0);
        const dialog = await check("PM2.5 of bridge-air");
        await dialog.getByText("It holds", { exact: true }).waitFor();
        expect(await violationsOf(page)).toEqual([]);
      },
    );
  });
});

/** Changes one byte inside the last entry of an evidence file. */
function changeLastEntry(text: string): string {
  const at = text.lastIndexOf('"entry": "') + 200;
  return text.slice(0, at) + (text[at] === "A" ? "B" : "A") + text.slice(at + 1);
}
