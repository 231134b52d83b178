#!/usr/bin/env python3
"""The gateway's page in headless Chromium, used as a person would: make test-page.

Real programs only: a private PulseAudio server, astd with the included model, astd-gateway, Chromium. The history has a day
with 2,000 events and a row for each minute. axe-core checks every view, in light and dark, on a desktop and a phone.

    PYTHON_WITH_AXE test_page.py [live|spectrum|timeline|control|losses|keyboard|looks]...

Needs chromium, chromedriver and pulseaudio (Debian: chromium chromium-driver pulseaudio pulseaudio-utils), and
test_page.txt in the Python that runs it.
"""
import datetime
import json
import os
import random
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

from browser import Browser

REPOSITORY = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("ASTD_BUILD", REPOSITORY / ".build/release"))
MODELS = REPOSITORY / "models"
SOUNDS = MODELS / "default/examples"
SHOTS = REPOSITORY / ".build/page-shots"
HOSTILE = "<img src=x onerror=alert(1)>\"'&=1+1 with a name that is longer than any column of the page is wide"
LABELS = ["Speech", "Music", "Siren", "Alarm", "Percussion", "Noise", HOSTILE]
SIZES = {"desktop": (1280, 900), "phone": (360, 780)}


def free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def passed(what):
    print("  ok   ", what, flush=True)


def expect(found, wanted, what):
    assert found == wanted, f"{what}: {found!r}, not {wanted!r}"


class Program:
    """A process with its output in a file."""

    def __init__(self, name, command, folder):
        self.name, self.command, self.folder = name, [str(part) for part in command], folder
        self.process = None

    def start(self):
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("ASTD_", "PULSE_"))}
        with (self.folder / f"{self.name}.log").open("ab") as log:
            self.process = subprocess.Popen(
                self.command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env=environment | {"XDG_RUNTIME_DIR": str(self.folder), "HOME": str(self.folder)})
        return self

    def end(self, how=signal.SIGTERM):
        if self.process and self.process.poll() is None:
            self.process.send_signal(how)
            self.process.wait(60)


class House:
    """The programs of the test: a sound server, a daemon with clips and an adapter, a gateway."""

    def __init__(self, folder):
        self.folder = folder
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        (folder / "clips").mkdir()
        self.set_daemon(spectrum=True)
        (folder / "adapters").mkdir()
        (folder / "adapters/alarms").symlink_to(MODELS / "alarms")
        (folder / "gateway.yaml").write_text(
            f"node: home\ndaemons: {{kitchen: {folder}/astd}}\n"
            f"history: {{path: {folder}/history.sqlite, clips: [{folder}/clips]}}\n"
            f'http: {{listen: "127.0.0.1:{self.port}", control: true}}\n')
        self.pulse = Program("pulseaudio", [
            "pulseaudio", "-n", "--daemonize=no", "--exit-idle-time=-1", "--use-pid-file=no", "--realtime=no",
            "--high-priority=no", "-L", "module-native-protocol-unix",
            "-L", "module-null-sink sink_name=room rate=48000 channels=2 norewinds=1"], folder)
        self.daemon = Program("astd", [
            BUILD / "astd", "run", "--config", folder / "astd.yaml", "--source", "pulse:room.monitor", "--hop", "0.5",
            "--runtime-dir", folder / "astd", "--model", MODELS / "default"], folder)
        self.gateway = Program(
            "gateway", [BUILD / "astd-gateway", "run", "--config", folder / "gateway.yaml"], folder)
        self.player = None

    def set_daemon(self, spectrum):
        (self.folder / "astd.yaml").write_text(
            f"clips: {{directory: {self.folder}/clips, post_seconds: 0.5}}\ndetection: {{deny: [Silence, Noise]}}\n"
            f"adapters_dir: {self.folder}/adapters\nspectrum: {str(spectrum).lower()}\n")

    def get(self, path):
        with urllib.request.urlopen(self.url + path, timeout=30) as answer:
            return json.load(answer)

    def until(self, what, condition, seconds=90):
        end = time.monotonic() + seconds
        while True:
            try:
                if found := condition():
                    return found
            except OSError:
                pass
            if time.monotonic() > end:
                logs = "\n".join((self.folder / f"{name}.log").read_text()[-800:] for name in ["astd", "gateway"])
                raise SystemExit(f"FAIL not within {seconds} s: {what}\n{logs}")
            time.sleep(0.1)

    def start_gateway(self):
        self.gateway.start()
        self.until("the gateway answers", lambda: self.get("/api/status"))

    def play(self, name, times=1):
        """Plays a sound into the room, without waiting for its end."""
        self.quiet()
        script = f'trap "kill \\$!; exit" TERM; for n in $(seq {times}); do paplay --device=room {SOUNDS / name}.flac & wait $!; done'
        self.player = Program("paplay", ["bash", "-c", script], self.folder).start()

    def quiet(self):
        if self.player:
            self.player.end()

    def end(self):
        for program in [self.player, self.gateway, self.daemon, self.pulse]:
            if program:
                program.end()


def yesterday():
    return datetime.datetime.now().replace(hour=0, minute=0, second=0, microsecond=0) - datetime.timedelta(days=1)


def fill(folder):
    """A day with 2,000 events and the scores of each minute. One event at three has a clip: a siren."""
    dice = random.Random(20)
    midnight = int(yesterday().timestamp() * 1000)
    database = sqlite3.connect(folder / "history.sqlite")
    for number in range(2000):
        label = LABELS[-1] if number == 1500 else dice.choices(LABELS[:-1], [40, 25, 5, 6, 9, 15])[0]
        begin = midnight + int(86_000_000 * number / 2000) + dice.randrange(20000)
        # From two to five it is quiet.
        if 7_200_000 <= begin - midnight < 18_000_000:
            label = "Speech"
        length = int(1000 * dice.choice([1, 2, 4, 8, 20]) * dice.uniform(.8, 1.2))
        database.execute(
            "INSERT INTO events (daemon, event, run, label, begin_ms, end_ms, start_sample, end_sample, peak)"
            " VALUES ('kitchen', ?, '00000000000000aa', ?, ?, ?, 0, 1, ?)",
            (f"00000000000000aa-{number}", label, begin, begin + length, round(dice.uniform(.5, .999), 3)))
    begin = midnight + 3 * 3_600_000 + 7 * 60_000 + 12_000
    database.execute(
        "INSERT INTO events (daemon, event, run, label, begin_ms, end_ms, start_sample, end_sample, peak)"
        " VALUES ('kitchen', '00000000000000aa-9999', '00000000000000aa', 'Siren', ?, ?, 0, 1, 0.987)", (begin, begin + 5100))
    series = {}
    for label in [None] + LABELS[:-1]:
        cursor = database.execute("INSERT INTO series (daemon, label) VALUES ('kitchen', ?)", (label,))
        series[label] = cursor.lastrowid
    for minute in range(1440):
        if 300 <= minute < 330:  # not listening
            continue
        for label, row in series.items():
            peak = -40 + 10 * dice.random() if label is None else dice.random() ** 4
            database.execute("INSERT INTO minutes VALUES (?, ?, 60, ?, ?)", (midnight + 60_000 * minute, row, 30 * peak, peak))
    database.commit()
    database.close()
    clip = folder / "clips/astd-20260101T030712Z-00000000000000aa-9999-Siren.wav"
    subprocess.run(["ffmpeg", "-v", "error", "-i", str(SOUNDS / "siren.flac"), "-ar", "16000", "-ac", "1", str(clip)], check=True)


class Page:
    """What tests of all views need."""

    def __init__(self, house):
        self.house = house
        self.browser = Browser(SHOTS, 1280, 900)
        import axe_playwright_python
        self.axe = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text()
        self.size, self.scheme = "desktop", "light"
        # How long it takes until the first bar is on the screen.
        # Which streams it has asked for.
        self.browser.devtools("Page.addScriptToEvaluateOnNewDocument", source="""
            window.streams = [];
            const fetchBefore = window.fetch;
            window.fetch = (address, ...rest) => {
              if (address.startsWith('api/live')) streams.push(address);
              return fetchBefore(address, ...rest);
            };
            new MutationObserver((_, observer) => {
              if (!document.querySelector('.bars li')) return;
              observer.disconnect();
              requestAnimationFrame(() => { window.firstBar = performance.now(); });
            }).observe(document, { childList: true, subtree: true });""")

    def look(self, size=None, scheme=None, motion=True):
        self.size, self.scheme = size or self.size, scheme or self.scheme
        width, height = SIZES[self.size]
        isPhone = self.size == "phone"
        self.browser.devtools("Emulation.setDeviceMetricsOverride", width=width, height=height,
                              deviceScaleFactor=2 if isPhone else 1, mobile=isPhone)
        self.browser.devtools("Emulation.setTouchEmulationEnabled", enabled=isPhone)
        self.browser.devtools("Emulation.setEmulatedMedia", features=[
            {"name": "prefers-color-scheme", "value": self.scheme},
            {"name": "prefers-reduced-motion", "value": "no-preference" if motion else "reduce"}])

    def open(self, fragment=""):
        self.browser.open(self.house.url + "/" + fragment)

    def run(self, script, *arguments):
        return self.browser.run(script, *arguments)

    def until(self, what, script, *arguments):
        return self.browser.until(what, script, *arguments, seconds=60)

    def text(self, selector):
        return self.run("const found = document.querySelector(arguments[0]); return found ? found.textContent : null", selector)

    def says(self, selector, text):
        self.until(f"{selector} says {text}",
                   "const e = document.querySelector(arguments[0]); return e && e.checkVisibility() && e.textContent.includes(arguments[1])",
                   selector, text)

    def choose(self, selector, value):
        self.run("""const e = document.querySelector(arguments[0]); e.value = arguments[1];
            e.dispatchEvent(new Event('input', { bubbles: true })); e.dispatchEvent(new Event('change', { bubbles: true }))""", selector, value)

    def focused(self):
        return self.run("const e = document.activeElement; return e.id || e.className || e.textContent || e.tagName")

    def reach(self, selector, most=60):
        """Presses the tab key until an element has the focus, which must be visible."""
        for _ in range(most):
            self.browser.press("Tab")
            if self.run("return document.activeElement.matches(arguments[0])", selector):
                outline = self.run("const e = document.activeElement;"
                                   " return getComputedStyle(e.closest('.scroller') || e).outlineStyle")
                assert outline != "none", f"the focus on {selector} cannot be seen"
                return
        raise AssertionError(f"no tab key reaches {selector}; the last was {self.focused()}")

    def rows(self):
        """The rows of the list of events in view: what a screen reader says of each."""
        return self.run("""return [...document.querySelectorAll('.row')].sort((a, b) => a.dataset.at - b.dataset.at)
            .map(row => row.getAttribute('aria-label'))""")

    def inspect(self, name):
        """axe, the width, and a picture."""
        self.run(self.axe + "; window.axe = axe")
        found = self.browser.finish("""const done = arguments[0];
            axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] })
              .then(result => done(result.violations.map(v => v.id + ': ' + v.help + ': ' + v.nodes.map(n => n.html).slice(0, 3).join(' '))))""")
        expect(found, [], f"violations of accessibility, {name}, {self.size}, {self.scheme}")
        assert self.run("return document.documentElement.scrollWidth <= innerWidth"), f"{name} is wider than the {self.size}"
        self.browser.shoot(f"{name}-{self.size}-{self.scheme}")


def check_live(page):
    page.look("desktop", "light")
    page.open()
    page.until("bars", "return document.querySelectorAll('.bars li').length > 1")
    # Again: before, it waited for the daemon's first window.
    page.open()
    first = page.until("the first bar", "return window.firstBar")
    page.house.play("siren", 4)
    page.says("#live-title", "Siren")
    page.until("the state of a daemon that listens", "return document.getElementById('hero').dataset.state === 'good'")
    page.says("#live-now", "Listening")
    page.says(".ear .chip", "Listening")
    page.until("a level", "return document.querySelector('.meter').getAttribute('aria-valuenow') > -60")
    page.says("#recent", "Siren")
    page.says("#announcements", "Siren")
    assert page.text(".bars li .name"), "labels of the bars"
    page.until("the bar of the siren", """return [...document.querySelectorAll('.bars li')].some(li => li.textContent.includes('Siren')
        && li.querySelector('.bar').firstChild.getBoundingClientRect().width > 100)""")
    sizes = page.run("return performance.getEntriesByType('resource').filter(e => !e.name.includes('/api/')).map(e => e.decodedBodySize)"
                     ".concat(performance.getEntriesByType('navigation')[0].decodedBodySize)")
    assert sum(sizes) < 200_000, f"the page has {sum(sizes)} bytes"
    passed(f"live: state, bars, level, events; {len(sizes)} requests, {sum(sizes) / 1000:.0f} kB, first bar after {first:.0f} ms")
    page.house.quiet()
    page.until("the end of the siren", "return !document.querySelector('.recent .open') && document.querySelector('.recent li')")
    page.run("document.querySelector('#recent a').click()")
    page.says("#detail h2", "Siren")
    passed("live: an event opens in the timeline")


def check_spectrum(page):
    page.look("desktop", "light")
    page.house.play("siren", 8)
    page.open()
    page.until("a picture of the siren with its name", """const c = document.querySelector('.spectrum canvas');
        if (!c.checkVisibility() || !c.getAttribute('aria-label').includes('Siren')) return false;
        const { data } = c.getContext('2d').getImageData(c.width / 2, 40, c.width / 2, c.height - 60);
        return data.filter((value, at) => at % 4 === 0 && value > 200).length > 100""")
    assert page.run("return document.querySelector('.no-spectrum').hidden"), "a hint although there is a picture"
    expect(page.run("return streams"), ["api/live?spectrum=1"], "the stream of the live view")
    page.browser.press("t")
    page.until("the timeline needs no picture", "return streams.at(-1) === 'api/live'")
    page.browser.press("l")
    page.until("the live view needs one", "return streams.at(-1) === 'api/live?spectrum=1'")
    shown = page.browser.call("GET", "/window")
    other = page.browser.call("POST", "/window/new", type="tab")["handle"]
    page.browser.call("POST", "/window", handle=other)
    page.browser.call("POST", "/window", handle=shown)
    page.until("a page that nobody sees needs none", "return streams.length > 4")
    expect(page.run("return streams.slice(3, 5)"), ["api/live", "api/live?spectrum=1"], "the streams of a page in the background")
    page.browser.call("POST", "/window", handle=other)
    page.browser.call("DELETE", "/window")
    page.browser.call("POST", "/window", handle=shown)
    page.browser.devtools("Page.bringToFront")
    page.until("a picture again", "return streams.at(-1).includes('spectrum') && !document.querySelector('.spectrum').hidden")
    page.says("#link", "Connected")
    passed("spectrum: a picture with names; asked for only where somebody sees it")
    page.house.quiet()
    page.house.daemon.end()
    page.house.set_daemon(spectrum=False)
    page.house.daemon.start()
    page.open()
    page.says(".no-spectrum", "spectrum")
    assert page.run("return document.querySelector('.spectrum').hidden"), "an empty picture"
    page.inspect("no-spectrum")
    page.house.daemon.end()
    page.house.set_daemon(spectrum=True)
    page.house.daemon.start()
    page.until("the picture of a daemon that was started again", "return !document.querySelector('.spectrum').hidden")
    assert page.run("return document.querySelector('.no-spectrum').hidden"), "a hint although there is a picture"
    passed("spectrum: says why there is none")


def check_timeline(page):
    day = yesterday().strftime("%Y-%m-%d")
    page.look("desktop", "light")
    page.open("#day?date=" + day)
    page.says("#events-count", "2,001 events")
    made = page.run("return document.querySelectorAll('.row').length")
    assert made < 60, f"{made} rows in the document for 2,001 events"
    loaded = page.run("return performance.getEntriesByType('resource').filter(e => e.name.includes('/api/events'))[0].duration")
    page.run("window.frames = []; (function frame(time) { frames.push(time); requestAnimationFrame(frame); })(performance.now())")
    page.browser.finish("""const done = arguments[0], list = document.getElementById('events'); let step = 0;
        (function down() { list.scrollTop += 400; if (++step < 120) requestAnimationFrame(down); else done(); })()""")
    longest, middle = page.run("""const steps = frames.slice(1).map((time, at) => time - frames[at]).sort((a, b) => a - b);
        return [steps[steps.length - 1], steps[steps.length >> 1]]""")
    page.until("the rows in view", "return [...document.querySelectorAll('.row')].some(row => row.dataset.at > 700)")
    passed(f"timeline: 2,001 events in {loaded:.0f} ms, {made} rows in the document; frames of {middle:.0f} ms while scrolling, at most {longest:.0f}")

    # What was recognised at three in the night?
    page.browser.type("#filter-from", "3:00")
    page.browser.type("#filter-to", "3:30")
    page.choose("#filter-label", "Siren")
    page.says("#events-count", "1 of 2,001 events")
    assert page.rows()[0].startswith("03:07:12, Siren, 5.1 s, score 0.99"), page.rows()
    page.browser.click(".row")
    page.until("the spectrogram", """const c = document.querySelector('.spectrogram'); if (!c || c.width < 100) return false;
        const data = c.getContext('2d').getImageData(0, 0, c.width, c.height).data; return data.some((v, at) => at % 4 === 0 && v > 200)""")
    page.browser.click(".play")
    page.until("the clip plays", "return parseFloat(document.querySelector('.transport .time').textContent) > 0.3")
    page.browser.click(".play")
    page.says(".play", "Play")
    link = page.run("return location.href")
    page.browser.open(link)
    page.says("#detail h2", "Siren")
    page.says("#events-count", "1 of 2,001 events")
    expect(page.run("return document.getElementById('filter-from').value"), "3:00", "the filter of the link")
    passed("timeline: filters, a clip with its spectrogram, a link that shows the same")

    def stored():
        events = page.house.get("/api/events?limit=5000&label=Siren")["events"]
        return next((e["review"], e.get("review_label")) for e in events if e["id"] == "00000000000000aa-9999")
    page.browser.click(".row")
    page.browser.press("w")
    page.until("the review", "return document.querySelector('.row .icon-wrong')")
    page.house.until("the stored review", lambda: stored() == ("wrong", None))
    page.browser.press("u")
    page.house.until("the review undone", lambda: stored() == (None, None))
    page.browser.press("4")
    page.house.until("another label by a number", lambda: stored() == ("right", None) or stored()[0] == "other")
    page.browser.press("o")
    page.until("the question", "return document.getElementById('other').open")
    page.browser.type("#other-label", "Smoke <detector>")
    page.browser.press("Enter")
    page.house.until("another label", lambda: stored() == ("other", "Smoke <detector>"))
    page.says(".row", "Smoke <detector>")
    page.browser.click("[data-verdict=right]")
    page.house.until("right", lambda: stored() == ("right", None))
    page.browser.press("c")
    page.house.until("no review", lambda: stored() == (None, None))
    page.browser.press("r")
    page.house.until("right again", lambda: stored() == ("right", None))
    page.browser.click("#filter-reset")
    page.says("#events-count", "2,001 events")
    page.choose("#filter-review", "right")
    page.says("#events-count", "1 of 2,001 events")
    page.browser.click("#filter-reset")
    passed("timeline: reviews by keys and buttons, undo, filter of reviews")

    page.browser.press("m")
    page.says("#toast", "Siren is muted on this page, in this browser only")
    page.says("#day-muted", "Siren")
    assert not page.run("return [...document.querySelectorAll('.heat-name .name')].some(name => name.textContent === 'Siren')"), "a muted label"
    page.open()
    page.says("#live-muted", "Siren")
    page.open("#day?date=" + day)
    page.says("#day-muted", "Siren")
    page.run("document.querySelector('#day-muted button:last-child').click()")
    expect(page.text("#mute-line"), "detection:\n  deny: [Siren]", "the lines for astd.yaml")
    page.browser.devtools("Browser.grantPermissions", permissions=["clipboardReadWrite", "clipboardSanitizedWrite"])
    page.browser.click("#mute-copy")
    page.says("#mute-copied", "Copied.")
    expect(page.browser.finish("navigator.clipboard.readText().then(arguments[0])"), "detection:\n  deny: [Siren]\n", "the clipboard")
    page.inspect("mute")
    page.browser.press("Escape")
    page.browser.click("#day-muted button")
    page.until("the label again", "return document.getElementById('day-muted').hidden")
    # After a key of a review, the next event is selected; its label is not the one to mute.
    page.run("document.querySelector('#events .rows').focus()")
    page.browser.press("Home", "w")
    page.says("#toast", "wrong")
    muted = page.run("return [...document.querySelectorAll('#toast button')].find(b => b.textContent.startsWith('Mute')).textContent")
    page.browser.press("Shift+M")
    page.says("#toast", muted.removeprefix("Mute ").removesuffix("Shift+M") + " is muted")
    page.run("[...document.querySelectorAll('#toast button')].find(b => b.textContent === 'Undo').click()")
    page.until("no muted label", "return document.getElementById('day-muted').hidden")
    page.browser.press("u")
    page.says("#toast", "Undone")
    page.browser.click("#filter-reset")
    page.run("[...document.querySelectorAll('#heat .heat-name')].find(b => b.textContent.startsWith('Music')).click()")
    page.until("only music", "return document.getElementById('filter-label').value === 'Music'")
    assert all(", Music, " in row for row in page.rows()), page.rows()[:3]
    page.browser.click("#filter-reset")
    page.choose("#filter-label", HOSTILE)
    page.says("#events-count", "1 of 2,001 events")
    assert HOSTILE in page.rows()[0] and not page.run("return document.querySelector('main img')"), "a label is text"
    page.browser.click(".row")
    page.says("#detail h2", HOSTILE)
    page.browser.press("[")
    page.says("#events-none", "No event")
    page.browser.press("]")
    page.says("#day-title", str(yesterday().day))
    page.open("#day?date=2026-02-31&daemon=nobody&score=x&from=25:00&label=" + "x" * 500 + "&event=none")
    page.says("#day-title", str(datetime.date.today().year))
    page.says("#events-none", "No event")
    page.choose("#filter-daemon", "")
    passed("timeline: muted labels, heat map, days, hostile labels, addresses with nonsense")


def check_control(page):
    page.look("desktop", "light")
    page.house.play("speech-en", 30)
    page.open("#control?label=Siren")
    page.says("#explain .verdict", ".")
    expect(page.run("return document.getElementById('explain-label').value"), "Siren", "the label of the address")
    page.browser.click(".source-row button")
    page.until("the question", "return document.getElementById('confirm').open")
    page.browser.press("Escape")
    assert not page.house.get("/api/status")["daemons"][0]["paused"], "paused without a yes"
    page.browser.click(".source-row button")
    page.browser.click("#confirm-yes")
    page.says(".source-row .chip", "Paused")
    page.house.until("paused", lambda: page.house.get("/api/status")["daemons"][0]["paused"])
    page.inspect("paused")
    page.browser.click(".source-row button")
    page.browser.click("#confirm-yes")
    page.says(".source-row .chip", "Listening")
    # The gateway asks for the loaded adapters from time to time.
    page.until("the loaded adapter", "return document.querySelector('input[value=alarms]')")
    page.run("document.querySelector('input[value=alarms]').click()")
    page.browser.click("#confirm-yes")
    page.house.until("the adapter", lambda: page.house.get("/api/status")["daemons"][0]["adapter"] == "alarms")
    page.until("the choice", "return document.querySelector('input[value=alarms]').checked && !document.querySelector('input[value=alarms]').disabled")
    page.open()
    page.says(".ear .source", "adapter alarms")
    page.says(".bars", "None of these")
    page.open("#control")
    page.until("the choice", "return document.querySelector('input[value=alarms]')")
    page.run("document.querySelector('input[type=radio][value=\"\"]').click()")
    page.browser.click("#confirm-yes")
    page.house.until("the base model", lambda: page.house.get("/api/status")["daemons"][0]["adapter"] is None)
    passed("control: explain, pause, resume, adapters, each after a question")


def check_losses(page):
    page.look("desktop", "light")
    page.open()
    page.until("bars", "return document.querySelectorAll('.bars li').length > 1")
    page.house.daemon.end(signal.SIGKILL)
    page.says(".ear .chip", "Away")
    page.until("the state without the daemon", "return document.getElementById('hero').dataset.state === 'bad'")
    page.inspect("daemon-away")
    page.house.daemon.start()
    page.says(".ear .chip", "Listening")
    page.house.gateway.end(signal.SIGKILL)
    page.says("#notice", "No connection")
    page.says("#live-title", "No connection")
    page.inspect("gateway-away")
    page.house.start_gateway()
    page.until("the connection", "return document.getElementById('notice').hidden")
    page.until("new bars", "return document.getElementById('hero').dataset.state === 'good'")
    passed("live: the daemon and the gateway are lost, and are back")


def check_keyboard(page):
    page.look("desktop", "dark")
    page.open()
    page.until("bars", "return document.querySelectorAll('.bars li').length > 1")
    page.reach("#skip")
    page.reach("nav a[data-view=day]")
    page.browser.press("Enter")
    page.until("the timeline", "return !document.getElementById('view-day').hidden")
    expect(page.focused(), "main", "focus after a change of the view")
    page.open("#day?date=" + yesterday().strftime("%Y-%m-%d"))
    page.says("#events-count", "2,001 events")
    page.reach("#events .rows")
    page.browser.press("Down", "Down", "Down")
    expect(page.run("return document.querySelector('.row[aria-selected=true]').dataset.at"), "2", "the selected row")
    active = page.run("return document.activeElement.getAttribute('aria-activedescendant')")
    assert page.run("return document.getElementById(arguments[0]).getAttribute('aria-selected')", active) == "true"
    page.browser.press("End")
    page.until("the last row", "return document.querySelector('.row[aria-selected=true]').dataset.at === '2000'")
    page.reach("[data-verdict=wrong]")
    page.browser.press("Enter")
    page.until("the review", "return document.querySelector('.row .icon-wrong')")
    expect(page.run("return document.activeElement.dataset.verdict"), "wrong", "the focus after a review")
    page.browser.press("?")
    page.until("the help", "return document.getElementById('help').open")
    page.browser.press("Escape")
    page.until("no help", "return !document.getElementById('help').open")
    page.browser.press("?")
    page.reach("#keys-on")
    page.browser.press("Space")
    page.browser.press("Escape")
    page.browser.press("l")
    assert page.run("return !document.getElementById('view-day').hidden"), "a letter is a key although keys are off"
    page.run("document.getElementById('keys-on').click()")
    page.browser.press("l")
    page.until("the live view", "return !document.getElementById('view-live').hidden")
    passed("keyboard: every view, list, review, help; keys of a letter can be turned off")


def check_looks(page):
    page.house.play("siren", 30)
    day = yesterday().strftime("%Y-%m-%d")
    for size in SIZES:
        for scheme in ["light", "dark"]:
            page.look(size, scheme, motion=False)
            page.open()
            page.says("#live-title", "Siren")
            page.says("#recent", "Siren")
            page.inspect("live")
            page.open(f"#day?date={day}&from=3:00&to=3:30&event=00000000000000aa-9999")
            page.until("the spectrogram", "const c = document.querySelector('.spectrogram'); return c && c.width > 100 && !document.querySelector('.loading')")
            page.inspect("timeline")
            page.open("#control")
            page.until("explain", "return document.querySelector('.gauge')")
            page.inspect("control")
            page.browser.press("?")
            page.inspect("help")
    passed("looks: no violation of accessibility in any view, size and scheme; nothing is wider than the screen")


def main():
    wanted = sys.argv[1:]
    for program in ["chromium", "chromedriver", "ffmpeg", "pulseaudio", "paplay"]:
        if shutil.which(program) is None:
            sys.exit(f"{program} is missing: apt-get install chromium chromium-driver ffmpeg pulseaudio pulseaudio-utils")
    with tempfile.TemporaryDirectory() as folder:
        house = House(Path(folder).resolve())
        page = None
        try:
            house.pulse.start()
            house.until("the sound server", lambda: subprocess.run(
                ["pactl", "info"], capture_output=True, env=os.environ | {"XDG_RUNTIME_DIR": folder, "HOME": folder}).returncode == 0)
            # A first gateway makes the tables.
            house.start_gateway()
            house.gateway.end()
            fill(house.folder)
            house.daemon.start()
            house.start_gateway()
            house.until("the daemon", lambda: house.get("/api/status")["daemons"][0]["connected"])
            page = Page(house)
            for check in [check_live, check_spectrum, check_timeline, check_control, check_losses, check_keyboard, check_looks]:
                if not wanted or check.__name__.removeprefix("check_") in wanted:
                    check(page)
            complaints = [entry["message"] for entry in page.browser.call("POST", "/se/log", type="browser")
                          if entry["level"] == "SEVERE" and "/api/" not in entry["message"]]
            expect(complaints, [], "the page has no errors")
        except AssertionError:
            if page:
                page.browser.shoot("failed")
                for entry in page.browser.call("POST", "/se/log", type="browser"):
                    print(entry["level"], entry["message"], file=sys.stderr)
            raise
        finally:
            if page:
                page.browser.close()
            house.end()
    print(f"The page passed; screenshots are in {SHOTS.relative_to(REPOSITORY)}")


if __name__ == "__main__":
    main()
