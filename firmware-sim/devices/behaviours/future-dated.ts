/** A device whose clock runs ahead, or that wants to stop the log's: blocks may not be older than what is in them. */
import { encodePack } from "../../../ledger/senml.ts";
import type { Desk, Misbehaviour } from "./desk.ts";

const HOUR_SECONDS = 3600;

/** See the head of the file. */
export const futureDated: Misbehaviour = async (desk, turn) => {
  await desk.contact();
  const deeds = [signAhead, signFarAhead, measureAhead];
  await deeds[turn % deeds.length]!(desk);
  await desk.goOn();
};

async function signAhead(desk: Desk): Promise<void> {
  const { bytes } = desk.sign({ iat: desk.iat + HOUR_SECONDS });
  desk.expectRefusal("signed-ahead", await desk.refusalOf(bytes), "future");
}

async function signFarAhead(desk: Desk): Promise<void> {
  const { bytes } = desk.sign({ iat: Number.MAX_SAFE_INTEGER });
  desk.expectRefusal("signed-far-ahead", await desk.refusalOf(bytes), "future");
}

async function measureAhead(desk: Desk): Promise<void> {
  const { name, place } = desk.parts.identity;
  const reading = { quantity: "pm25", unit: "ug/m3", value: 7, time: desk.iat + HOUR_SECONDS };
  const { bytes } = desk.sign({ payload: encodePack(name, place, [reading]) });
  desk.expectRefusal("measured-ahead", await desk.refusalOf(bytes), "future");
}
