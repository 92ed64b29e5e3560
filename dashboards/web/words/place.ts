/** Positions as text. */

/** Decimals of a degree: about one metre. */
const DECIMALS = 5;

/** Writes WGS 84 degrees: "51.58° N, 2.99° W", with spaces that do not break. */
export function formatPosition(lat: number, lon: number): string {
  return `${degrees(lat, "N", "S")}, ${degrees(lon, "E", "W")}`;
}

function degrees(value: number, positive: string, negative: string): string {
  const rounded = Number(Math.abs(value).toFixed(DECIMALS));
  // No line is broken between a number and its direction.
  return `${rounded}°\u00a0${value < 0 ? negative : positive}`;
}
