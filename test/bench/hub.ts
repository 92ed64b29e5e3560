/** A hub under measurement: made afresh, running as its own process. */

import { MeasuredProgram, runToEnd } from "./program.ts";

export const ORIGIN = "bench.invalid/log";

export interface MeasuredHub {
  readonly program: MeasuredProgram;
  readonly folder: string;
  readonly mqttPort: number;
  readonly httpPort: number;
}

/** Makes a log and runs a hub on it. Blocks are long, so that a measurement is not cut by a seal unless it wants to. */
export async function startHub(folder: string, blockSeconds = 300): Promise<MeasuredHub> {
  const data = `${folder}/hub`;
  const seconds = String(blockSeconds);
  await runToEnd(["hub", "init", "--data", data, "--origin", ORIGIN, "--block-seconds", seconds]);
  const program = new MeasuredProgram([
    "hub",
    "run",
    "--data",
    data,
    "--mqtt-port",
    "0",
    "--http-port",
    "0",
    "--log-level",
    "warn",
  ]);
  const [, port] = await program.line(/^MQTT .*:(\d+)$/);
  const [, http] = await program.line(/^HTTP .*:(\d+)$/);
  return { program, folder: data, mqttPort: Number(port), httpPort: Number(http) };
}
