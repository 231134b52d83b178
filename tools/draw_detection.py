#!/usr/bin/env python3
"""Draws docs/detection.svg: one label's scores, the thresholds and the resulting events.

    tools/draw_detection.py > docs/detection.svg

DetectionTests checks the detector with these scores and events.
"""
SCORES = [0.10, 0.20, 0.62, 0.30, 0.55, 0.80, 0.90, 0.45, 0.40, 0.20, 0.25, 0.70, 0.60, 0.38, 0.20, 0.15, 0.10,
          0.60, 0.65, 0.30, 0.10, 0.20, 0.70, 0.75, 0.50, 0.30]
ON, OFF, REFRACTORY = 0.5, 0.35, 6
# (begin, begin published, last kept window, end published); None: after the end of the picture.
EVENTS = [(5, 6, 14, 17), (23, 24, 25, None)]
NOTES = [(3, "one hit is too few"), (10.5, "merge gap"), (18.5, "refractory")]

LEFT, TOP, STEP, HEIGHT, WIDTH = 56, 30, 27, 190, 780


def x(second):
    return LEFT + STEP * second


def y(score):
    return TOP + HEIGHT * (1 - score)


out = []


def text(at_x, at_y, words, kind="t", anchor="middle"):
    out.append(f'<text class="{kind}" x="{at_x:.1f}" y="{at_y:.1f}" text-anchor="{anchor}">{words}</text>')


def line(x1, y1, x2, y2, kind):
    out.append(f'<line class="{kind}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>')


bottom = TOP + HEIGHT
line(LEFT, bottom, WIDTH - 14, bottom, "axis")
for second in range(0, len(SCORES) + 1, 5):
    line(x(second), bottom, x(second), bottom + 5, "axis")
    text(x(second), bottom + 18, f"{second} s")
for score, name in ((ON, "on"), (OFF, "off")):
    line(LEFT, y(score), WIDTH - 14, y(score), name)
    text(LEFT - 8, y(score) + 4, f"{name} {score}", name + "-t", "end")
text(LEFT - 8, y(1) + 4, "score 1", anchor="end")
for second, score in enumerate(SCORES, start=1):
    kind = "hit" if score >= ON else "kept" if score >= OFF else "low"
    out.append(f'<rect class="{kind}" x="{x(second) - 8:.1f}" y="{y(score):.1f}" width="16" height="{HEIGHT * score:.1f}"/>')
for second, words in NOTES:
    text(x(second), y(0.97), words, "note")
lane = bottom + 44
text(LEFT - 8, lane + 5, "event", anchor="end")
text(LEFT - 8, lane + 31, "record", anchor="end")
for number, (begin, published, kept, end_published) in enumerate(EVENTS, start=1):
    end = x(kept) if end_published else WIDTH - 14
    out.append(f'<rect class="event" x="{x(begin):.1f}" y="{lane - 8}" width="{end - x(begin):.1f}" height="16" rx="3"/>')
    text(x(begin) + 6, lane + 4, f"id {number}", "inside", "start")
    line(x(published), bottom, x(published), lane + 16, "published")
    text(x(published), lane + 31, "begin", "note")
    if end_published:
        line(x(end_published), bottom, x(end_published), lane + 16, "published")
        text(x(end_published), lane + 31, "end", "note")
        out.append(f'<rect class="rest" x="{x(kept):.1f}" y="{lane - 8}" width="{STEP * REFRACTORY}" height="16" rx="3"/>')

print(f"""<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {lane + 46}" font-family="sans-serif" font-size="12">
<title>Scores of one label, a window a second, and the events they make</title>
<style>
text {{ fill: #333 }} .note {{ font-style: italic; fill: #555 }} .on-t {{ fill: #b3470f }} .off-t {{ fill: #1f6f8b }}
.inside {{ fill: #fff }} .axis {{ stroke: #888 }} .published {{ stroke: #888; stroke-dasharray: 2 3 }}
.on {{ stroke: #d9601a; stroke-width: 1.5 }} .off {{ stroke: #2b8fb0; stroke-width: 1.5; stroke-dasharray: 6 4 }}
.hit {{ fill: #e0864f }} .kept {{ fill: #7fb8cc }} .low {{ fill: #b9bec4 }} .event {{ fill: #2f7d4f }}
.rest {{ fill: none; stroke: #888; stroke-dasharray: 4 3 }}
@media (prefers-color-scheme: dark) {{
text {{ fill: #ddd }} .note {{ fill: #bbb }} .on-t {{ fill: #f0a070 }} .off-t {{ fill: #7fc8e0 }} .low {{ fill: #5b6168 }}
.inside {{ fill: #fff }} }}
</style>""")
print("\n".join(out))
print("</svg>")
