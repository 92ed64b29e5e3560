/**
 * The Transport header of RTSP (RFC 2326, section 12.39): which way packets go to a viewer.
 *
 * Only one viewer at a time behind each (`unicast`). A `destination` is not heeded, or anybody could have a camera pour
 * its packets over somebody else.
 */

/** How packets go: in frames of the connection, with a channel each for RTP and RTCP, or to two UDP ports. */
export type RtspTransport =
  | { readonly kind: "frames"; readonly rtp: number; readonly rtcp: number }
  | { readonly kind: "udp"; readonly rtp: number; readonly rtcp: number };

/** Chooses the first offer that can be met; `undefined` where there is none. */
export function chooseTransport(header: string): RtspTransport | undefined {
  for (const offer of header.split(",")) {
    const transport = parseOffer(offer);
    if (transport !== undefined) return transport;
  }
  return undefined;
}

/** Formats what was chosen. `ports` are the camera's own, for UDP. */
export function formatTransport(
  transport: RtspTransport,
  ssrc: number,
  ports: readonly [rtp: number, rtcp: number],
): string {
  const { kind, rtp, rtcp } = transport;
  const way =
    kind === "frames"
      ? `RTP/AVP/TCP;unicast;interleaved=${rtp}-${rtcp}`
      : `RTP/AVP;unicast;client_port=${rtp}-${rtcp};server_port=${ports[0]}-${ports[1]}`;
  return `${way};ssrc=${ssrc.toString(16).toUpperCase().padStart(8, "0")}`;
}

function parseOffer(offer: string): RtspTransport | undefined {
  const [profile = "", ...parameters] = offer.split(";").map((part) => part.trim());
  if (parameters.includes("multicast")) return undefined;
  switch (profile.toUpperCase()) {
    case "RTP/AVP/TCP": {
      const channels = rangeOf(parameters, "interleaved", 255);
      const isOpen = !parameters.some((parameter) => parameter.startsWith("interleaved="));
      if (channels !== undefined) return { kind: "frames", ...channels };
      return isOpen ? { kind: "frames", rtp: 0, rtcp: 1 } : undefined;
    }
    case "RTP/AVP":
    case "RTP/AVP/UDP": {
      const ports = rangeOf(parameters, "client_port", 65_535);
      return ports === undefined || ports.rtp === 0 ? undefined : { kind: "udp", ...ports };
    }
    default:
      return undefined;
  }
}

/** Two numbers, or one with the next one going without saying. */
function rangeOf(
  parameters: readonly string[],
  name: string,
  most: number,
): { rtp: number; rtcp: number } | undefined {
  const text = parameters.find((parameter) => parameter.startsWith(`${name}=`));
  const match = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(text?.slice(name.length + 1) ?? "");
  if (match === null) return undefined;
  const rtp = Number(match[1]);
  const rtcp = match[2] === undefined ? rtp + 1 : Number(match[2]);
  return rtp <= most && rtcp <= most ? { rtp, rtcp } : undefined;
}
