#!/usr/bin/env python3
"""A receiver of webhooks for tests: answers as the first part of the path says, and prints each request as JSON.

    http_endpoint.py [CERTIFICATE KEY]

/ok/... answers 200, /status/N... that status, /redirect/... to /ok on the same address, /hang/... never, and /flood/...
1 GB. The first line of the output is the port. `answered` is the number of bytes that the client let pass.
"""
import http.server
import json
import ssl
import sys
import threading

lock = threading.Lock()


def show(**record):
    with lock:
        print(json.dumps(record), flush=True)


class Endpoint(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"] or 0))
        show(path=self.path, headers=dict(self.headers), body=body.decode())
        kind = self.path.split("/")[1]
        if kind == "hang":
            threading.Event().wait()
        elif kind == "status":
            self.answer(int(self.path.split("/")[2]))
        elif kind == "redirect":
            self.answer(302, Location=f"http://127.0.0.1:{self.server.server_port}/ok/redirected")
        elif kind == "flood":
            self.flood()
        else:
            self.answer(200)

    def flood(self):
        self.send_response(200)
        self.end_headers()
        sent = 0
        try:
            for _ in range(1000):
                self.wfile.write(bytes(1_000_000))
                sent += 1_000_000
        except OSError:
            pass
        self.close_connection = True
        show(path=self.path, answered=sent)

    def answer(self, status, **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *arguments):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Endpoint)
server.daemon_threads = True
if len(sys.argv) == 3:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*sys.argv[1:])
    server.socket = context.wrap_socket(server.socket, server_side=True)
print(server.server_port, flush=True)
server.serve_forever()
