"""A running astd as its clients see it."""
import json
import os
import signal
import socket
import threading
import time

from machine import REPOSITORY, Trouble, program, until
from servers import SOURCE


class Daemon:
    """`astd run` with the shipped model, and every record it sends with its time of arrival.

    With `several`, a configuration file among the options names sources and hop.
    """

    def __init__(self, home, source=f"pulse:{SOURCE}", hop=0.5, options=(), prefix=(), variables=None, several=False,
                 model=REPOSITORY / "models/default"):
        self.home, self.hop = home, hop
        self.directory = home.path / "astd"
        self.process = home.start(
            [*prefix, program("astd"), "run", *([] if several else ["--source", source, "--hop", hop]), "--model", model,
             "--adapters-dir", home.path, "--runtime-dir", self.directory, *options], "astd", **(variables or {}))
        self.records = []
        self.moments = []
        self.until_served()
        self.stream = self.connect("events.sock")
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def serves(self):
        self.alive()
        try:
            for name in ("astd.sock", "events.sock"):
                self.connect(name).close()
            return True
        except OSError:
            return False

    def alive(self):
        if self.process.poll() is not None:
            raise Trouble(f"astd ended with {self.process.returncode}:\n{self.home.said('astd')}")

    def connect(self, name):
        client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            client.connect(str(self.directory / name))
        except OSError:
            client.close()
            raise
        return client

    def read(self):
        for line in self.stream.makefile("rb"):
            moment = time.monotonic()
            self.records.append(json.loads(line))
            self.moments.append(moment)

    def until_served(self):
        """Waits until both sockets accept new clients."""
        until("astd's sockets", self.serves)

    def ask(self, method, **parameters):
        with self.connect("astd.sock") as client:
            request = {"jsonrpc": "2.0", "id": 1, "method": method, "params": parameters}
            client.sendall(json.dumps(request).encode() + b"\n")
            for line in client.makefile("rb"):
                reply = json.loads(line)
                if reply.get("id") == 1:
                    if "error" in reply:
                        raise Trouble(f"{method}: {reply['error']['message']}")
                    return reply["result"]
        raise Trouble(f"{method}: astd closed the connection")

    def wait(self, what, matches, since=0, seconds=120):
        """The first record from number `since` on that matches, and its time of arrival."""
        seen = since

        def look():
            nonlocal seen
            while seen < len(self.moments):
                seen += 1
                if matches(self.records[seen - 1]):
                    return True
            self.alive()
            return False
        until(what, look, seconds)
        return self.records[seen - 1], self.moments[seen - 1]

    def source(self, state, since=0, name=None):
        """The first record of this state; of one of several sources if a name is given."""
        return self.wait(f"a source{' ' + name if name else ''} that is {state}",
                         lambda record: record["type"] == "source" and record["state"] == state
                         and name in (None, record.get("source")), since)

    def wait_for_sound(self, since=0, name=None):
        """The first prediction that is not silent; of one of several sources if a name is given."""
        return self.wait(f"a prediction of the played clip{' by ' + name if name else ''}",
                         lambda record: record["type"] == "prediction" and (record["level_dbfs"] or -99) > -60
                         and name in (None, record.get("source")), since)

    def figures(self):
        """Threads, open files and kilobytes of anonymous memory."""
        folder = f"/proc/{self.process.pid}"
        with open(f"{folder}/status", encoding="ascii") as status:
            lines = dict(line.split(":", 1) for line in status)
        return int(lines["Threads"]), len(os.listdir(f"{folder}/fd")), int(lines["RssAnon"].split()[0])

    def end(self):
        """Stops it with SIGTERM."""
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(timeout=60)
        if self.process.returncode != 0:
            raise Trouble(f"astd ended with {self.process.returncode}:\n{self.home.said('astd')}")
        self.home.end(self.process)
        self.reader.join(timeout=10)
