import { expect, test } from "vitest";
import { chooseTransport, formatTransport } from "../../../firmware-sim/camera/rtsp-transport.ts";

test.each([
  ["RTP/AVP/TCP;unicast;interleaved=2-3", { kind: "frames", rtp: 2, rtcp: 3 }],
  ["RTP/AVP/TCP;unicast;interleaved=4", { kind: "frames", rtp: 4, rtcp: 5 }],
  ["RTP/AVP/TCP", { kind: "frames", rtp: 0, rtcp: 1 }],
  ["RTP/AVP;unicast;client_port=5000-5001", { kind: "udp", rtp: 5000, rtcp: 5001 }],
  ["rtp/avp/udp; unicast; client_port=5000", { kind: "udp", rtp: 5000, rtcp: 5001 }],
  [
    "RTP/AVP;multicast;client_port=5000-5001, RTP/AVP/TCP;unicast;interleaved=0-1",
    { kind: "frames", rtp: 0, rtcp: 1 },
  ],
  ["RTP/AVP;multicast;client_port=5000-5001", undefined],
  ["RTP/AVP;unicast", undefined],
  ["RTP/AVP;unicast;client_port=0-1", undefined],
  ["RTP/AVP;unicast;client_port=65535", undefined],
  ["RTP/AVP/TCP;interleaved=255", undefined],
  ["RTP/AVP/TCP;interleaved=x", undefined],
  ["RAW/RAW/UDP;client_port=5000-5001", undefined],
  ["", undefined],
])("of the offer %s a camera takes %j", (offer, expected) => {
  expect(chooseTransport(offer)).toEqual(expected);
});

test("what was chosen is said with the camera's own ports and who sends", () => {
  expect(formatTransport({ kind: "udp", rtp: 5000, rtcp: 5001 }, 0xab, [6000, 6001])).toBe(
    "RTP/AVP;unicast;client_port=5000-5001;server_port=6000-6001;ssrc=000000AB",
  );
  expect(formatTransport({ kind: "frames", rtp: 0, rtcp: 1 }, 1, [6000, 6001])).toBe(
    "RTP/AVP/TCP;unicast;interleaved=0-1;ssrc=00000001",
  );
});
