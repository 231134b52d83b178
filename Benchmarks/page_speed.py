#!/usr/bin/env python3
"""The gateway's page in headless Chromium: bytes, time to the first bar, a day of history, frames while scrolling, heap.

    make release && make test-page ONLY=live       once: installs Chromium and what the script needs
    python3 Benchmarks/page_speed.py [load] [day] [heap MINUTES]      default: load day

Real programs, as in Tests/tools/test_page.py: PulseAudio, astd with the included model, astd-gateway with a day of 86,400
windows (1,440 minutes of scores by label) and 2,001 events. Frames and tasks come from the browser's own trace.
"""
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "Tests/tools"))
from browser import Browser
from test_page import House, fill, yesterday

LOADS, DAYS = 15, 8
FIRST_BAR = """
    const fetchBefore = window.fetch;
    window.fetch = (address, ...rest) => {
      if (address.startsWith('api/live')) window.asked ??= performance.now();
      return fetchBefore(address, ...rest);
    };
    new MutationObserver((_, observer) => {
      if (!document.querySelector('.bars li')) return;
      observer.disconnect();
      requestAnimationFrame(() => { window.firstBar = performance.now(); });
    }).observe(document, { childList: true, subtree: true });"""
OPEN_DAY = """
    const [date, done] = arguments;
    performance.clearResourceTimings();
    const begin = performance.now();
    location.hash = '#day?date=' + date;
    (function look() {
      if (!document.getElementById('events-count').textContent.startsWith('2,001') || !document.querySelector('#heat canvas')) {
        return requestAnimationFrame(look);
      }
      requestAnimationFrame(() => {
        const took = performance.now() - begin;
        const request = name => performance.getEntriesByType('resource').find(e => e.name.includes('api/' + name + '?'));
        done([took, request('events').duration, request('minutes').duration, request('events').decodedBodySize, request('minutes').decodedBodySize]);
      });
    })();"""


def describe(times):
    return f"median {statistics.median(times):.0f} ms, {min(times):.0f} to {max(times):.0f}"


def load(browser, url):
    """The live view, without and with what the browser has kept."""
    browser.devtools("Page.addScriptToEvaluateOnNewDocument", source=FIRST_BAR)
    for name, isFresh in [("first visit", True), ("later visits", False)]:
        bars, replies = [], []
        for _ in range(LOADS):
            if isFresh:
                browser.devtools("Network.clearBrowserCache")
            browser.open(url + "/")
            bars.append(browser.until("the first bar", "return window.firstBar"))
            replies.append(browser.run("return window.asked"))
        files = browser.run("""return performance.getEntriesByType('resource').filter(e => !e.name.includes('/api/'))
            .concat(performance.getEntriesByType('navigation')).map(e => [e.transferSize, e.decodedBodySize])""")
        print(f"{name}: {len(files)} files, {sum(size for size, _ in files) / 1000:.0f} kB received, "
              f"{sum(size for _, size in files) / 1000:.0f} kB decoded; live records requested {describe(replies)}; "
              f"first bar {describe(bars)}", flush=True)


def day(browser, url):
    """A day from a press on its link to the picture, then scrolling through its list."""
    date = yesterday().strftime("%Y-%m-%d")
    rows = []
    for _ in range(DAYS):
        browser.open(url + "/")
        browser.until("bars", "return document.querySelector('.bars li')")
        time.sleep(1)
        rows.append(browser.finish(OPEN_DAY, date))
    whole, events, minutes, *sizes = zip(*rows)
    print(f"a day: shown {describe(whole)}; request of 2,001 events {describe(events)}, {sizes[0][0] / 1000:.0f} kB; "
          f"of the minutes {describe(minutes)}, {sizes[1][0] / 1000:.0f} kB", flush=True)
    place = browser.run("""const box = document.getElementById('events').getBoundingClientRect();
        return [box.left + box.width / 2, Math.min(box.top + 100, innerHeight - 20)]""")
    browser.call("POST", "/se/log", type="performance")
    browser.devtools("Input.synthesizeScrollGesture", x=place[0], y=place[1], yDistance=-40000, speed=5000)
    events, end = [], time.monotonic() + 20
    # The trace arrives some time after it was asked for.
    while time.monotonic() < end and not any(event["name"] == "DrawFrame" for event in events):
        for entry in browser.call("POST", "/se/log", type="performance"):
            message = json.loads(entry["message"])["message"]
            if message["method"] == "Tracing.dataCollected":
                events.append(message["params"])
        time.sleep(1)
    frames(events)


def frames(events):
    """Frames of the compositor and tasks of the page's thread, from a trace."""
    threads = {(event["pid"], event["tid"]) for event in events
               if event["name"] == "thread_name" and event["args"]["name"] == "CrRendererMain"}
    drawn = sorted(event["ts"] / 1000 for event in events if event["name"] == "DrawFrame")
    dropped = sum(event["name"] == "DroppedFrame" for event in events)
    tasks = sorted(event["dur"] / 1000 for event in events
                   if event["name"] == "RunTask" and "dur" in event and (event["pid"], event["tid"]) in threads)
    steps = sorted(later - earlier for earlier, later in zip(drawn, drawn[1:]))
    if not steps or not tasks:
        raise SystemExit(f"no frames in the trace: {sorted({event['name'] for event in events})[:50]}")
    print(f"scrolling: {len(drawn)} frames drawn, {dropped} dropped; between frames median {statistics.median(steps):.1f} ms, "
          f"99 % below {steps[int(.99 * (len(steps) - 1))]:.1f}, highest {steps[-1]:.1f}; tasks of the page's thread: 99 % below "
          f"{tasks[int(.99 * (len(tasks) - 1))]:.1f} ms, longest {tasks[-1]:.1f}", flush=True)


def heap(browser, house, minutes):
    """The live view with sounds and their picture, for some time: what the browser keeps after a collection."""
    browser.open(house.url + "/")
    browser.devtools("Performance.enable")
    names = ["siren", "speech-en", "alarm", "music"]
    begin, sizes = time.monotonic(), []
    for minute in range(minutes + 1):
        while time.monotonic() - begin < 60 * minute:
            house.play(names[minute % len(names)], 2)
            time.sleep(20)
        browser.devtools("HeapProfiler.collectGarbage")
        metrics = {entry["name"]: entry["value"] for entry in browser.devtools("Performance.getMetrics")["metrics"]}
        sizes.append(metrics["JSHeapUsedSize"] / 1e6)
        print(f"minute {minute}: heap {sizes[-1]:.2f} MB, {metrics['Nodes']:.0f} nodes, {metrics['JSEventListeners']:.0f} listeners",
              flush=True)
    house.quiet()
    half = sizes[len(sizes) // 2:]
    print(f"heap after {minutes} minutes {sizes[-1]:.2f} MB; in the second half {min(half):.2f} to {max(half):.2f}", flush=True)


def main():
    wanted = sys.argv[1:] or ["load", "day"]
    with tempfile.TemporaryDirectory() as folder:
        house = House(Path(folder).resolve())
        browser = None
        try:
            house.pulse.start()
            house.until("the sound server", lambda: subprocess.run(
                ["pactl", "info"], capture_output=True, env=os.environ | {"XDG_RUNTIME_DIR": folder, "HOME": folder}).returncode == 0)
            house.start_gateway()
            house.gateway.end()
            fill(house.folder)
            house.daemon.start()
            house.start_gateway()
            house.play("siren", 3)
            house.until("scores", lambda: house.get("/api/status")["daemons"][0]["last"])
            browser = Browser(Path(folder) / "shots", 1280, 900, traces="disabled-by-default-devtools.timeline,devtools.timeline,"
                              "disabled-by-default-devtools.timeline.frame,devtools.timeline.frame" if "day" in wanted else "")
            if "load" in wanted:
                load(browser, house.url)
            if "day" in wanted:
                day(browser, house.url)
            if "heap" in wanted:
                heap(browser, house, int(wanted[wanted.index("heap") + 1]))
        finally:
            if browser:
                browser.close()
            house.end()


main()
