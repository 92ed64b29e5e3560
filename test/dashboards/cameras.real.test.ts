/**
 * Live pictures from end to end: ffmpeg's test picture through the edge's channel, the hub as a program, and its page in
 * a real Chromium, under the hub's own policy.
 */
import { Buffer } from "node:buffer";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { chromium as chromiumBrowser } from "playwright-core";
import type { Browser, Page } from "playwright-core";
import { afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { PreviewChannel } from "../../edge/cameras/preview-channel.ts";
import { askHub } from "../../hub/operator/client.ts";
import { sha256 } from "../../ledger/sha256.ts";
import { encodeHex } from "../../ledger/bytes.ts";
import { systemClock } from "../../platform/clock.ts";
import { silentLogger } from "../../platform/log.ts";
import { systemRandom } from "../../platform/random.ts";
import { ORIGIN, testDevice } from "../hub/support/devices.ts";
import { enrolmentRequest } from "../hub/support/running-hub.ts";
import { FfmpegSource } from "../support/ffmpeg-source.ts";
import { HubProgram } from "../support/hub-program.ts";
import { kerbstone } from "../support/kerbstone.ts";
import { eventually } from "../support/process.ts";
import { chromium, chromiumPath, ffmpeg } from "../support/programs.ts";
import { lacks } from "../support/requirements.ts";
import { Scope, testScope } from "../support/scope.ts";
import { CHROMIUM_FLAGS, violationsOf } from "./support/chromium.ts";

const WAIT_MS = 20_000;
const WIDTH = 320;
const HEIGHT = 180;

/** The bars of ffmpeg's `testsrc2`, from the left. */
const BARS = [
  [255, 0, 0],
  [0, 255, 0],
  [255, 255, 0],
  [0, 0, 255],
  [255, 0, 255],
  [0, 255, 255],
] as const;
/** What compression and the way from colour differences to colours may change. */
const TOLERANCE = 40;

/** Where somebody leaves screenshots who wants to look at them. */
const SHOTS = process.env["KERBSTONE_SCREENSHOTS"];

describe.skipIf(lacks(chromium, ffmpeg))("live cameras in Chromium", () => {
  const lasting = testScope();
  let hub: HubProgram;
  let front: FfmpegSource;
  let yard: FfmpegSource;
  let channel: PreviewChannel;
  let browser: Browser;
  let scope: Scope;
  let page: Page;
  let complaints: string[];

  beforeAll(async () => {
    browser = await chromiumBrowser.launch({
      executablePath: chromiumPath(),
      args: CHROMIUM_FLAGS,
    });
    lasting.defer(() => browser.close());
    hub = await HubProgram.make(lasting, { origin: ORIGIN, blockSeconds: 3600 });
    await hub.start();
    await hub.enrol(JSON.stringify(enrolmentRequest(testDevice("cam-1"))));
    front = new FfmpegSource("front");
    yard = new FfmpegSource("yard");
    channel = new PreviewChannel({
      device: "cam-1",
      origin: ORIGIN,
      signer: testDevice("cam-1").signer,
      address: { url: `ws://127.0.0.1:${hub.httpPort}/preview/v1/edge` },
      sources: [front, yard],
      time: systemClock,
      clock: systemClock,
      random: systemRandom,
      logger: silentLogger,
    });
    const stopping = new AbortController();
    const running = channel.run(stopping.signal);
    lasting.defer(async () => {
      stopping.abort();
      await running;
    });
    await eventually("the channel is open", () =>
      channel.status().isConnected ? true : undefined,
    );
  });

  beforeEach(() => {
    scope = new Scope();
    complaints = [];
  });
  afterEach(() => scope.end());

  /** Lets somebody look at all cameras; gives the token. */
  async function addViewer(name: string): Promise<string> {
    const request = { command: "viewers-add", name, days: 1 };
    const made = (await askHub(hub.folder, request)) as { token: string };
    return made.token;
  }

  async function open(
    options: { scheme?: "light" | "dark"; width?: number; motion?: "reduce" } = {},
  ): Promise<void> {
    const { scheme = "light", width = 1280, motion = "no-preference" } = options;
    const context = await browser.newContext({
      colorScheme: scheme,
      reducedMotion: motion,
      viewport: { width, height: 1_000 },
    });
    scope.defer(() => context.close());
    context.setDefaultTimeout(WAIT_MS);
    page = await context.newPage();
    page.on("console", (message) => {
      // What is loading when the hub is stopped or a token is none is complained of by the browser itself.
      const text = message.text();
      if (message.type() !== "error") return;
      if (!/ERR_|status of 401|WebSocket connection to/.test(text)) complaints.push(text);
    });
    page.on("pageerror", (error) => complaints.push(error.message));
    await page.clock.install();
    await page.goto(hub.url);
  }

  async function enter(token: string): Promise<void> {
    await page.getByRole("button", { name: "I have a token" }).click();
    await page.getByLabel("Viewer token").fill(token);
    await page.getByRole("button", { name: "Use this token" }).click();
  }

  /** Share of the pixels of each bar that have its colour. */
  async function bars(): Promise<number[]> {
    const { width, height, data } = await pixels();
    expect([width, height]).toEqual([WIDTH, HEIGHT]);
    return BARS.map((colour, bar) => {
      const from = Math.round((bar * width) / BARS.length) + 4;
      const to = Math.round(((bar + 1) * width) / BARS.length) - 4;
      let near = 0;
      let all = 0;
      for (let y = 0; y < height; y++) {
        for (let x = from; x < to; x++) {
          const at = 4 * (y * width + x);
          const isNear = colour.every((value, i) => Math.abs(data[at + i]! - value) < TOLERANCE);
          if (isNear) near += 1;
          all += 1;
        }
      }
      return near / all;
    });
  }

  async function pixels(): Promise<{ width: number; height: number; data: Uint8Array }> {
    const text = await page.evaluate<string>(`(() => {
      const canvas = document.querySelector(".live canvas");
      const { width, height } = canvas;
      const { data } = canvas.getContext("2d").getImageData(0, 0, width, height);
      let text = width + " " + height + " ";
      for (let i = 0; i < data.length; i += 4096) {
        text += btoa(String.fromCharCode(...data.subarray(i, i + 4095 - (4095 % 3)))) + "";
        i -= 4096 - (4095 - (4095 % 3));
      }
      return text;
    })()`);
    const [width, height, base64] = text.split(" ");
    return {
      width: Number(width),
      height: Number(height),
      data: new Uint8Array(Buffer.from(base64!, "base64")),
    };
  }

  async function shoot(name: string): Promise<void> {
    if (SHOTS !== undefined)
      await page.screenshot({ path: join(SHOTS, `${name}.png`), fullPage: true });
  }

  /** What every file of the data folder holds, by path. */
  async function dataFolder(): Promise<Record<string, string>> {
    const found: Record<string, string> = {};
    for (const entry of await readdir(hub.folder, { recursive: true, withFileTypes: true })) {
      if (!entry.isFile()) continue;
      const path = join(entry.parentPath, entry.name);
      found[path] = encodeHex(sha256(new Uint8Array(await readFile(path))));
    }
    return found;
  }

  test("the test picture moves on the page, in its colours, and leaves nothing behind", async () => {
    const argv = ["hub", "viewers", "add", "mara", "--device", "cam-1", "--data", hub.folder];
    const said = await kerbstone(scope, argv);
    const token = /shown only now: (\S+)/.exec(said)![1]!;
    await open();
    const before = await dataFolder();
    expect(Object.keys(before).length).toBeGreaterThan(3);
    expect(front.starts).toBe(0);
    await enter(token);
    await page.getByRole("button", { name: "front of cam-1" }).click();
    await page.getByText("The camera is working.").waitFor();
    await page.getByText("Last picture: just now").waitFor();
    for (const share of await bars()) expect(share).toBeGreaterThan(0.5);
    const first = await pixels();
    await expect.poll(async () => isOther(first.data, (await pixels()).data)).toBe(true);
    await page.getByText("pictures never enter the ledger").waitFor();
    await shoot("watching");
    // The token is the tab's, and in no address.
    expect(page.url()).not.toContain(token);
    const metrics = await (await fetch(`${hub.url}metrics`)).text();
    expect(metrics).toMatch(/^kerbstone_hub_preview_viewers 1$/m);
    expect(await dataFolder()).toEqual(before);
    front.now = "silent";
    await page.getByText("The camera is connected, but sends nothing.").waitFor();
    front.now = "ok";
    front.freeze();
    await page.clock.fastForward(6_000);
    await page.getByText("The picture stands still. Last picture: ").waitFor();
    front.thaw();
    await page.getByText("Last picture: just now").waitFor();
    await page.getByRole("button", { name: "Stop watching" }).click();
    await page.locator("canvas").waitFor({ state: "detached" });
    expect(front.starts).toBe(1);
    await hub.running.output(/"msg":"a view ended"/);
    expect(hub.running.stderr).not.toContain(token);
    expect(complaints).toEqual([]);
  });

  test("a token that is none is refused in words; one that is taken away ends the picture", async () => {
    const token = await addViewer("jun");
    await open();
    await enter("let me in");
    await page.getByText("That is no token").waitFor();
    await page.getByLabel("Viewer token").fill("A".repeat(43));
    await page.getByRole("button", { name: "Use this token" }).click();
    await page.getByText("The hub does not take this token").waitFor();
    await page.getByLabel("Viewer token").fill(token);
    await page.keyboard.press("Enter");
    await page.getByRole("button", { name: "yard of cam-1" }).click();
    await page.getByText("Last picture: just now").waitFor();
    // A page that is loaded again has the token still, and the transcoder goes on.
    await page.reload();
    await page.getByRole("button", { name: "yard of cam-1" }).press("Enter");
    await page.getByText("Last picture: just now").waitFor();
    expect(yard.starts).toBe(1);
    await askHub(hub.folder, { command: "viewers-remove", name: "jun" });
    await page.getByText("This token is not valid any more.").waitFor();
    await page.locator("canvas").waitFor({ state: "detached" });
    await page.reload();
    await page.getByRole("button", { name: "I have a token" }).waitFor();
    expect(complaints).toEqual([]);
  });

  test("a stream with damaged bytes is drawn as far as it goes, and whole again afterwards", async () => {
    const token = await addViewer("wen");
    yard.isDamaged = true;
    await open();
    await enter(token);
    await page.getByRole("button", { name: "yard of cam-1" }).click();
    await page.getByText("Last picture: just now").waitFor();
    const first = await pixels();
    await expect.poll(async () => isOther(first.data, (await pixels()).data)).toBe(true);
    yard.isDamaged = false;
    await expect
      .poll(async () => Math.min(...(await bars())), { timeout: WAIT_MS })
      .toBeGreaterThan(0.5);
    expect(complaints).toEqual([]);
  });

  test.each([
    ["light", 1280],
    ["dark", 360],
  ] as const)("in %s, %i px wide, all of it passes axe and fits", async (scheme, width) => {
    const token = await addViewer(`noor-${scheme}`);
    await open({ scheme, width, motion: "reduce" });
    await page.getByRole("button", { name: "I have a token" }).click();
    await page.getByLabel("Viewer token").fill("x");
    await page.getByRole("button", { name: "Use this token" }).click();
    await page.getByText("That is no token").waitFor();
    expect(await violationsOf(page)).toEqual([]);
    await page.getByLabel("Viewer token").fill(token);
    await page.getByRole("button", { name: "Use this token" }).click();
    await page.getByRole("button", { name: "front of cam-1" }).click();
    await page.getByText("Last picture: just now").waitFor();
    await page.getByText("Shown as single pictures").waitFor();
    expect(await violationsOf(page)).toEqual([]);
    const overflow = "document.documentElement.scrollWidth - document.documentElement.clientWidth";
    expect(await page.evaluate(overflow)).toBe(0);
    await shoot(`${scheme}-${width}`);
    expect(complaints).toEqual([]);
  });

  test("a hub that is started anew is found again, by the edge and by the page", async () => {
    const token = await addViewer("ida");
    await open();
    await enter(token);
    await page.getByRole("button", { name: "front of cam-1" }).click();
    await page.getByText("Last picture: just now").waitFor();
    await hub.stop();
    await page.getByText("This page asks again by itself.").first().waitFor();
    await eventually("the transcoder is stopped", () => (front.running === 0 ? true : undefined));
    await hub.start();
    await eventually("the edge is back", () => (channel.status().isConnected ? true : undefined));
    // The page waits for longer and longer; here nobody has to.
    await page.clock.fastForward(30_000);
    await page.getByText("The camera is working.").waitFor();
    await page.getByText("Last picture: just now").waitFor();
    for (const share of await bars()) expect(share).toBeGreaterThan(0.5);
  });
});

/** Whether two pictures differ by more than compression makes of it. */
function isOther(first: Uint8Array, second: Uint8Array): boolean {
  return second.filter((value, i) => Math.abs(value - first[i]!) > 60).length > 1_000;
}
