/** Which names ports go by: the one that stays, also with two adapters that cannot be told apart. */

import { expect, test } from "vitest";
import { findSerialPorts } from "../../../../edge/sensors/lines/serial-ports.ts";
import type { DeviceNames } from "../../../../edge/sensors/lines/serial-ports.ts";

/** A /dev with these links, by path, and these devices. */
function deviceNames(links: Record<string, string>, devices: string[]): DeviceNames {
  const paths = [...Object.keys(links), ...devices];
  return {
    list: (folder) =>
      Promise.resolve(
        paths
          .filter((path) => path.startsWith(`${folder}/`))
          .map((path) => path.slice(folder.length + 1))
          .filter((name) => !name.includes("/"))
          .toSorted(),
      ),
    target: (path) => Promise.resolve(links[path] ?? devices.find((device) => device === path)),
  };
}

const CH340 = "/dev/serial/by-id/usb-1a86_USB_Serial-if00-port0";
const FTDI = "/dev/serial/by-id/usb-FTDI_FT232R_A10KZP45-if00-port0";
const SOCKET_1 = "/dev/serial/by-path/platform-fd500000.pcie-usb-0:1.1:1.0-port0";
const SOCKET_2 = "/dev/serial/by-path/platform-fd500000.pcie-usb-0:1.2:1.0-port0";

test("a port goes by its adapter's own name", async () => {
  const names = deviceNames({ [FTDI]: "/dev/ttyUSB0", [SOCKET_1]: "/dev/ttyUSB0" }, [
    "/dev/ttyUSB0",
    "/dev/ttyS0",
    "/dev/null",
  ]);
  expect(await findSerialPorts(names)).toEqual([
    { path: FTDI, device: "/dev/ttyUSB0", namedBy: "id" },
  ]);
});

test("two adapters with serial numbers are two names, whichever was plugged in first", async () => {
  const other = FTDI.replace("A10KZP45", "B77");
  const devices = ["/dev/ttyUSB0", "/dev/ttyUSB1"];
  const before = deviceNames({ [FTDI]: devices[0]!, [other]: devices[1]! }, devices);
  const after = deviceNames({ [FTDI]: devices[1]!, [other]: devices[0]! }, devices);
  const pathsOf = async (names: DeviceNames): Promise<string[]> =>
    (await findSerialPorts(names)).map(({ path }) => path);
  expect(await pathsOf(before)).toEqual([FTDI, other]);
  expect(await pathsOf(after)).toEqual([FTDI, other]);
});

test("two adapters with one name go by their sockets, both of them", async () => {
  const names = deviceNames(
    { [CH340]: "/dev/ttyUSB1", [SOCKET_1]: "/dev/ttyUSB0", [SOCKET_2]: "/dev/ttyUSB1" },
    ["/dev/ttyUSB0", "/dev/ttyUSB1"],
  );
  expect(await findSerialPorts(names)).toEqual([
    { path: SOCKET_1, device: "/dev/ttyUSB0", namedBy: "path" },
    { path: SOCKET_2, device: "/dev/ttyUSB1", namedBy: "path" },
  ]);
});

test("the pins of a board, and adapters that udev does not name", async () => {
  const names = deviceNames({ "/dev/serial0": "/dev/ttyAMA0" }, ["/dev/ttyACM3", "/dev/ttyAMA0"]);
  expect(await findSerialPorts(names)).toEqual([
    { path: "/dev/serial0", device: "/dev/ttyAMA0", namedBy: "board" },
    { path: "/dev/ttyACM3", device: "/dev/ttyACM3", namedBy: "device" },
  ]);
});

test("a machine without serial ports has none", async () => {
  expect(await findSerialPorts(deviceNames({}, []))).toEqual([]);
});
