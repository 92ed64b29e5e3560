/** Places on the WGS 84 globe: how far two are apart, and the middle of many. Pure. */

/** Degrees; south and west are negative. */
export interface Place {
  readonly lat: number;
  readonly lon: number;
}

/** Mean radius of the Earth in metres (IUGG). On a sphere distances are wrong by half a percent at most. */
const EARTH_RADIUS_M = 6_371_008.8;

/** Metres between two places along the surface, by the haversine formula: exact also for near ones. */
export function metresBetween(a: Place, b: Place): number {
  const [latA, latB] = [radians(a.lat), radians(b.lat)];
  const haversine =
    Math.sin((latB - latA) / 2) ** 2 +
    Math.cos(latA) * Math.cos(latB) * Math.sin(radians(b.lon - a.lon) / 2) ** 2;
  return 2 * EARTH_RADIUS_M * Math.asin(Math.min(1, Math.sqrt(haversine)));
}

/**
 * The median of latitudes and that of longitudes; throws for none.
 *
 * Fewer than half of the places, however wrong, do not carry it away. Longitudes are compared beside the first, so that
 * places on both sides of 180° have their middle there and not on the other side of the Earth.
 */
export function medianPlace(places: readonly Place[]): Place {
  const [first] = places;
  if (first === undefined) throw new RangeError("no places have no median");
  const lon = first.lon + median(places.map((place) => turn(place.lon - first.lon)));
  return { lat: median(places.map(({ lat }) => lat)), lon: turn(lon) };
}

/** The same angle from -180 to 180 degrees; what is within stays as it is, to the bit. */
function turn(degrees: number): number {
  return Math.abs(degrees) <= 180 ? degrees : degrees - 360 * Math.round(degrees / 360);
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

function radians(degrees: number): number {
  return (degrees * Math.PI) / 180;
}
