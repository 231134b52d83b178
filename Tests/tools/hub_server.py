#!/usr/bin/env python3
"""A small Hugging Face hub for test_fetch_model.sh: python hub_server.py FOLDER

Serves FOLDER/OWNER/NAME/FILE as /OWNER/NAME/resolve/REVISION/FILE, and lists of files as /api/models/OWNER/NAME/tree/REVISION. Large files (*.safetensors) are in a store, a server
at another port of this machine; the hub redirects to it and describes the files in headers. The name of a repository
selects its behaviour: `private` requires the token, `gated` is forbidden, `cut` closes the connection in the middle once,
`norange` does not support ranges, `busy` answers 503 once, `wrong` describes another file, `moved` has another name.
Prints the two ports; writes one line per request to FOLDER/log.
"""

import hashlib
import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote

ROOT = Path(sys.argv[1])
TOKEN = "Bearer hf_secret"
happened = set()


def once(what):
    """True the first time."""
    new = what not in happened
    happened.add(what)
    return new


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_HEAD(self):
        self.answer(body=False)

    def do_GET(self):
        self.answer(body=True)

    def answer(self, body):
        with (ROOT / "log").open("a") as log:
            token = "token" if "Authorization" in self.headers else "open"
            log.write(f"{self.server.role} {self.command} {self.path} {token} {self.headers.get('Range', '-')}\n")
        parts = [unquote(part) for part in self.path.split("?")[0].strip("/").split("/")]
        if self.server.role == "store":
            # Like a signed address: accepts GET only, and rejects a token.
            allowed = body and "Authorization" not in self.headers
            return self.file(ROOT.joinpath(*parts), parts, body) if allowed else self.plain(400)
        if parts[:2] == ["api", "models"] and parts[4:5] == ["tree"] and body:
            return self.tree(ROOT / parts[2] / parts[3])
        if len(parts) not in (5, 6) or parts[2] != "resolve" or parts[3] not in ("main", "refs/pr/1"):
            return self.plain(404)
        owner, name, _, revision, *names = parts
        file = "/".join(names)
        if name == "moved":
            return self.plain(307, Location=f"/{owner}/model/resolve/{revision}/{file}")
        if "private" in name and self.headers.get("Authorization") != TOKEN:
            return self.plain(401)
        if "gated" in name:
            return self.plain(401 if "open" in name else 403, **{"X-Error-Code": "GatedRepo"})
        if "busy" in name and once(("busy", name)):
            return self.plain(503)
        path = ROOT / owner / name / file
        if not path.is_file():
            return self.plain(404)
        if path.suffix != ".safetensors":
            return self.file(path, parts, body)
        contents = path.read_bytes() + (b"more" if "wrong" in name else b"")
        return self.plain(
            302,
            Location=f"http://127.0.0.1:{STORE.server_port}/{owner}/{name}/{file}?signature=1",
            **{
                "X-Linked-Size": str(len(path.read_bytes())),
                "X-Linked-ETag": f'"{hashlib.sha256(contents).hexdigest()}"',
            },
        )

    def tree(self, folder):
        """The list of a repository's files, as the hub's interface returns it."""
        files = [{"type": "file", "path": str(path.relative_to(folder))} for path in folder.rglob("*") if path.is_file()]
        contents = json.dumps(files, separators=(",", ":")).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(contents)))
        self.end_headers()
        self.wfile.write(contents)

    def plain(self, status, **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def file(self, path, parts, body):
        contents = path.read_bytes()
        first = 0
        asked = self.headers.get("Range", "")
        if asked.startswith("bytes=") and not any("norange" in part for part in parts):
            first = int(asked.removeprefix("bytes=").split("-")[0])
            if first >= len(contents):
                return self.plain(416)
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {first}-{len(contents) - 1}/{len(contents)}")
        else:
            self.send_response(200)
        self.send_header("Content-Length", str(len(contents) - first))
        self.send_header("ETag", f'"{hashlib.sha1(contents).hexdigest()}"')
        self.end_headers()
        if not body:
            return None
        if any("cut" in part for part in parts) and path.suffix == ".safetensors" and once(("cut", str(path))):
            self.wfile.write(contents[first : first + len(contents) // 2])
            self.close_connection = True
            return None
        self.wfile.write(contents[first:])
        return None

    def log_message(self, *_):
        pass


class Server(ThreadingHTTPServer):
    def handle_error(self, request, client_address):
        """Ignores clients that disconnect, as some tests do."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


def server(role):
    made = Server(("127.0.0.1", 0), Handler)
    made.role = role
    return made


STORE, HUB = server("store"), server("hub")
threading.Thread(target=STORE.serve_forever, daemon=True).start()
print(HUB.server_port, STORE.server_port, flush=True)
HUB.serve_forever()
