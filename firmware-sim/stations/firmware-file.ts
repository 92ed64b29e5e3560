/**
 * The firmware of a station, loaded and ready to run.
 */
import { resolve } from "node:path";
import { decodeUtf8 } from "../../ledger/bytes.ts";
import { needRegularFile } from "../../platform/given-file.ts";
import { ATMEGA328P } from "../avr/atmega328p.ts";
import { type FlashImage, parseIntelHex } from "../avr/intel-hex.ts";
import type { FirmwarePlan } from "../scenario/station-plan.ts";
import type { FeedSource } from "./feed.ts";

/** Ten times what a full flash takes. What is larger is something else, or has no end. */
const BYTES_MAX = 1024 * 1024;

/** Loads a station's firmware. Gives a sentence where it cannot be run; disk errors are thrown. */
export async function loadFirmware(
  { file }: FirmwarePlan,
  { files, folder }: Pick<FeedSource, "files" | "folder">,
): Promise<FlashImage | string[]> {
  const path = resolve(folder, file);
  await needRegularFile(files, path);
  const bytes = await files.readRange(path, 0, BYTES_MAX + 1);
  if (bytes === undefined) return [`there is no file ${file}`];
  if (bytes.length > BYTES_MAX)
    return [`${file} is no Intel HEX: it has more than ${BYTES_MAX} bytes`];
  if (bytes[0] === 0x7f)
    return [`${file} is no Intel HEX; make it of this ELF file with avr-objcopy -O ihex`];
  const text = decodeUtf8(bytes);
  if (text === undefined) return [`${file} is no Intel HEX`];
  if (/^S\d[0-9A-Fa-f]{6}/.test(text))
    return [`${file} is no Intel HEX; make it of these S-records with avr-objcopy -I srec -O ihex`];
  const image = parseIntelHex(text, ATMEGA328P.flash);
  return typeof image === "string" ? [`${file}: ${image}`] : image;
}
