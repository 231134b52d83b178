"""Real sound servers without hardware: the monitor of a null sink is the microphone."""
import signal
import socket
import threading
import time

from machine import Trouble, until

SINK = "demo"
SOURCE = f"{SINK}.monitor"


class Server:
    """What PulseAudio and PipeWire have in common: the socket, pactl, signals."""

    def __init__(self, home):
        self.home = home
        self.socket = home.path / "pulse" / "native"
        self.returned = 0.0

    def answers(self):
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
            try:
                probe.connect(str(self.socket))
                return True
            except OSError:
                return False

    def pactl(self, *words, check=True):
        return self.home.call(["pactl", f"--server=unix:{self.socket}", *words], check)

    def back(self):
        """Records when the server or source returned."""
        self.returned = time.monotonic()

    def stand_still(self):
        self.process.send_signal(signal.SIGSTOP)

    def go_on(self):
        self.process.send_signal(signal.SIGCONT)
        self.back()

    def recorders(self):
        return self.pactl("list", "short", "source-outputs").splitlines()

    def module(self, sink):
        for line in self.pactl("list", "short", "modules").splitlines():
            if f"sink_name={sink}" in line:
                return line.split("\t")[0]
        raise Trouble(f"no module made the sink {sink}")

    def load(self, sink=SINK):
        self.pactl("load-module", "module-null-sink", f"sink_name={sink}", *self.sink_options)
        self.back()

    def unload(self, sink=SINK):
        self.pactl("unload-module", self.module(sink))


class PulseAudio(Server):
    sink_options = ("rate=48000", "channels=2", "norewinds=1")

    def start(self):
        self.process = self.home.start(
            ["pulseaudio", "-n", "--daemonize=no", "--exit-idle-time=-1", "--use-pid-file=no", "--realtime=no",
             "--high-priority=no", "-L", "module-native-protocol-unix",
             "-L", " ".join(["module-null-sink", f"sink_name={SINK}", *self.sink_options])], "pulseaudio")
        until("PulseAudio", self.answers)
        self.back()

    def kill(self):
        self.home.end(self.process)

    def leave(self):
        """Asks the server to exit."""
        self.pactl("exit")
        self.process.wait(timeout=60)
        self.home.end(self.process)


class PipeWire(Server):
    """PipeWire with its PulseAudio server and a private D-Bus, without which WirePlumber links nothing."""
    sink_options = ("rate=48000", "channels=2")

    def start(self):
        bus = self.home.path / "bus"
        self.home.environment["DBUS_SESSION_BUS_ADDRESS"] = f"unix:path={bus}"
        self.bus = self.home.start(["dbus-daemon", "--session", "--nofork", "--nopidfile", f"--address=unix:path={bus}"],
                                   "dbus-daemon")
        until("D-Bus", bus.exists)
        self.core = self.home.start(["pipewire"], "pipewire")
        until("PipeWire", (self.home.path / "pipewire-0").exists)
        self.policy = self.home.start(["wireplumber"], "wireplumber")
        self.begin_pulse()

    def begin_pulse(self):
        self.process = self.home.start(["pipewire-pulse"], "pipewire-pulse")
        until("pipewire-pulse", self.answers)
        self.back()
        until("pipewire-pulse's pactl", lambda: self.pactl("info", check=False))
        if SOURCE not in self.pactl("list", "short", "sources"):
            self.load()

    def kill(self):
        """Kills the part that implements PulseAudio's protocol, and with it its sinks."""
        self.home.end(self.process)

    def kill_all(self):
        for process in (self.process, self.policy, self.core, self.bus):
            self.home.end(process)
        for name in ("bus", "pipewire-0"):
            (self.home.path / name).unlink(missing_ok=True)


class Player:
    """Plays a clip repeatedly, whenever there is a sink."""

    def __init__(self, server, clip, sinks=(SINK,)):
        self.server, self.clip, self.sinks = server, clip, sinks
        self.is_over = threading.Event()
        self.players = {}
        self.threads = [threading.Thread(target=self.play, args=(sink,), daemon=True) for sink in sinks]
        for thread in self.threads:
            thread.start()

    def play(self, sink):
        while not self.is_over.is_set():
            player = self.server.home.start(
                ["paplay", f"--server=unix:{self.server.socket}", f"--device={sink}", self.clip], "paplay")
            self.players[sink] = player
            while player.poll() is None and not self.is_over.wait(0.05):
                pass
            self.server.home.end(player)
            self.is_over.wait(0.1)

    def close(self):
        self.is_over.set()
        for thread in self.threads:
            thread.join()
