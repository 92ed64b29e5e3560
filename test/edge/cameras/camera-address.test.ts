import { expect, test } from "vitest";
import { parseCameraAddress } from "../../../edge/cameras/camera-address.ts";
import { withoutDoor } from "../../../edge/cameras/player.ts";
import { cameraAddress } from "./rtsp/scripted-rtsp.ts";

test.each([
  [
    "rtsp://cam/live?user=admin&password=hunter2&ch=1",
    "rtsp://cam/live?user=***&password=***&ch=1",
  ],
  ["rtsp://cam/user=admin&password=hunter2&ch=1", "rtsp://cam/user=***&password=***&ch=1"],
  ["rtsp://cam/user=admin_password=hunter2_ch=1", "rtsp://cam/user=***"],
  ["rtsp://cam/live?PWD=hunter2/4711?x", "rtsp://cam/live?PWD=***"],
  ["rtsp://cam/live?channel=1&subtype=0", "rtsp://cam/live?channel=1&subtype=0"],
])("%s is asked as it is, and shown without what is secret", (url, shown) => {
  expect(parseCameraAddress(url)).toMatchObject({ url, shown });
});

test("a player's words show neither the door's word nor the camera's password", () => {
  const address = cameraAddress("rtsp://cam/live?user=admin&password=hunter2");
  const door = { playerUrl: "rtsp://127.0.0.1:4321/00ff" };
  const said = `${door.playerUrl}/1: method SETUP failed for ${address.url}`;
  expect(withoutDoor(said, door, { address })).toBe(
    `${address.shown}/1: method SETUP failed for ${address.shown}`,
  );
});
