"""A camera that is none of our making: GStreamer's RTSP server with a test picture, for tests of the edge agent.

Prints one line of JSON with its port when it listens, and takes orders on standard input, one a line: `hang` (the
connection stays, no picture comes any more), `go-on`, and `drop` (all connections are cut). Ends with its input.
"""

import argparse
import json
import random
import sys
import threading

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtsp", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtsp, GstRtspServer  # noqa: E402


def pipeline(options):
    """The picture: a ball that moves, and no two pictures of it with the same colour."""
    rate = options.rate
    video = (
        f"videotestsrc name=view is-live=true pattern={options.pattern} ! "
        f"video/x-raw,format=I420,width={options.width},height={options.height},framerate={rate}/1 ! "
        f"openh264enc gop-size={options.key_every} bitrate={options.bitrate} ! "
        "identity name=gate ! rtph264pay name=pay0 pt=96 config-interval=-1"
    )
    if not options.sound:
        return f"( {video} )"
    return f"( {video} audiotestsrc is-live=true ! audioconvert ! alawenc ! rtppcmapay name=pay1 pt=8 )"


class Camera:
    """The server, and what the orders do to it."""

    def __init__(self, options):
        self.hangs = False
        self.server = GstRtspServer.RTSPServer()
        self.server.set_address("127.0.0.1")
        self.server.set_service(str(options.port))
        factory = GstRtspServer.RTSPMediaFactory()
        factory.set_launch(pipeline(options))
        factory.set_shared(options.shared)
        factory.connect("media-configure", self.configured)
        if options.user:
            self.protect(factory, options)
        self.server.get_mount_points().add_factory(options.path, factory)
        self.server.attach(None)

    def protect(self, factory, options):
        """Asks for a user name and a password, by the scheme that was ordered."""
        token = GstRtspServer.RTSPToken()
        token.set_string("media.factory.role", "viewer")
        auth = GstRtspServer.RTSPAuth()
        if options.basic:
            auth.set_supported_methods(GstRtsp.RTSPAuthMethod.BASIC)
            auth.add_basic(GstRtspServer.RTSPAuth.make_basic(options.user, options.password), token)
        else:
            auth.set_supported_methods(GstRtsp.RTSPAuthMethod.DIGEST)
            auth.add_digest(options.user, options.password, token)
        self.server.set_auth(auth)
        permissions = GstRtspServer.RTSPPermissions()
        permissions.add_permission_for_role("viewer", "media.factory.access", True)
        permissions.add_permission_for_role("viewer", "media.factory.construct", True)
        factory.set_permissions(permissions)

    def configured(self, _factory, media):
        element = media.get_element()
        element.get_by_name("view").set_property("foreground-color", random.getrandbits(24) | 0xFF000000)
        gate = element.get_by_name("gate")
        pad = gate.get_static_pad("src")
        pad.add_probe(Gst.PadProbeType.BUFFER, self.passes)

    def passes(self, _pad, _info):
        return Gst.PadProbeReturn.DROP if self.hangs else Gst.PadProbeReturn.OK

    def obey(self, order):
        if order == "hang":
            self.hangs = True
        elif order == "go-on":
            self.hangs = False
        elif order == "drop":
            self.server.client_filter(lambda _server, _client: GstRtspServer.RTSPFilterResult.REMOVE)
        return False


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--path", default="/street")
    parser.add_argument("--user")
    parser.add_argument("--password", default="")
    parser.add_argument("--basic", action="store_true")
    parser.add_argument("--sound", action="store_true")
    parser.add_argument("--shared", action="store_true", help="one picture for all: who comes later joins in the middle")
    parser.add_argument("--pattern", default="ball")
    parser.add_argument("--width", type=int, default=320)
    parser.add_argument("--height", type=int, default=240)
    parser.add_argument("--rate", type=int, default=10)
    parser.add_argument("--bitrate", type=int, default=200_000)
    parser.add_argument("--key-every", type=int, default=5)
    options = parser.parse_args()
    Gst.init(None)
    camera = Camera(options)
    loop = GLib.MainLoop()

    def listen_to_orders():
        for line in sys.stdin:
            GLib.idle_add(camera.obey, line.strip())
        GLib.idle_add(loop.quit)

    threading.Thread(target=listen_to_orders, daemon=True).start()
    print(json.dumps({"port": camera.server.get_bound_port()}), flush=True)
    loop.run()


if __name__ == "__main__":
    main()
