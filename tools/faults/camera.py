"""An RTSP server with one stream of sound, /live: G.711 at 8 kHz, as cameras have it. Usage: camera.py PORT

With $CAMERA_USER and $CAMERA_PASSWORD, clients must name them (digest authentication, as cameras have it).
"""
import os
import sys

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtsp", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtsp, GstRtspServer  # noqa: E402

ROLE = "viewer"


def protect(server, factory, user, password):
    """Refuses clients without this user and password."""
    permissions = GstRtspServer.RTSPPermissions()
    for permission in (GstRtspServer.RTSP_PERM_MEDIA_FACTORY_ACCESS, GstRtspServer.RTSP_PERM_MEDIA_FACTORY_CONSTRUCT):
        permissions.add_permission_for_role(ROLE, permission, True)
    factory.set_permissions(permissions)
    token = GstRtspServer.RTSPToken()
    token.set_string(GstRtspServer.RTSP_TOKEN_MEDIA_FACTORY_ROLE, ROLE)
    auth = GstRtspServer.RTSPAuth()
    auth.set_supported_methods(GstRtsp.RTSPAuthMethod.DIGEST)
    auth.add_digest(user, password, token)
    server.set_auth(auth)


Gst.init(None)
rtsp = GstRtspServer.RTSPServer()
rtsp.set_service(sys.argv[1])
live = GstRtspServer.RTSPMediaFactory()
live.set_launch("( audiotestsrc is-live=true wave=ticks volume=0.5 ! audio/x-raw,rate=8000,channels=1 "
                "! alawenc ! rtppcmapay name=pay0 pt=8 )")
live.set_shared(True)
if os.environ.get("CAMERA_USER"):
    protect(rtsp, live, os.environ["CAMERA_USER"], os.environ["CAMERA_PASSWORD"])
rtsp.get_mount_points().add_factory("/live", live)
rtsp.attach(None)
GLib.MainLoop().run()
