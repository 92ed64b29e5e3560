/**
 * Which serial ports there are, each by the name that stays its own when sensors are plugged in again.
 *
 * udev names a USB adapter by maker, model and serial number (`/dev/serial/by-id`), and by the socket that it is plugged
 * into (`by-path`). Two adapters of one model without serial numbers have one name by id, which leads to either of them:
 * then all ports go by socket. Nothing is opened here.
 */

/** How device names are looked up. */
export interface DeviceNames {
  /** Names in a folder; none where it does not exist. */
  list(folder: string): Promise<readonly string[]>;
  /** What a path leads to in the end; `undefined` where there is nothing. */
  target(path: string): Promise<string | undefined>;
}

/** A serial port. */
export interface FoundPort {
  /** What to write into the settings. */
  readonly path: string;
  /** The device behind it, such as /dev/ttyUSB0. */
  readonly device: string;
  /** What the name follows; `device` is a number that may change with the order of plugging in. */
  readonly namedBy: "id" | "path" | "board" | "device";
}

const BY_ID = "/dev/serial/by-id";
const BY_PATH = "/dev/serial/by-path";
/** The port on a Raspberry Pi's own pins. */
const BOARD = "/dev/serial0";
const USB_DEVICE = /^tty(USB|ACM)\d+$/;

/** Finds the ports of this machine, in order of name. */
export async function findSerialPorts(names: DeviceNames): Promise<FoundPort[]> {
  const byId = await linksIn(names, BY_ID);
  const byPath = await linksIn(names, BY_PATH);
  const plain = (await names.list("/dev")).filter((name) => USB_DEVICE.test(name));
  const devices = new Set([
    ...byId.keys(),
    ...byPath.keys(),
    ...plain.map((name) => `/dev/${name}`),
  ]);
  const isShared = [...byPath.keys()].some((device) => !byId.has(device));
  const ports = [...devices].map((device): FoundPort => {
    const id = byId.get(device);
    const path = byPath.get(device);
    if (id !== undefined && (path === undefined || !isShared))
      return { path: id, device, namedBy: "id" };
    if (path !== undefined) return { path, device, namedBy: "path" };
    return { path: device, device, namedBy: "device" };
  });
  const board = await names.target(BOARD);
  if (board !== undefined && !devices.has(board))
    ports.push({ path: BOARD, device: board, namedBy: "board" });
  return ports.toSorted((a, b) => (a.path < b.path ? -1 : 1));
}

/** The links of a folder by the device that they lead to; of several the first. */
async function linksIn(names: DeviceNames, folder: string): Promise<Map<string, string>> {
  const links = new Map<string, string>();
  for (const name of await names.list(folder)) {
    const device = await names.target(`${folder}/${name}`);
    if (device !== undefined && !links.has(device)) links.set(device, `${folder}/${name}`);
  }
  return links;
}
