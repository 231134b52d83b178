#!/usr/bin/env python3
"""A receiver of mail for tests: accepts everything, and prints each line that it receives.

The first line of the output is the port.
"""
import socketserver


class Endpoint(socketserver.StreamRequestHandler):
    def say(self, line):
        self.wfile.write(f"{line}\r\n".encode())

    def handle(self):
        self.say("220 test")
        is_data = False
        for received in self.rfile:
            line = received.decode().rstrip("\r\n")
            print(line, flush=True)
            if is_data:
                if line == ".":
                    is_data = False
                    self.say("250 accepted")
            elif line.upper() == "DATA":
                is_data = True
                self.say("354 continue")
            elif line.upper() == "QUIT":
                self.say("221 bye")
                return
            else:
                self.say("250 ok")


with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Endpoint) as server:
    server.daemon_threads = True
    print(server.server_address[1], flush=True)
    server.serve_forever()
