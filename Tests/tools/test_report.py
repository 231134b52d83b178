#!/usr/bin/env python3
"""The report page of astd classify in headless Chromium, driven as a user would: make test-report.

Needs chromium, chromedriver and ffmpeg (Debian: chromium chromium-driver ffmpeg); Python's standard library is enough.
"""
import json
import os
import shutil
import struct
import subprocess
import sys
import tempfile
from math import pi, sin
from pathlib import Path

from browser import Browser

REPOSITORY = Path(__file__).resolve().parents[2]
ASTD = os.environ.get("ASTD", str(REPOSITORY / ".build/release/astd"))
SHOTS = REPOSITORY / ".build/report-shots"


def wav(path, seconds, hertz):
    samples = b"".join(struct.pack("<h", int(9000 * sin(2 * pi * hertz * i / 16000))) for i in range(int(seconds * 16000)))
    path.write_bytes(b"RIFF" + struct.pack("<I", 36 + len(samples)) + b"WAVEfmt " + struct.pack(
        "<IHHIIHH", 16, 1, 1, 16000, 32000, 2, 16) + b"data" + struct.pack("<I", len(samples)) + samples)


FILES = "return [...document.querySelectorAll('article')].map(a => a.dataset.file)"


def expect(found, wanted, what):
    assert found == wanted, f"{what}: {found!r}, not {wanted!r}"


def check(browser, folder):
    recordings = folder / "recordings"
    examples = REPOSITORY / "models/default/examples"
    for name in ["siren", "speech-en", "music"]:
        shutil.copy(examples / f"{name}.flac", recordings / f"{name}.flac")
    wav(recordings / "long <b>tone #1%.wav", 21, 440)
    wav(recordings / "10.wav", 6, 900)
    wav(recordings / "9.wav", 7, 500)
    (recordings / "broken.wav").write_text("</script> no sound")
    report = folder / "report.html"
    ended = subprocess.run(
        [ASTD, "classify", str(recordings), "--model", str(REPOSITORY / "models/default"), "--hop", "1", "--format", "csv",
         "--output", str(folder / "labels.csv"), "--report", str(report)], stderr=subprocess.DEVNULL)
    expect(ended.returncode, 1, "exit status with one broken file")

    browser.open(report.as_uri() + "#theme=light")
    files = browser.run(FILES)
    expect([Path(file).name for file in files],
           ["10.wav", "9.wav", "broken.wav", "long <b>tone #1%.wav", "music.flac", "siren.flac", "speech-en.flac"],
           "files in the order of the input")
    expect(browser.run("return document.querySelectorAll('article b').length"), 0, "markup in names")
    totals = browser.run("return document.getElementById('totals').textContent")
    assert totals.startswith("7 files, ") and totals.endswith("1 with errors"), totals
    browser.until("pictures", "return [...document.images].length === 6 && [...document.images].every(i => i.complete && i.naturalWidth > 100)")
    inked = """const c = document.querySelector('article:nth-child(1) canvas');
        return c.width > 1 && c.getContext('2d').getImageData(0, 0, c.width, c.height).data.some(v => v > 0)"""
    browser.until("a timeline with bars", inked)
    light = browser.run("return getComputedStyle(document.body).backgroundColor")
    browser.shoot("light")

    browser.type("#search", "SIREN")
    assert all("siren" in browser.run("return document.querySelector(`[data-file=\"${arguments[0]}\"]`).textContent", file).lower()
               for file in browser.run(FILES)), "search finds names and labels"
    assert any(file.endswith("siren.flac") for file in browser.run(FILES))
    browser.type("#search", "no such thing")
    expect(browser.run(FILES), [], "nothing found")
    expect(browser.run("return document.getElementById('count').textContent"), "0 of 7 files", "count")
    browser.run("document.getElementById('search').value = ''; document.getElementById('search').dispatchEvent(new Event('input'))")
    expect(len(browser.run(FILES)), 7, "all again")

    def order():
        return [Path(file).name for file in browser.run(FILES)]
    browser.click("[data-sort=file]")
    expect(order()[:3], ["9.wav", "10.wav", "broken.wav"], "names with numbers in their order")
    browser.click("[data-sort=file]")
    expect(order()[-1], "9.wav", "names backwards")
    browser.click("[data-sort=seconds]")
    expect(order()[0], "long <b>tone #1%.wav", "longest first")
    browser.click("[data-sort=error]")
    expect(order()[0], "broken.wav", "errors first")
    browser.click("[data-sort=score]")
    assert order()[-1] == "broken.wav", "what has no score is last"
    address = browser.run("return location.hash")
    assert "sort=score" in address and "down=1" in address, address

    browser.click("#theme")
    dark = browser.run("return getComputedStyle(document.body).backgroundColor")
    assert dark != light, "the other theme looks the same"
    browser.shoot("dark")
    browser.open(report.as_uri() + "#q=siren&sort=file&theme=dark")
    expect(browser.run("return getComputedStyle(document.body).backgroundColor"), dark, "theme from the address")
    expect(browser.run("return document.getElementById('search').value"), "siren", "search from the address")
    browser.open(report.as_uri())
    label = browser.run("return document.querySelector('#labels button').dataset.name")
    browser.click("#labels button")
    expect(browser.run("return document.getElementById('search').value"), label, "a label is a search")
    browser.click("#labels button")

    browser.open(report.as_uri())
    name = "long <b>tone #1%.wav"
    at = order().index(name) + 1
    browser.click(f"article:nth-child({at}) .play")
    length = browser.until("the sound", "const a = document.querySelector('audio'); return a && a.readyState >= 1 && a.duration")
    assert abs(length - 21) < 0.1, length
    browser.run("""const image = document.querySelectorAll('article')[arguments[0]].querySelector('img'), box = image.getBoundingClientRect();
        image.dispatchEvent(new MouseEvent('click', { bubbles: true, clientX: box.left + box.width / 2, clientY: box.top + 5 }))""", at - 1)
    browser.until("the middle of it", "const a = document.querySelector('audio'); return a && a.currentTime > 10 && a.currentTime < 20")
    (recordings / "9.wav").unlink()
    browser.click(f"article:nth-child({order().index('9.wav') + 1}) .play")
    browser.until("word that it is gone", "return document.querySelector('.unreachable')")

    outside = browser.run("return performance.getEntriesByType('resource').map(e => e.name).filter(n => !/^(data|file|blob):/.test(n))")
    expect(outside, [], "nothing comes from a network")
    complaints = [entry["message"] for entry in browser.call("POST", "/se/log", type="browser")
                  if entry["level"] == "SEVERE" and "ERR_FILE_NOT_FOUND" not in entry["message"]]
    expect(complaints, [], "the page has no errors")
    browser.call("POST", "/window/rect", width=420, height=900)
    browser.open(report.as_uri() + "#theme=light")
    assert browser.run("return document.documentElement.scrollWidth <= innerWidth"), "it fits a telephone"
    browser.shoot("narrow")


def check_events(browser, folder):
    """The page of --events: each event is a bar, where its sound is."""
    recordings = folder / "street"
    recordings.mkdir()
    examples = REPOSITORY / "models/default/examples"
    for name, sounds in [("street.wav", ["silence", "siren", "speech-en", "music", "siren", "silence"]),
                         ("office_20240501_053000.wav", ["speech-en", "piano", "alarm", "speech-en"]), ("quiet.wav", ["silence", "silence"])]:
        join(recordings / name, [examples / f"{sound}.flac" for sound in sounds])
    report = folder / "events.html"
    out = folder / "events.jsonl"
    ended = subprocess.run(
        [ASTD, "classify", str(recordings), "--model", str(REPOSITORY / "models/default"), "--hop", "0.5", "--events",
         "--time-zone", "+02:00", "--output", str(out), "--report", str(report)], stderr=subprocess.DEVNULL)
    expect(ended.returncode, 0, "exit status")
    events = [json.loads(line) for line in out.read_text().splitlines()]
    street = [event for event in events if event["file"].endswith("street.wav")]
    assert {event["label"] for event in street} >= {"Siren", "Speech", "Music"}, street

    browser.open(report.as_uri() + "#theme=light")
    totals = browser.run("return document.getElementById('totals').textContent")
    assert f"{len(events)} events" in totals, totals
    summary = browser.run("return document.querySelector(`article[data-file=\"${arguments[0]}\"] div p:last-of-type`).textContent",
                       street[0]["file"])
    assert f"{len(street)} events" in summary, summary
    expect(browser.run("return [...document.querySelectorAll('.began')].map(p => p.textContent)"), ["2024-05-01 05:30:00 +02:00"], "clock times")
    axis = browser.run("return document.querySelector('article:has(.began) .axis').textContent")
    assert axis.startswith("0:00\u200205:30:00"), axis
    bars = """const article = document.querySelector(`article[data-file="${arguments[0]}"]`);
        const track = [...article.querySelectorAll('.track')].find(t => t.textContent === arguments[1]);
        const canvas = track && track.querySelector('canvas');
        if (!canvas || canvas.width < 100) return null;
        const row = canvas.getContext('2d').getImageData(0, canvas.height - 1, canvas.width, 1).data;
        const full = [];
        for (let x = 0; x < canvas.width; x++) full.push(row[4 * x + 3] === 255);
        return full;"""
    for label in ["Siren", "Speech", "Music"]:
        full = browser.until(f"the bars of {label}", bars, street[0]["file"], label)
        seconds = browser.run("""return files.find(f => f.file === arguments[0]).seconds""", street[0]["file"])
        for at, is_full in enumerate(full):
            second = (at + 0.5) / len(full) * seconds
            # A window of 5.12 s is drawn half a hop around its middle, the first one from the beginning of the file.
            boxes = [(max(0, event["start"] - 0.015 - 5.12 / 2 - 0.25), event["end"] - 0.015 - 5.12 / 2 + 0.25)
                     for event in street if event["label"] == label]
            boxes = [(0 if begin < 2.56 else begin, end) for begin, end in boxes]
            inside = [box for box in boxes if box[0] <= second <= box[1]]
            near = any(abs(second - edge) < 0.1 for box in boxes for edge in box)
            assert near or is_full == bool(inside), f"{label} at {second:.2f} s: {is_full}"
    browser.shoot("events-light")
    browser.click("#theme")
    browser.shoot("events-dark")
    browser.type("#search", "siren")
    expect([Path(file).name for file in browser.run(FILES)], ["street.wav"], "what has events of a siren")


def join(path, sounds):
    """Makes one recording of several."""
    subprocess.run(["ffmpeg", "-v", "error", "-y", *[word for sound in sounds for word in ("-i", str(sound))], "-filter_complex",
                    f"concat=n={len(sounds)}:v=0:a=1", str(path)], check=True)


def main():
    for program in ["chromium", "chromedriver", "ffmpeg"]:
        if shutil.which(program) is None:
            sys.exit(f"{program} is missing: apt-get install chromium chromium-driver ffmpeg")
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder).resolve()
        (folder / "recordings").mkdir()
        browser = Browser(SHOTS)
        try:
            check(browser, folder)
            browser.call("POST", "/window/rect", width=1200, height=900)
            check_events(browser, folder)
        finally:
            browser.close()
    print(f"The report page passed; screenshots are in {SHOTS.relative_to(REPOSITORY)}")


main()
