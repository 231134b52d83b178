#!/usr/bin/env python3
"""A siren from PulseAudio to Home Assistant: make test-gateway.

Real programs only: a private PulseAudio server, astd with the included model, mosquitto, astd-gateway, and Home Assistant
2024.3 with its MQTT integration, in a virtual environment with test_home_assistant.txt. Entities appear, turn on and off,
become unavailable when astd or the gateway is killed, and are back when it is; commands reach astd; the entity of a label
that was removed from the settings is removed. The examples of examples/home-assistant are checked and run.

    PYTHON_WITH_HOME_ASSISTANT test_home_assistant.py [--screenshot FILE.png]
"""
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("ASTD_BUILD", REPOSITORY / ".build/debug"))
MODELS = REPOSITORY / "models"
EXAMPLES = REPOSITORY / "examples/home-assistant"
SIREN = "binary_sensor.astd_home_kitchen_siren"
SPEECH = "binary_sensor.astd_home_kitchen_speech"
EVENT = "event.astd_home_event"
PAUSE = "switch.astd_home_kitchen_pause"
ADAPTER = "select.astd_home_kitchen_adapter"
OF_DAEMON = [SIREN, SPEECH, "sensor.astd_home_kitchen_level", "sensor.astd_home_kitchen_loudest", PAUSE, ADAPTER]


def free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def until(what, condition, seconds=90):
    """Waits for a true result and returns it."""
    end = time.monotonic() + seconds
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() > end:
            raise SystemExit(f"FAIL not within {seconds} s: {what}")
        time.sleep(0.1)


def passed(what):
    print("  ok   ", what, flush=True)


class Program:
    """A process with its output in a file."""

    def __init__(self, name, command, folder, more={}):
        self.name, self.command = name, [str(part) for part in command]
        self.log = folder / f"{name}.log"
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith(("ASTD_", "PULSE_"))}
        self.environment |= {"XDG_RUNTIME_DIR": str(folder), "HOME": str(folder)} | more
        self.process = None

    def start(self):
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self.environment)
        return self

    def end(self, how=signal.SIGTERM):
        if self.process and self.process.poll() is None:
            self.process.send_signal(how)
            self.process.wait(60)


class Changes(threading.Thread):
    """The states of one entity, as Home Assistant reports them one by one."""

    def __init__(self, home, entity):
        super().__init__(daemon=True)
        self.home, self.entity = home, entity
        self.attributes = []
        self.isConnected = threading.Event()

    def run(self):
        request = urllib.request.Request(
            self.home.url + "/api/stream?restrict=state_changed", headers={"Authorization": f"Bearer {self.home.token}"})
        try:
            with urllib.request.urlopen(request) as stream:
                for line in stream:
                    self.isConnected.set()
                    if line.startswith(b"data: {"):
                        data = json.loads(line[6:])["data"]
                        if data["entity_id"] == self.entity and data["new_state"]:
                            self.attributes.append(data["new_state"]["attributes"])
        except OSError:
            pass  # Home Assistant stopped.

    def first(self, **wanted):
        """The first state with these attributes; nil if there is none."""
        return next((found for found in list(self.attributes) if wanted.items() <= found.items()), None)


class HomeAssistant:
    """Its REST interface."""

    def __init__(self, port):
        self.url = f"http://127.0.0.1:{port}"
        self.token = None

    def call(self, path, body=None, form=None):
        """The JSON of an answer; nil for 404."""
        data, headers = None, {}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        if body is not None:
            data, headers["Content-Type"] = json.dumps(body).encode(), "application/json"
        if form is not None:
            data = urllib.parse.urlencode(form).encode()
        try:
            with urllib.request.urlopen(urllib.request.Request(self.url + path, data, headers), timeout=60) as answer:
                text = answer.read()
        except urllib.error.HTTPError as error:
            if error.code == 404:
                return None
            raise SystemExit(f"FAIL {path}: {error.code} {error.read()[:500]}")
        try:
            return json.loads(text)
        except ValueError:
            return text.decode()

    def answers(self):
        try:
            return self.call("/api/onboarding") is not None
        except OSError:
            return False

    def onboard(self):
        """Creates the first user, and a token."""
        client = self.url + "/"
        user = {"client_id": client, "name": "Test", "username": "test", "password": "test test", "language": "en"}
        code = self.call("/api/onboarding/users", user)["auth_code"]
        tokens = self.call(
            "/auth/token", form={"grant_type": "authorization_code", "code": code, "client_id": client})
        self.token = tokens["access_token"]
        return tokens

    def add_broker(self, port):
        flow = self.call("/api/config/config_entries/flow", {"handler": "mqtt", "show_advanced_options": False})
        result = self.call(
            f"/api/config/config_entries/flow/{flow['flow_id']}", {"broker": "127.0.0.1", "port": port})
        if result["type"] != "create_entry":
            raise SystemExit(f"FAIL the broker was refused: {result}")

    def state(self, entity):
        """None: Home Assistant does not know the entity."""
        answer = self.call(f"/api/states/{entity}")
        return answer and answer["state"]

    def attributes(self, entity):
        return self.call(f"/api/states/{entity}")["attributes"]

    def until_state(self, entity, *states):
        until(f"{entity} is {' or '.join(map(str, states))}, now {self.state(entity)}", lambda: self.state(entity) in states)

    def act(self, domain, service, entity, **more):
        self.call(f"/api/services/{domain}/{service}", {"entity_id": entity} | more)

    def template(self, text):
        return self.call("/api/template", {"template": text})


def screenshot(home, tokens, path):
    """The dashboard of the examples in headless Chromium."""
    import asyncio
    import base64
    import aiohttp
    port = free_port()
    profile = tempfile.mkdtemp(prefix="chromium.")
    browser = subprocess.Popen(
        ["chromium", "--headless=new", "--no-sandbox", "--disable-gpu", f"--remote-debugging-port={port}",
         f"--user-data-dir={profile}", "--window-size=1000,1100", "about:blank"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    login = tokens | {"hassUrl": home.url, "clientId": home.url + "/", "expires": 4e12}

    def pages():
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/json", timeout=5) as answer:
                return [page for page in json.loads(answer.read()) if page["type"] == "page"]
        except OSError:
            return []

    async def take():
        async with aiohttp.ClientSession() as session:
            async with session.ws_connect(until("Chromium", pages)[0]["webSocketDebuggerUrl"], max_msg_size=0) as page:
                async def call(number, method, **params):
                    await page.send_json({"id": number, "method": method, "params": params})
                    while True:
                        answer = await page.receive_json(timeout=60)
                        if answer.get("id") == number:
                            return answer["result"]
                script = f"localStorage.hassTokens = {json.dumps(json.dumps(login))}"
                await call(1, "Page.enable")
                await call(2, "Page.addScriptToEvaluateOnNewDocument", source=script)
                await call(3, "Page.navigate", url=home.url + "/astd-sounds/0")
                await asyncio.sleep(25)
                return (await call(4, "Page.captureScreenshot"))["data"]

    try:
        Path(path).write_bytes(base64.b64decode(asyncio.run(take())))
    finally:
        browser.kill()
        browser.wait()
        shutil.rmtree(profile, ignore_errors=True)
    print(f"  {path}: look at it", flush=True)


def main():
    folder = Path(tempfile.mkdtemp(prefix="home-assistant."))
    port, broker_port = free_port(), free_port()
    pulse = f"unix:{folder}/pulse/native"
    (folder / "mosquitto.conf").write_text(
        f"listener {broker_port} 127.0.0.1\nallow_anonymous true\npersistence true\npersistence_location {folder}/\nuser root\n")
    configuration = folder / "hass"
    configuration.mkdir()
    # Of its first steps, those behind the first user, which ask for the place and for other devices.
    (configuration / ".storage").mkdir()
    (configuration / ".storage/onboarding").write_text(json.dumps(
        {"version": 4, "minor_version": 1, "key": "onboarding", "data": {"done": ["core_config", "analytics", "integration"]}}))
    (configuration / "configuration.yaml").write_text(
        f"http: {{server_host: 127.0.0.1, server_port: {port}}}\nfrontend:\nhistory:\nsystem_log:\npersistent_notification:\n"
        "logger: {default: warning}\nautomation astd: !include astd-automations.yaml\n"
        "lovelace:\n  dashboards:\n    astd-sounds: {mode: yaml, title: astd, filename: astd-dashboard.yaml}\n")
    shutil.copy(EXAMPLES / "automations.yaml", configuration / "astd-automations.yaml")
    shutil.copy(EXAMPLES / "dashboard.yaml", configuration / "astd-dashboard.yaml")

    def settings(labels):
        (folder / "gateway.yaml").write_text(
            f"node: home\ndaemons: {{kitchen: {folder}}}\nhistory: {{path: {folder}/history.sqlite}}\n"
            f"mqtt: {{url: 'mqtt://127.0.0.1:{broker_port}', labels: [{labels}], discovery: true, commands: true}}\n")

    settings("Siren, Speech")
    server = Program(
        "pulseaudio", ["pulseaudio", "-n", "--daemonize=no", "--exit-idle-time=-1", "--use-pid-file=no", "--realtime=no",
                       "--high-priority=no", "-L", "module-native-protocol-unix auth-anonymous=1", "-L",
                       "module-null-sink sink_name=room rate=48000 channels=2 norewinds=1"], folder)
    broker = Program("mosquitto", ["/usr/sbin/mosquitto", "-c", folder / "mosquitto.conf"], folder)
    daemon = Program(
        "astd", [BUILD / "astd", "run", "--model", MODELS / "default", "--runtime-dir", folder, "--state-dir", folder / "state",
                 "--source", "pulse:room.monitor", "--hop", "1", "--adapters-dir", folder / "adapters"],
        folder, {"PULSE_SERVER": pulse})
    (folder / "state").mkdir()
    (folder / "adapters").mkdir()
    (folder / "adapters/alarms").symlink_to(MODELS / "alarms")
    gateway = Program("gateway", [BUILD / "astd-gateway", "run", "--config", folder / "gateway.yaml"], folder)
    hass = Program(
        "hass", [sys.executable, "-m", "homeassistant", "--config", configuration, "--skip-pip"], folder)
    home = HomeAssistant(port)

    def astctl(*words):
        return subprocess.run([BUILD / "astctl", *words, "--socket", folder / "astd.sock"], capture_output=True, text=True)

    def play():
        clip = MODELS / "default/examples/siren.flac"
        subprocess.run(["paplay", "--device=room", clip], env=server.environment | {"PULSE_SERVER": pulse}, check=True)

    try:
        check = subprocess.run(
            [sys.executable, "-m", "homeassistant", "--script", "check_config", "--config", configuration],
            capture_output=True, text=True)
        output = check.stdout + check.stderr
        if check.returncode != 0 or "error" in output.lower():
            raise SystemExit(f"FAIL check_config: {output}")
        passed("hass --script check_config accepts the example's automations")
        for program in [server, broker, gateway, hass]:
            program.start()
        until("the sound server", lambda: Path(f"{folder}/pulse/native").exists())
        daemon.start()
        until("Home Assistant answers", home.answers, 240)
        tokens = home.onboard()
        home.add_broker(broker_port)
        home.until_state(SIREN, "off")
        for entity in OF_DAEMON + [EVENT]:
            until(f"{entity} exists", lambda: home.state(entity) not in (None, "unavailable"))
        device = f"device_id('{SIREN}')"
        facts = home.template(
            f"{{{{ [device_attr({device}, 'name'), device_attr({device}, 'sw_version')] }}}} "
            f"{{{{ device_entities({device}) | length }}}}")
        version = subprocess.run([BUILD / "astd", "--version"], capture_output=True, text=True).stdout.split()[1]
        assert "astd home" in facts and version.split("-")[0] in facts and facts.endswith(" 7"), facts
        assert home.attributes(SIREN)["device_class"] == "sound"
        passed(f"one device with seven entities: {facts}")

        changes = Changes(home, EVENT)
        changes.start()
        changes.isConnected.wait(30)
        play()
        home.until_state(SIREN, "on")
        passed("a siren is played: its binary sensor is on")
        event = until("the event entity has the begin", lambda: changes.first(label="Siren", event_type="begin"))
        assert event["daemon"] == "kitchen" and event["duration"] == 0, event
        passed("the event entity fired")
        home.until_state(SIREN, "off")
        event = until("the event entity has the end", lambda: changes.first(id=event["id"], event_type="end"))
        passed(f"the siren ended after {event['duration']} s: its binary sensor is off, the event entity fired")
        until("the example's automation ran", lambda: home.attributes(
            "automation.notify_when_a_siren_is_heard").get("last_triggered"))
        passed("the automation of the examples ran")
        if "--screenshot" in sys.argv:
            screenshot(home, tokens, sys.argv[sys.argv.index("--screenshot") + 1])

        # Adapters that were loaded without being used are noticed within half a minute.
        until("the choice of adapters", lambda: home.attributes(ADAPTER)["options"] == ["base", "alarms"])
        home.act("select", "select_option", ADAPTER, option="alarms")
        home.until_state(ADAPTER, "alarms")
        assert '"active":["alarms"]' in astctl("adapter", "list", "--json").stdout.replace(" ", "")
        home.act("select", "select_option", ADAPTER, option="base")
        home.until_state(ADAPTER, "base")
        passed("an option of the select entity is used by astd")
        home.act("switch", "turn_on", PAUSE)
        home.until_state(PAUSE, "on")
        assert "paused" in astctl("status").stdout
        home.act("switch", "turn_off", PAUSE)
        home.until_state(PAUSE, "off")
        passed("the switch pauses astd and resumes it")

        daemon.end(signal.SIGKILL)
        for entity in OF_DAEMON:
            home.until_state(entity, "unavailable")
        assert home.state(EVENT) != "unavailable"
        passed("astd killed: its entities are unavailable")
        daemon.start()
        for entity in OF_DAEMON:
            until(f"{entity} is back", lambda: home.state(entity) != "unavailable")
        passed("astd is back: they are available")
        gateway.end(signal.SIGKILL)
        for entity in OF_DAEMON + [EVENT]:
            home.until_state(entity, "unavailable")
        passed("gateway killed: all entities are unavailable")
        gateway.start()
        for entity in OF_DAEMON + [EVENT]:
            until(f"{entity} is back", lambda: home.state(entity) != "unavailable")
        passed("gateway is back: they are available")
        broker.end(signal.SIGKILL)
        home.until_state(SIREN, "unavailable")
        broker.start()
        home.until_state(SIREN, "off")
        passed("broker killed and back: they are unavailable, then available")

        gateway.end()
        settings("Siren")
        gateway.start()
        until("the entity of the removed label is gone", lambda: home.state(SPEECH) is None)
        home.until_state(SIREN, "off")
        passed("a label removed from the settings: its entity is gone, the other stays")
        errors = [line for line in hass.log.read_text().splitlines() if "ERROR" in line and "mqtt" in line.lower()]
        assert not errors, errors[:5]
        passed("Home Assistant logged no error of the MQTT integration")
    except BaseException:
        for program in [daemon, gateway, hass]:
            print(f"--- {program.name}:", program.log.read_text()[-2500:] if program.log.exists() else "", file=sys.stderr)
        raise
    finally:
        for program in [hass, gateway, daemon, broker, server]:
            program.end(signal.SIGTERM if program is hass else signal.SIGKILL)
        shutil.rmtree(folder, ignore_errors=True)
    print("Home Assistant shows what astd recognises.")


main()
