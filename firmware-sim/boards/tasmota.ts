/**
 * A board with Tasmota: one JSON object with a part for each sensor at `tele/NAME/SENSOR`, every five minutes.
 *
 * Time without a zone first, the parts in the order of Tasmota's drivers, units last. Climate is an AM2301's, or a BME280's
 * where pressure is measured; dust an SDS011's; carbon dioxide an MH-Z19B's.
 */
import { encodeUtf8 } from "../../ledger/bytes.ts";
import type { Values } from "../models/model.ts";
import type { BoardMessage, MessageBoard, Presence } from "./board.ts";

/** One board. */
export class TasmotaBoard implements MessageBoard {
  readonly address: string;
  readonly presence: Presence;
  readonly #topic: string;
  readonly #quantities: readonly string[] | undefined;

  /** `name` is the board's own topic, such as `kitchen`; it speaks of all that is measured, or of these quantities. */
  constructor(name: string, quantities?: readonly string[]) {
    this.#topic = `tele/${name}`;
    this.#quantities = quantities;
    this.address = `mqtt:${this.#topic}/SENSOR`;
    this.presence = { online: [this.#will("Online")], offline: this.#will("Offline") };
  }

  report(values: Values, timeMs: number): BoardMessage[] {
    const parts = [...this.#climate(values), ...this.#gas(values), ...this.#dust(values)];
    if (parts.length === 0) return [];
    const time = new Date(timeMs).toISOString().slice(0, 19);
    const units = [
      ...(parts.some((part) => part.includes('"Pressure"')) ? ['"PressureUnit":"hPa"'] : []),
      ...(parts.some((part) => part.includes('"Temperature"')) ? ['"TempUnit":"C"'] : []),
    ];
    const text = `{${[`"Time":"${time}"`, ...parts, ...units].join(",")}}`;
    return [this.#message("SENSOR", text, false)];
  }

  #climate(values: Values): string[] {
    const temp = this.#measured(values, "temp");
    const rh = this.#measured(values, "rh");
    const pressure = this.#measured(values, "pressure");
    if (temp === undefined || rh === undefined) return [];
    const air = `"Temperature":${temp.toFixed(1)},"Humidity":${rh.toFixed(1)},"DewPoint":${dewPoint(temp, rh).toFixed(1)}`;
    if (pressure === undefined) return [`"AM2301":{${air}}`];
    return [`"BME280":{${air},"Pressure":${pressure.toFixed(1)}}`];
  }

  #gas(values: Values): string[] {
    const co2 = this.#measured(values, "co2");
    if (co2 === undefined) return [];
    // The temperature is that of its own warm inside.
    const inside = (this.#measured(values, "temp") ?? 20) + 4;
    return [
      `"MHZ19B":{"Model":"B","CarbonDioxide":${Math.round(co2)},"Temperature":${inside.toFixed(1)}}`,
    ];
  }

  #dust(values: Values): string[] {
    const pm25 = this.#measured(values, "pm25");
    const pm10 = this.#measured(values, "pm10");
    if (pm25 === undefined || pm10 === undefined) return [];
    return [`"SDS0X1":{"PM2.5":${pm25.toFixed(1)},"PM10":${pm10.toFixed(1)}}`];
  }

  #measured(values: Values, quantity: string): number | undefined {
    return (this.#quantities?.includes(quantity) ?? true) ? values[quantity] : undefined;
  }

  #will(word: string): BoardMessage {
    return this.#message("LWT", word, true);
  }

  #message(leaf: string, text: string, isRetained: boolean): BoardMessage {
    const topic = `${this.#topic}/${leaf}`;
    return { bytes: encodeUtf8(text), to: { kind: "publish", topic, isRetained } };
  }
}

/** By the Magnus formula, with the constants that Tasmota takes. */
function dewPoint(temp: number, rh: number): number {
  const gamma = Math.log(Math.max(rh, 0.1) / 100) + (17.625 * temp) / (243.04 + temp);
  return (243.04 * gamma) / (17.625 - gamma);
}
