"""An RTSP server with one stream of sound, /live: G.711 at 8 kHz, as cameras have it. Usage: camera.py PORT"""
import sys

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtspServer  # noqa: E402

Gst.init(None)
server = GstRtspServer.RTSPServer()
server.set_service(sys.argv[1])
factory = GstRtspServer.RTSPMediaFactory()
factory.set_launch("( audiotestsrc is-live=true wave=ticks volume=0.5 ! audio/x-raw,rate=8000,channels=1 "
                   "! alawenc ! rtppcmapay name=pay0 pt=8 )")
factory.set_shared(True)
server.get_mount_points().add_factory("/live", factory)
server.attach(None)
GLib.MainLoop().run()
