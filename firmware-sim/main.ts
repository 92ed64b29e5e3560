/**
 * `kerbstone sim`: opens the boards of a scenario or of the command line, says where they are, and runs them. With a hub it
 * runs virtual devices instead (fleet-command.ts).
 */
import { dirname, resolve } from "node:path";
import type { ProgramIo } from "../platform/lifecycle.ts";
import { UserError } from "../platform/user-error.ts";
import { describeByFlags, readSimCommand, simHelp, type SimRequest } from "./command.ts";
import { runFleet } from "./fleet-command.ts";
import { isFleetCommand } from "./fleet-flags.ts";
import { District, type StationEnd } from "./stations/district.ts";
import { parseScenario, readScenario } from "./scenario/scenario.ts";
import { readScenarioText, scenarioError } from "./scenario/scenario-text.ts";
import type { Station } from "./stations/station.ts";
import type { Scenario } from "./scenario/station-plan.ts";
import { formatEnd, formatListening, formatNotice, formatReady, formatSeed } from "./sim-output.ts";

/**
 * Runs the simulation until the signal, or until every recording has been played.
 *
 * Gives 0, or 1 when a board lost its line. Throws a `UserError` for what was asked wrongly.
 */
export async function run(io: ProgramIo): Promise<number> {
  if (isFleetCommand(io.argv)) return runFleet(io);
  const request = readSimCommand(io.argv);
  if (request === undefined) {
    io.stdout.write(simHelp());
    return 0;
  }
  const { scenario, folder } = await loadScenario(request, io);
  const seed = scenario.seed ?? Math.floor(io.random.unit() * 2 ** 32);
  const district = await District.open(scenario, {
    seed,
    clock: io.clock,
    files: io.files,
    folder,
  });
  io.stdout.write(formatSeed(seed, request.json));
  for (const station of district.stations) io.stdout.write(formatListening(station, request.json));
  io.stdout.write(formatReady(district.stations.length, request.json));
  const ended = (end: StationEnd): void => {
    io.stdout.write(formatEnd(end, request.json));
    if (end.error !== undefined)
      io.stderr.write(`${end.station.plan.name}: ${end.error.message}\n`);
  };
  const noticed = (station: Station, sentence: string): void => {
    const output = request.json ? io.stdout : io.stderr;
    output.write(formatNotice(station, sentence, request.json));
  };
  const ends = await district.run(io.signal, ended, noticed);
  return ends.some((end) => end.error !== undefined) ? 1 : 0;
}

async function loadScenario(
  request: SimRequest,
  io: ProgramIo,
): Promise<{ scenario: Scenario; folder: string }> {
  if (request.scenario === undefined) {
    const scenario = readScenario(request.values);
    if (Array.isArray(scenario)) {
      throw new UserError(scenario.map(describeByFlags).join("\n"), {
        hint: "kerbstone sim --help says what there is; --scenario takes all boards from a file.",
      });
    }
    return { scenario, folder: io.cwd };
  }
  const text = await readScenarioText(io.files, io.cwd, request.scenario);
  if (/^\s*\[\[\s*devices\s*\]\]/m.test(text)) {
    throw new UserError(`${request.scenario} has devices: --hub says where their hub is.`);
  }
  const scenario = parseScenario(text, request.values);
  if (Array.isArray(scenario)) throw scenarioError(request.scenario, scenario);
  return { scenario, folder: dirname(resolve(io.cwd, request.scenario)) };
}
