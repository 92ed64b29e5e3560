/** Where a device stands, asked of whoever sits at the terminal: a place that is wrong stays in the log for ever. */

import type { Place } from "../place/place.ts";
import type { Questions } from "./questions.ts";

const QUESTION = "Where does the device stand? Latitude and longitude, such as 51.5877, -2.9935: ";
const EXPLANATION =
  "Two numbers are expected, in degrees with a decimal point; south and west are negative.\n";
/** Apart stand a comma, a semicolon or blanks. `51,58 -2,99` has decimal commas, and is nobody's two numbers. */
const FORM = /^(?<lat>[-+]?\d+(?:\.\d+)?)(?:\s*[,;]\s*|\s+)(?<lon>[-+]?\d+(?:\.\d+)?)$/;
const TRIES = 5;

/** Asks until a place was given and confirmed; `undefined` where nobody answers, or not with a place. */
export async function askPlace(
  questions: Questions,
  write: (text: string) => void,
): Promise<Place | undefined> {
  if (!questions.canAsk) return undefined;
  for (let tries = 0; tries < TRIES; tries++) {
    const answer = await questions.ask(QUESTION);
    if (answer === "") return undefined;
    const place = parsePlace(answer);
    if (place === undefined) write(EXPLANATION);
    else if (await questions.agree(`Latitude ${place.lat}, longitude ${place.lon}: is that right?`))
      return place;
  }
  return undefined;
}

/** Reads two numbers; `undefined` where they are none, or no place on Earth. */
export function parsePlace(text: string): Place | undefined {
  const groups = FORM.exec(text.trim())?.groups;
  const [lat, lon] = [Number(groups?.["lat"]), Number(groups?.["lon"])];
  return Math.abs(lat) <= 90 && Math.abs(lon) <= 180 ? { lat, lon } : undefined;
}
