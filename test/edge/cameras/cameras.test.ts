/** Whole agents with a camera, over a scripted hub: what is recorded becomes clips in the log, whatever happens. */

import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Agent } from "../../../edge/agent.ts";
import type { AgentParts } from "../../../edge/agent-parts.ts";
import { Cameras } from "../../../edge/cameras/cameras.ts";
import type { CameraGround, CameraSetup } from "../../../edge/cameras/camera.ts";
import { segmentName } from "../../../edge/cameras/recording/segment-list.ts";
import { recordName } from "../../../edge/cameras/recording/segment-record.ts";
import { DRIVERS } from "../../../edge/sensors/drivers/drivers.ts";
import type { ConnectionEvents } from "../../../edge/sensors/lines/line.ts";
import { concatBytes, encodeHex, encodeUtf8 } from "../../../ledger/bytes.ts";
import { Refusal } from "../../../ledger/errors.ts";
import { decodeClip } from "../../../ledger/kinds/clip.ts";
import type { Clip } from "../../../ledger/kinds/clip.ts";
import { sha256 } from "../../../ledger/sha256.ts";
import { nobleSigner } from "../../../ledger/signature.ts";
import { ManualClock } from "../../../platform/clock.ts";
import { silentLogger } from "../../../platform/log.ts";
import { MemoryFiles } from "../../../platform/memory-files.ts";
import type { FaultPlan } from "../../../platform/memory-files.ts";
import { opensslVerify } from "../../../platform/native-verify.ts";
import { seededRandom } from "../../../platform/random.ts";
import { MemoryLine } from "../agent-setup.ts";
import { ORIGIN, ScriptedHub } from "../delivery/scripted-hub.ts";
import { box, recording, u32 } from "./recording/fragmented-mp4.ts";
import { cameraAddress } from "./rtsp/scripted-rtsp.ts";
import { ScriptedDoors, ScriptedPrograms } from "./scripted-child.ts";
import { ScriptedDoor } from "./scripted-door.ts";
import { eventually } from "../../support/process.ts";
import { Scope } from "../../support/scope.ts";

const signer = nobleSigner(new Uint8Array(32).fill(9));
const TRUE_MS = Date.parse("2026-12-01T12:00:00Z");
const FOLDER = "/data/cameras/street";

let clock: ManualClock;
let hub: ScriptedHub;
let files: MemoryFiles;
let programs: ScriptedPrograms;
let doors: ScriptedDoors;
/** Hashes of all that was recorded, with the true times of its pictures. */
let recorded: Map<string, { number: number; bytes: number; fromMs: number; toMs: number }>;
/** How far the machine's clock is off, for the tests that set it wrong. */
let wrongMs: number;
const stops: (() => Promise<void>)[] = [];

beforeEach(async () => {
  clock = new ManualClock(TRUE_MS);
  hub = await ScriptedHub.open(clock);
  await disk(1);
  programs = new ScriptedPrograms();
  doors = new ScriptedDoors();
  recorded = new Map();
  wrongMs = 0;
});

afterEach(async () => {
  files.setFaults();
  files.powerOn();
  for (const stop of stops.splice(0)) await stop();
  await hub.close();
  expect(programs.running).toBe(0);
});

async function disk(seed: number): Promise<void> {
  files = new MemoryFiles(seededRandom(seed));
  await files.makeFolder("/data");
}

async function until(what: string, holds: () => boolean): Promise<void> {
  for (let turns = 0; turns < 4_000; turns++) {
    if (holds()) return;
    await clock.advance(50);
  }
  throw new Error(`it never came about: ${what}`);
}

interface Changes {
  readonly parts?: Partial<AgentParts>;
  readonly setup?: Partial<CameraSetup>;
}

interface Running {
  readonly agent: Agent;
  stop(): Promise<void>;
}

async function start({ parts = {}, setup = {} }: Changes = {}): Promise<Running> {
  const camera: CameraSetup = {
    name: "street",
    stream: "camera",
    access: {
      address: cameraAddress("rtsp://camera.example/1"),
      credentials: undefined,
      plainPassword: false,
      certificate: undefined,
      silentMs: 10_000,
    },
    segmentSeconds: 60,
    limits: { bytesMax: 1_000_000, ageMsMax: 86_400_000 },
    ...setup,
  };
  const ground: CameraGround = {
    device: "gate-1",
    folder: "/data/cameras",
    ffmpeg: "ffmpeg",
    openDoor: doors.open,
    startChild: programs.start,
    freeBytes: () => Promise.resolve(1e12),
    files,
    clock,
    random: seededRandom(4),
    logger: silentLogger,
  };
  const agent = await Agent.open({
    device: "gate-1",
    origin: ORIGIN,
    signer,
    policy: hub.policy,
    verify: opensslVerify,
    isRestricted: false,
    position: { lat: 51.5, lon: -3 },
    pack: { seconds: 10, readingsMax: 64 },
    outboxBytesMax: 1_000_000,
    waitingReadingsMax: 1_000,
    notBeforeMs: Date.parse("2026-11-01"),
    waitForSyncMs: 120_000,
    askTimeSync: () => Promise.resolve(undefined),
    sensors: [],
    makeCameras: (surroundings) => new Cameras([camera], ground, surroundings),
    gapStream: "camera",
    connectHub: (options) => hub.connect(options),
    dataFolder: "/data",
    files,
    clock,
    random: seededRandom(3),
    logger: silentLogger,
    ...parts,
  });
  const stopping = new AbortController();
  let isOver = false;
  const running = agent
    .run(stopping.signal)
    .catch(() => undefined)
    .then(() => {
      isOver = true;
    });
  const stop = async (): Promise<void> => {
    stopping.abort();
    await until("the agent stops", () => isOver);
    await running;
  };
  stops.push(stop);
  return { agent, stop };
}

/** The number of the segment that ffmpeg writes now. */
let growing = 0;

/** Waits until ffmpeg runs, and has it begin. */
async function begin(): Promise<void> {
  const before = programs.children.length;
  await until("ffmpeg runs", () => programs.running === 1);
  const { args } = programs.last.command;
  growing = Number(args[args.indexOf("-segment_start_number") + 1]);
  expect(programs.children.length).toBeGreaterThanOrEqual(before);
  doors.last.picture(clock.monotonicMs());
}

/** Records a segment of so many seconds; another begins at once. */
async function record(seconds = 10): Promise<void> {
  const fromMs = clock.nowMs() - wrongMs;
  await clock.advance(seconds * 1000);
  const toMs = clock.nowMs() - wrongMs;
  doors.last.picture(clock.monotonicMs());
  const number = growing;
  const bytes = await film(number, seconds);
  const hash = encodeHex(sha256(bytes));
  recorded.set(hash, { number, bytes: bytes.length, fromMs, toMs });
  growing += 1;
  const endSeconds = (clock.monotonicMs() - doors.last.firstPictureMs!) / 1000;
  programs.last.say(`${segmentName(number)},0.000000,${endSeconds.toFixed(6)}\n`);
  await clock.advance(200);
}

let films = 0;

/** Writes a recording that is like no other. */
async function film(number: number, seconds: number): Promise<Uint8Array> {
  const bytes = concatBytes(recording(seconds), box("free", u32((films += 1))));
  const file = await files.open(`${FOLDER}/${segmentName(number)}`);
  await file.append(bytes);
  await file.close();
  return bytes;
}

/** Clips in the log, in its order. */
function clips(): (Clip & { seq: number; stream: string })[] {
  return hub.statements().flatMap(({ statement }) => {
    if (statement.kind !== "clip") return [];
    const clip = decodeClip(statement.payload);
    if (clip instanceof Refusal) throw new Error(clip.text);
    return [{ ...clip, seq: statement.seq, stream: statement.stream }];
  });
}

const numbers = (): number[] =>
  clips().map((clip) => recorded.get(encodeHex(clip.sha256))?.number ?? NaN);

/** What stands beside a recording. */
async function beside(number: number): Promise<Record<string, unknown>> {
  const bytes = await files.read(`${FOLDER}/${recordName(number)}`);
  return JSON.parse(new TextDecoder().decode(bytes)) as Record<string, unknown>;
}

/** Every clip in the log is a recording that was made, as long as it was, within a second of when it was. */
function expectTrue(): void {
  for (const { sha256: hash, fromMs, toMs, bytes } of clips()) {
    const truth = recorded.get(encodeHex(hash));
    expect(truth).toBeDefined();
    expect(bytes).toBe(truth!.bytes);
    expect(Math.abs(fromMs - truth!.fromMs)).toBeLessThan(1_000);
    expect(Math.abs(toMs - truth!.toMs)).toBeLessThan(1_000);
  }
}

describe("what is recorded", () => {
  test("becomes a clip: camera, times, hash, length and type", async () => {
    hub.enrol("gate-1", signer, ["camera"]);
    const { agent } = await start();
    await begin();
    await record(10);
    await record(7);
    await until("both are in the log", () => clips().length === 2);
    expect(numbers()).toEqual([0, 1]);
    expectTrue();
    expect(clips()[0]).toMatchObject({ camera: "street", stream: "camera", type: "video/mp4" });
    const [first, second] = clips();
    expect(second!.fromMs).toBeGreaterThanOrEqual(first!.toMs - 5);
    expect(await beside(0)).toMatchObject({ signing: { state: "signed", seq: 0 } });
    expect(agent.status()).toMatchObject({
      counters: { clipsSigned: 2, clipsDropped: 0, clipsRefused: 0, statementsSigned: 0 },
      cameras: [{ camera: "street", state: "ok", recording: "on", segments: 2, waitingClips: 0 }],
    });
    await hub.seal();
    await until("it is let go", () => agent.status().oldestSeq === 2);
  });

  test("before the clock is believed waits, and then gets the times at which it was recorded", async () => {
    hub.enrol("gate-1", signer, ["camera"]);
    wrongMs = -TRUE_MS;
    clock.jump(-TRUE_MS);
    const { agent } = await start();
    await begin();
    await record();
    await record();
    expect(agent.status()).toMatchObject({ clockSource: "none", cameras: [{ waitingClips: 2 }] });
    clock.jump(TRUE_MS);
    wrongMs = 0;
    await until("both are in the log", () => clips().length === 2);
    expectTrue();
  });

  test("waits for the enrolment, in order", async () => {
    const { agent } = await start();
    await begin();
    for (let at = 0; at < 5; at++) await record();
    expect(agent.status()).toMatchObject({
      waitsFor: "not-enrolled",
      cameras: [{ waitingClips: 5 }],
    });
    hub.enrol("gate-1", signer, ["camera"]);
    await until("all are in the log", () => clips().length === 5);
    expect(numbers()).toEqual([0, 1, 2, 3, 4]);
    expectTrue();
  });

  test("last is signed when the agent is asked to end, and sent at its next start", async () => {
    hub.enrol("gate-1", signer, ["camera"]);
    const first = await start();
    await until("it is enrolled", () => first.agent.status().nextSeq === 0);
    await begin();
    await record();
    await until("it is in the log", () => clips().length === 1);
    const fromMs = clock.nowMs();
    await clock.advance(3_000);
    doors.last.picture(clock.monotonicMs());
    const bytes = await film(1, 3);
    recorded.set(encodeHex(sha256(bytes)), {
      number: 1,
      bytes: bytes.length,
      fromMs,
      toMs: clock.nowMs(),
    });
    programs.last.lastWords = () => programs.last.say(`${segmentName(1)},0.0,13.2\n`);
    await first.stop();
    expect(first.agent.status().counters.clipsSigned).toBe(2);
    await start();
    await until("both are in the log", () => clips().length === 2);
    expectTrue();
  });
});

describe("beside a sensor", () => {
  const line = new MemoryLine();
  const parts: Partial<AgentParts> = {
    pack: { seconds: 1, readingsMax: 2 },
    sensors: [
      {
        stream: "air",
        driverName: "sds011",
        address: "memory",
        driver: DRIVERS.get("sds011")!.create({}, { notBeforeMs: 0 }),
        connect: line.connect,
      },
    ],
  };

  test("packs of every second do not keep clips waiting", async () => {
    hub.enrol("gate-1", signer, ["air", "camera"]);
    const { agent } = await start({ parts });
    await until("it is enrolled", () => agent.status().nextSeq === 0);
    await begin();
    await record(1);
    // As many readings as a pack takes, twice between any two ticks.
    for (let turn = 0; turn < 40; turn++) {
      line.sds011(turn, turn);
      await clock.advance(500);
    }
    expect(agent.status().counters.statementsSigned).toBeGreaterThan(15);
    expect(agent.status().cameras![0]!.waitingClips).toBe(0);
    await until("it is in the log", () => clips().length === 1);
  });

  test("both are signed when the agent is asked to end", async () => {
    hub.enrol("gate-1", signer, ["air", "camera"]);
    const running = await start({ parts });
    const { agent } = running;
    await until("it is enrolled", () => agent.status().nextSeq === 0);
    await begin();
    await record(1);
    await until("a clip is signed", () => agent.status().counters.clipsSigned === 1);
    await clock.advance(1_000);
    await film(growing, 2);
    programs.last.lastWords = () => {
      line.sds011(7, 7);
      programs.last.say(`${segmentName(growing)},0.0,3.2\n`);
    };
    await running.stop();
    expect(agent.status()).toMatchObject({
      waitingReadings: 0,
      counters: { clipsSigned: 2, statementsSigned: 1 },
    });
  });
});

describe("obstacles", () => {
  test("a full outbox keeps clips waiting; when there is room they go on", async () => {
    hub.enrol("gate-1", signer, ["camera"]);
    const { agent } = await start({ parts: { outboxBytesMax: 4_000 } });
    await begin();
    await until("it is enrolled", () => agent.status().nextSeq === 0);
    hub.isSilent = true;
    for (let at = 0; at < 25; at++) await record();
    expect(agent.status().waitsFor).toBe("full");
    expect(agent.status().cameras![0]!.waitingClips).toBeGreaterThan(5);
    hub.isSilent = false;
    for (let round = 0; round < 60 && clips().length < 25; round++) {
      await clock.advance(5_000);
      await hub.seal();
    }
    expect(numbers()).toEqual(Array.from({ length: 25 }, (_, at) => at));
    expectTrue();
  });

  test("a recording that goes before it was signed is counted", async () => {
    const { agent } = await start({ setup: { limits: { bytesMax: 5_000, ageMsMax: 1e9 } } });
    await begin();
    for (let at = 0; at < 6; at++) await record();
    await until("the first have gone", () => agent.status().counters.clipsDropped > 0);
    hub.enrol("gate-1", signer, ["camera"]);
    await until("the rest is in the log", () => numbers().at(-1) === 5);
    expect(agent.status().counters.clipsDropped + clips().length).toBe(6);
  });

  test("a disk that takes nothing for cameras leaves sensors and statements alone", async () => {
    hub.enrol("gate-1", signer, ["air", "camera"]);
    let events: ConnectionEvents | undefined;
    const sensor = {
      stream: "air",
      driverName: "sds011",
      address: "memory",
      driver: DRIVERS.get("sds011")!.create({}, { notBeforeMs: 0 }),
      connect: (given: ConnectionEvents) => {
        events = given;
        return Promise.resolve({ write: () => true, close: () => Promise.resolve() });
      },
    };
    const { agent } = await start({ parts: { sensors: [sensor] } });
    await begin();
    await record();
    await until("the first is in the log", () => clips().length === 1);
    files.setFaults(({ path }) =>
      path.includes("/cameras/") && path.endsWith(".json") ? "undone" : undefined,
    );
    await record();
    await until("it is known", () => agent.status().cameras![0]!.recording === "disk-failed");
    const packs = (): number =>
      hub.statements().filter(({ statement }) => statement.kind === "readings").length;
    events!.bytes(Uint8Array.of(0xaa, 0xc0, 0xd4, 0x04, 0x3a, 0x0a, 0xa1, 0x60, 0x1d, 0xab));
    await until("a pack is in the log", () => packs() === 1);
    files.setFaults();
    await begin();
    await record();
    await until("it goes on", () => numbers().includes(growing - 1));
    expectTrue();
  });

  test("recordings that cannot be opened at the start are opened later", async () => {
    hub.enrol("gate-1", signer, ["camera"]);
    files.setFaults(({ path }) => (path.includes("/cameras") ? "undone" : undefined));
    const { agent } = await start();
    await until("it is known", () => agent.status().cameras![0]!.recording === "disk-failed");
    await clock.advance(10_000);
    expect(programs.children).toEqual([]);
    files.setFaults();
    await begin();
    await record();
    await until("it is in the log", () => clips().length === 1);
  });
});

describe("a chain that has to be mended", () => {
  test("clips behind a refused statement are signed anew, and found under their new number", async () => {
    hub.enrol("gate-1", signer, ["camera"]);
    const { agent } = await start();
    await begin();
    await record();
    await until("the first is in the log", () => clips().length === 1);
    // All three are signed before the hub sees any of them.
    hub.loginsToRefuse = 4;
    hub.cut();
    hub.refuse = ({ seq }) => (seq === 1 ? "malformed" : undefined);
    for (let at = 0; at < 3; at++) await record(2);
    await until("all are signed", () => agent.status().counters.clipsSigned === 4);
    expect(clips().length).toBe(1);
    await until("the others are in the log", () => clips().length === 3);
    await clock.advance(2_000);
    expect(numbers()).toEqual([0, 2, 3]);
    expectTrue();
    expect(agent.status().counters).toMatchObject({ gapsSigned: 1, statementsRenewed: 2 });
    expect(await beside(1)).toMatchObject({ signing: { state: "unsigned", reason: "refused" } });
    for (const clip of clips()) {
      const { number } = recorded.get(encodeHex(clip.sha256))!;
      expect(await beside(number)).toMatchObject({ signing: { state: "signed", seq: clip.seq } });
    }
  });

  test("a clip that was refused says so after a restart, though the note of it was lost with the power", async () => {
    hub.enrol("gate-1", signer, ["camera"]);
    const first = await start();
    await begin();
    await record();
    await until("the first is in the log", () => clips().length === 1);
    hub.refuse = ({ seq }) => (seq === 1 ? "malformed" : undefined);
    await record();
    await until("it is refused", () => first.agent.status().counters.nacks > 0);
    await record();
    await until("what comes behind is in the log", () => clips().length === 2);
    await clock.advance(2_000);
    const note = await beside(1);
    expect(note).toMatchObject({ signing: { state: "unsigned", reason: "refused" } });
    await first.stop();
    const path = `${FOLDER}/${recordName(1)}`;
    const lost = { ...note, signing: { state: "signed", seq: 1, statement: "00".repeat(32) } };
    await files.write(path, encodeUtf8(JSON.stringify(lost)));
    hub.refuse = () => undefined;
    await start();
    await clock.advance(5_000);
    expect(await beside(1)).toEqual(note);
    expect(numbers()).toEqual([0, 2]);
  });

  test("a clip that was torn off is signed again, though its recording was opened only behind the gap", async () => {
    hub.enrol("gate-1", signer, ["camera"]);
    const first = await start();
    await begin();
    await record();
    await until("it is in the log", () => clips().length === 1);
    hub.loginsToRefuse = Infinity;
    hub.cut();
    await record();
    await until("another is signed", () => first.agent.status().counters.clipsSigned === 2);
    await first.stop();
    const path = "/data/outbox/0000000000000000.outbox";
    const bytes = (await files.read(path))!;
    await files.write(path, bytes.subarray(0, bytes.length - 20));
    hub.loginsToRefuse = 0;
    files.setFaults(({ path: at }) => (at.includes("cameras") ? "undone" : undefined));
    const second = await start();
    await until("the gap is stored", () => second.agent.status().storedSeq > 1);
    files.setFaults();
    await until("both are in the log", () => clips().length === 2);
    expect(numbers()).toEqual([0, 1]);
    await clock.advance(2_000);
    expect(await beside(1)).toMatchObject({ signing: { state: "signed", seq: clips()[1]!.seq } });
  });

  test("a stream that the hub does not take: clips are refused, counted, and kept", async () => {
    hub.enrol("gate-1", signer, ["other"]);
    const { agent } = await start();
    await begin();
    await record();
    await until("it is refused", () => agent.status().counters.nacks > 0);
    await clock.advance(5_000);
    await record();
    await until("the next is not signed", () => agent.status().counters.clipsRefused > 0);
    expect(clips()).toEqual([]);
    expect(agent.status().cameras![0]!.segments).toBe(2);
  });
});

describe("a restricted device", () => {
  test("shows its clips, for there is no other form of them: who sets it up is asked before", async () => {
    hub.enrol("gate-1", signer, ["camera"], "restricted");
    await start({ parts: { isRestricted: true } });
    await begin();
    await record();
    await until("it is in the log", () => clips().length === 1);
    expect(hub.received).toEqual([{ seq: 0, outcome: "accepted" }]);
    expect(hub.preimages.size).toBe(0);
  });
});

describe("after a restart", () => {
  test("what was finished and not signed is signed if its time was known, and else never", async () => {
    const first = await start();
    await begin();
    await record();
    await clock.advance(2_000);
    await first.stop();
    files.crash();
    expect(await beside(0)).toMatchObject({
      signing: { state: "waiting" },
      toMs: expect.any(Number),
    });

    wrongMs = -TRUE_MS;
    clock.jump(-TRUE_MS);
    const second = await start();
    await begin();
    await record();
    await clock.advance(2_000);
    await second.stop();
    files.crash();
    clock.jump(TRUE_MS);
    wrongMs = 0;

    hub.enrol("gate-1", signer, ["camera"]);
    const third = await start();
    await begin();
    await record();
    await until("two are in the log", () => clips().length === 2);
    await clock.advance(5_000);
    expect(numbers()).toEqual([0, 2]);
    expectTrue();
    expect(await beside(1)).toMatchObject({ signing: { state: "unsigned", reason: "no-time" } });
    expect(third.agent.status().cameras).toMatchObject([{ segments: 3, waitingClips: 0 }]);
  });

  test("a clip that is in the log is not signed again, though the power went before that was noted", async () => {
    hub.enrol("gate-1", signer, ["camera"]);
    const first = await start();
    await until("it is enrolled", () => first.agent.status().nextSeq === 0);
    await begin();
    await record();
    await until("the first is in the log", () => clips().length === 1);
    let writes = 0;
    // Its times are written, and then nothing more.
    files.setFaults(({ kind, path }) =>
      kind === "write" && path.endsWith(recordName(1)) && (writes += 1) > 2 ? "undone" : undefined,
    );
    await record();
    await until("the second is in the log", () => clips().length === 2);
    expect(await beside(1)).toMatchObject({ notBeforeSeq: 1, signing: { state: "waiting" } });
    for (const stop of stops.splice(0)) await stop();
    files.crash();
    files.setFaults();
    const second = await start();
    await begin();
    await record();
    await until("the next is in the log", () => clips().length === 3);
    await clock.advance(5_000);
    expect(numbers().slice(0, 2)).toEqual([0, 1]);
    expect(clips()).toHaveLength(3);
    expect(await beside(1)).toMatchObject({ signing: { state: "signed", seq: 1 } });
    expect(second.agent.status().cameras).toMatchObject([{ waitingClips: 0 }]);
  });

  test("a clip that was noted as signed, and went with the power before it was on disk, is signed again", async () => {
    hub.enrol("gate-1", signer, ["camera"]);
    const first = await start();
    await until("it is enrolled", () => first.agent.status().nextSeq === 0);
    await begin();
    await record();
    await until("the first is in the log", () => clips().length === 1);
    files.setFaults(({ path }) => (path.includes("/outbox/") ? "undone" : undefined));
    await record();
    await clock.advance(3_000);
    expect(await beside(1)).toMatchObject({ signing: { state: "signed", seq: 1 } });
    for (const stop of stops.splice(0)) await stop();
    files.crash();
    files.setFaults();
    await start();
    await until("the second is in the log", () => clips().length === 2);
    await clock.advance(5_000);
    expect(numbers()).toEqual([0, 1]);
    expectTrue();
  });

  test("a time that lies ahead of the clock waits until it does not", async () => {
    const first = await start();
    await begin();
    await record();
    await clock.advance(2_000);
    await first.stop();
    clock.jump(-30_000);
    hub.enrol("gate-1", signer, ["camera"]);
    await start();
    await begin();
    await clock.advance(10_000);
    expect(clips()).toEqual([]);
    await until("it is in the log", () => clips().length === 1);
    expect(hub.received.every(({ outcome }) => outcome === "accepted")).toBe(true);
  });

  test("one fault at any disk operation: no clip is false, and none is in the log twice", async () => {
    for (const fault of ["undone", "done", "part", "power-cut"] as const) {
      let hits = 0;
      for (let at = 0; at < 36; at += 3) {
        await hub.close();
        hub = await ScriptedHub.open(clock);
        hub.enrol("gate-1", signer, ["camera"]);
        recorded.clear();
        await disk(at);
        const begun = files.operations;
        const plan: FaultPlan = ({ ordinal }) => {
          if (ordinal !== begun + at) return undefined;
          hits += 1;
          return fault;
        };
        files.setFaults(plan);
        const first = await start().catch(() => undefined);
        if (first !== undefined) await play(3);
        files.setFaults();
        for (const stop of stops.splice(0)) await stop();
        files.crash();
        await start();
        await play(2);
        await clock.advance(30_000);
        expectTrue();
        const hashes = clips().map((clip) => encodeHex(clip.sha256));
        expect(new Set(hashes).size, `${fault} at ${at}`).toBe(hashes.length);
        expect(hashes.length).toBeGreaterThan(0);
        for (const stop of stops.splice(0)) await stop();
      }
      expect(hits).toBeGreaterThanOrEqual(10);
    }
  }, 120_000);

  /** Records some segments, as far as the disk lets it. */
  async function play(count: number): Promise<void> {
    for (let at = 0; at < count; at++) {
      try {
        if (programs.running === 0) await begin();
        await record();
      } catch {
        // As ffmpeg does when it cannot write.
        if (programs.running > 0) programs.last.exit({ code: 1 });
        await clock.advance(5_000);
      }
    }
    await clock.advance(2_000);
  }
});

describe("what people see", () => {
  test("cameras stand in the live view, the worst first, without their addresses", async () => {
    hub.enrol("gate-1", signer, ["camera"]);
    await start();
    const view = (): { cameras?: { state: string }[] } =>
      JSON.parse(hub.states.at(-1) ?? "{}") as { cameras?: { state: string }[] };
    await begin();
    await record();
    await until("it is well", () => view().cameras?.[0]?.state === "ok");
    expect(view().cameras).toEqual([
      { camera: "street", stream: "camera", state: "ok", recording: "on" },
    ]);
    doors.last.fail({ state: "refused", text: "it refuses user name or password" });
    programs.last.exit();
    await until("it is refused", () => view().cameras?.[0]?.state === "refused");
    expect(hub.states.join("")).not.toContain("camera.example");
  });

  test("its live picture has a channel of its own, which is none of the log's business", async () => {
    hub.enrol("gate-1", signer, ["camera"]);
    const scope = new Scope();
    const door = new ScriptedDoor();
    await door.start(scope);
    const previewAddress = { url: door.url };
    const preview = { width: 640, framesPerSecond: 5 };
    const without = await start({ parts: { previewAddress } });
    expect(without.agent.status().preview).toBeUndefined();
    await without.stop();
    const running = await start({ parts: { previewAddress }, setup: { preview } });
    const shown = (): unknown => running.agent.status().preview;
    const soon = (what: string, holds: () => boolean): Promise<true> =>
      eventually(what, async () => {
        await clock.advance(100);
        return holds() ? true : undefined;
      });
    await begin();
    await record();
    await soon("the list", () => door.texts.length > 0);
    (await door.connection()).send('{"start":0}');
    await soon("the transcoder", () => programs.running === 2);
    await soon("it is well", () => running.agent.status().preview?.cameras[0]?.state === "ok");
    expect(shown()).toMatchObject({ isConnected: true, cameras: [{ isWatched: true }] });
    const before = hub.statements().length;
    programs.last.say(new Uint8Array(188).fill(0x47));
    await soon("the picture", () => door.pictures.length > 0);
    (await door.connection()).send('{"stop":0}');
    await soon("the end of the transcoder", () => programs.running === 1);
    expect(hub.statements().length).toBe(before);
    await running.stop();
    await scope.end();
  });
});
