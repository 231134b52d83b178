"""Servers of streams without hardware: RTSP cameras, an Icecast station, and a program that writes to a FIFO. Each can
be killed, stopped (SIGSTOP) and brought back."""
import os
import signal
import socket
import threading

from machine import REPOSITORY, Missing, until


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def listens(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


class Station:
    """What all have in common: a pipe that the daemon reads."""

    def __init__(self, home, name):
        self.home, self.name = home, name
        self.pipe = home.path / f"{name}.pipe"
        os.mkfifo(self.pipe, 0o600)
        self.is_stopped = False

    @property
    def source(self):
        return f"pipe:{self.pipe}"

    def kill(self):
        for process in self.processes:
            self.home.end(process)

    def stall(self):
        self.is_stopped = True
        for process in self.processes:
            process.send_signal(signal.SIGSTOP)

    def restore(self):
        if self.is_stopped:
            for process in self.processes:
                process.send_signal(signal.SIGCONT)
        else:
            self.start()
        self.is_stopped = False

    def close(self):
        pass


class Fetched(Station):
    """A stream that systemd/astd-stream copies into the pipe, started again as by the service manager."""

    def __init__(self, home, name):
        super().__init__(home, name)
        self.is_over = threading.Event()
        self.port = free_port()
        self.start()
        self.supervisor = threading.Thread(target=self.supervise, daemon=True)
        self.supervisor.start()

    def supervise(self):
        while not self.is_over.is_set():
            script = self.home.start([REPOSITORY / "systemd/astd-stream", self.pipe], f"{self.name}-stream",
                                     URL=self.url)
            while script.poll() is None and not self.is_over.wait(0.1):
                pass
            self.home.end(script)
            self.is_over.wait(1)

    def close(self):
        self.is_over.set()
        self.supervisor.join()


class Camera(Fetched):
    format = 8000, 1

    @property
    def url(self):
        return f"rtsp://127.0.0.1:{self.port}/live"

    def start(self):
        python = "/usr/bin/python3"  # Debian's, which has python3-gi
        camera = self.home.start([python, REPOSITORY / "tools/faults/camera.py", self.port], self.name)
        self.processes = [camera]
        until(f"the RTSP server {self.name}", lambda: listens(self.port) or self.failed(camera))

    def failed(self, camera):
        if camera.poll() is not None:
            raise Missing(f"apt-get install python3-gi gir1.2-gst-rtsp-server-1.0 gstreamer1.0-plugins-good: "
                          f"{self.home.said(self.name, 1)}")


class Radio(Fetched):
    format = 16000, 1  # that of the clip

    def __init__(self, home, name, clip):
        self.clip = clip
        super().__init__(home, name)

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}/live.mp3"

    def start(self):
        folder = self.home.path / self.name
        folder.mkdir(exist_ok=True)
        folder.chmod(0o777)  # Icecast does not run as root.
        self.home.path.chmod(0o711)
        configuration = folder / "icecast.xml"
        configuration.write_text(
            "<icecast><limits><sources>2</sources></limits><authentication>"
            "<source-password>hackme</source-password><admin-user>admin</admin-user>"
            "<admin-password>hackme</admin-password></authentication><hostname>localhost</hostname>"
            f"<listen-socket><port>{self.port}</port><bind-address>127.0.0.1</bind-address></listen-socket>"
            f"<paths><basedir>{folder}</basedir><logdir>{folder}</logdir><webroot>/usr/share/icecast2/web</webroot>"
            "<adminroot>/usr/share/icecast2/admin</adminroot></paths>"
            "<logging><errorlog>error.log</errorlog><accesslog>access.log</accesslog></logging>"
            "<security><chroot>0</chroot><changeowner><user>nobody</user><group>nogroup</group></changeowner></security>"
            "</icecast>")
        server = self.home.start(["icecast2", "-c", configuration], self.name)
        until("Icecast", lambda: listens(self.port))
        sender = self.home.start(
            ["ffmpeg", "-nostdin", "-v", "error", "-re", "-stream_loop", "-1", "-i", self.clip, "-c:a", "libmp3lame",
             "-f", "mp3", f"icecast://source:hackme@127.0.0.1:{self.port}/live.mp3"], f"{self.name}-sender")
        self.processes = [sender, server]


class Writer(Station):
    """A program that writes a WAV stream to the pipe in real time."""
    format = 16000, 1

    def __init__(self, home, name, clip):
        self.clip = clip
        super().__init__(home, name)
        self.start()

    def start(self):
        self.processes = [self.home.start(
            ["ffmpeg", "-nostdin", "-v", "error", "-y", "-re", "-stream_loop", "-1", "-i", self.clip, "-ar", "16000",
             "-ac", "1", "-c:a", "pcm_s16le", "-flush_packets", "1", "-f", "wav", self.pipe], self.name)]
