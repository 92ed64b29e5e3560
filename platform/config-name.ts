/**
 * The three names of a setting: in the file, in the environment, on the command line.
 */

/** The way to a setting or to a value in it: names of tables in camelCase, numbers for places in lists. */
export type SettingPath = readonly (string | number)[];

/** Writes a path as TOML does, with indices for lists of tables: `sensors[0].port`. */
export function formatPath(path: SettingPath): string {
  return path
    .map((key, i) => (typeof key === "number" ? `[${key}]` : i === 0 ? key : `.${key}`))
    .join("");
}

/** Names the flag of a setting, without hyphens in front: `mqtt-port`. */
export function flagName(path: readonly string[]): string {
  return path
    .map((name) => words(name).join("-"))
    .join("-")
    .toLowerCase();
}

/** Names the environment variable of a setting: `KERBSTONE_HUB_MQTT_PORT`. */
export function variableName(prefix: string, path: readonly string[]): string {
  return [prefix, ...path.map((name) => words(name).join("_"))].join("_").toUpperCase();
}

/** Takes a camelCase name apart. */
function words(name: string): string[] {
  return name.split(/(?<=[a-z0-9])(?=[A-Z])/);
}
