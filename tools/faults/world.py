"""A sound server, a clip that is played to it, and a daemon that records it."""
import time

import ledger
from daemon import Daemon
from machine import REPOSITORY, Home, Trouble, until
from servers import Player, PulseAudio

CLIP = REPOSITORY / "models/default/examples/siren.flac"


class World:
    clocked = (None,)  # names of the sources whose samples keep step with the clock

    def __init__(self, server=PulseAudio, is_late=False, sinks=(), prepare=None, **daemon):
        self.home = Home()
        self.player = self.daemon = None
        try:
            self.server = server(self.home)
            if not is_late:
                self.server.start()
                for sink in sinks:
                    self.server.load(sink)
            self.daemon = Daemon(self.home, **daemon, **(prepare(self.home) if prepare else {}))
            if is_late:
                until("a lost source", lambda: self.daemon.ask("status")["source"]["state"] == "lost")
                self.server.start()
            self.player = Player(self.server, CLIP, ["demo", *sinks])
            self.daemon.wait_for_sound()
        except BaseException:
            self.close()
            raise

    def mark(self):
        """The number of the next record."""
        return len(self.daemon.moments)

    def back(self, since):
        """Waits until the source is healthy and returns the seconds since its return."""
        _, moment = self.daemon.source("healthy", since)
        return moment - self.server.returned

    def settle(self):
        """Waits until all records have arrived and add up to the counters of `status`."""
        for _ in range(20):
            differences = ledger.agrees(list(self.daemon.records), self.daemon.ask("status"))
            if not differences:
                return
            time.sleep(0.3)
        raise Trouble("; ".join(differences))

    def close(self):
        if self.player:
            self.player.close()
        self.home.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
