"""A client of astd.sock that sends one request at a time."""
import json
import socket


class Refused(Exception):
    """The daemon's error reply: code and message."""


class Client:
    def __init__(self, path: str, timeout: float = 300):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(path)  # Blocking: it waits while the daemon's queue of connections is full.
        self.socket.settimeout(timeout)
        self.lines = self.socket.makefile("rb")
        self.hello = self.next()
        self.number = 0

    def next(self) -> dict:
        line = self.lines.readline()
        if not line:
            raise ConnectionError("the daemon closed the connection")
        return json.loads(line)

    def ask(self, method: str, params: dict | None = None, files: list[int] = ()) -> dict:
        """The result; ignores lines before it."""
        self.number += 1
        request = {"jsonrpc": "2.0", "id": self.number, "method": method, "params": params or {}}
        line = json.dumps(request).encode() + b"\n"
        if files:
            socket.send_fds(self.socket, [line], list(files))
        else:
            self.socket.sendall(line)
        while True:
            message = self.next()
            if message.get("id") != self.number:
                continue
            if "error" in message:
                raise Refused(message["error"]["code"], message["error"]["message"])
            return message["result"]

    def close(self):
        self.lines.close()
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
