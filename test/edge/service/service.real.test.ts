/** systemd's own programs: what the notifier sends arrives, and the unit is one that systemd understands. */

import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pid } from "node:process";
import { describe, expect, test } from "vitest";
import { ServiceNotice, systemdNotify } from "../../../edge/service/service-notice.ts";
import { formatUnit } from "../../../edge/service/systemd-unit.ts";
import { systemClock } from "../../../platform/clock.ts";
import { silentLogger } from "../../../platform/log.ts";
import { eventually, startProcess } from "../../support/process.ts";
import { socat } from "../../support/programs.ts";
import { findProgram, lacks } from "../../support/requirements.ts";
import type { Requirement } from "../../support/requirements.ts";
import { testScope } from "../../support/scope.ts";

const scope = testScope();

const programOf = (name: string): Requirement => ({
  name,
  available: () => findProgram(name) !== undefined,
  remedy: "Debian package systemd",
});

describe.skipIf(lacks(socat, programOf("systemd-notify")))("systemd-notify", () => {
  test("its datagrams reach the socket", async () => {
    const folder = await scope.folder("notify");
    const path = join(folder, "notify.sock");
    const heard = join(folder, "heard");
    await startProcess(scope, {
      program: findProgram("socat")!,
      args: ["-u", `UNIX-RECV:${path}`, `OPEN:${heard},creat,append`],
    });
    await eventually("the socket", () => existsSync(path) || undefined);
    process.env["NOTIFY_SOCKET"] = path;
    try {
      const notice = new ServiceNotice({
        env: { NOTIFY_SOCKET: path, WATCHDOG_USEC: "6000000", WATCHDOG_PID: String(pid) },
        processId: pid,
        watchdogMsMin: 7_000,
        notify: systemdNotify,
        clock: systemClock,
        logger: silentLogger,
      });
      const stop = new AbortController();
      await notice.ready();
      const feeding = notice.feed(() => true, stop.signal);
      const said = (): string => (existsSync(heard) ? readFileSync(heard, "utf8") : "");
      await eventually(
        "both messages",
        () => (said().includes("READY=1") && said().includes("WATCHDOG=1")) || undefined,
      );
      expect(said()).toContain("WATCHDOG_USEC=7000000");
      stop.abort();
      await feeding;
    } finally {
      delete process.env["NOTIFY_SOCKET"];
    }
  });
});

describe.skipIf(lacks(programOf("systemd-analyze")))("systemd-analyze", () => {
  test.each([
    ["/x.toml", "/var/lib/kerbstone/air-1/data"],
    [`/home/p i/100%/$HOME/e"dge'.toml`, `/var/lib/ker bstone/50% "x"/da\\ta:1`],
  ])("finds nothing wrong with the unit of %s", async (file, dataFolder) => {
    const folder = await scope.folder("unit");
    const path = join(folder, "kerbstone-edge-air-1.service");
    const unit = formatUnit({
      device: "air-1",
      command: [process.execPath, "/opt/kerbstone/dist/bin/kerbstone.js", "edge", "run", file],
      user: "root",
      dataFolder,
      watchdogSeconds: 900,
      portGroup: "dialout",
      memoryMaxMebibytes: 256,
    });
    await writeFile(path, unit);
    const { status, stderr, stdout } = spawnSync("systemd-analyze", ["verify", path], {
      encoding: "utf8",
      timeout: 60_000,
    });
    expect(`${stdout}${stderr}`).not.toContain("kerbstone-edge-air-1.service:");
    expect(status).toBe(0);
  });
});
