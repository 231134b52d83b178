#!/usr/bin/env python3
"""Draws docs/peers.svg from the newest records of history.jsonl: one window's time by precision and engine.

    Benchmarks/draw_peers.py > docs/peers.svg
"""
import json
import sys
from pathlib import Path

NAMES = {"astd": "astd", "openvino": "OpenVINO", "onnxruntime": "ONNX Runtime"}
WIDTH, LEFT, BAR, GAP, GROUP_GAP, TOP = 780, 150, 18, 4, 16, 34
SCALE_WIDTH = WIDTH - LEFT - 130
STYLE = """text { font: 13px sans-serif; fill: #24292f } .k { font-weight: 600 } .n { fill: #57606a }
.astd { fill: #1a7f37 } .openvino { fill: #8c959f } .onnxruntime { fill: #b6bec6 } rect.page { fill: #fff }
@media (prefers-color-scheme: dark) { text { fill: #e6edf3 } .n { fill: #9198a1 } rect.page { fill: #0d1117 }
.astd { fill: #3fb950 } .openvino { fill: #6e7681 } .onnxruntime { fill: #484f58 } }"""


def newest(threads):
    records = {}
    for line in (Path(__file__).parent / "history.jsonl").read_text().splitlines():
        record = json.loads(line)
        if record["threads"] == threads:
            records[record["precision"]] = record
    return [records[p] for p in ("int8", "bf16", "fp32") if p in records]


def main():
    records = newest(threads=2)
    if not records:
        sys.exit("draw_peers.py: history.jsonl has no record with two threads")
    longest = max(e["min_ms"] for r in records for e in r["engines"].values())
    out, y = [], TOP
    for record in records:
        engines = [name for name in NAMES if name in record["engines"]]
        own = record["engines"]["astd"]["min_ms"]
        out.append(f'<text class="k" x="12" y="{y + BAR - 5}">{record["precision"]}</text>')
        for name in engines:
            time = record["engines"][name]["min_ms"]
            length = SCALE_WIDTH * time / longest
            note = f"{time:.0f} ms" + ("" if name == "astd" else f" ({time / own:.2f} x)")
            out.append(f'<text x="{LEFT - 8}" y="{y + BAR - 5}" text-anchor="end">{NAMES[name]}</text>')
            out.append(f'<rect class="{name}" x="{LEFT}" y="{y}" width="{length:.1f}" height="{BAR}" rx="2"/>')
            out.append(f'<text class="n" x="{LEFT + length + 6:.1f}" y="{y + BAR - 5}">{note}</text>')
            y += BAR + GAP
        y += GROUP_GAP
    print(f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {y}" width="{WIDTH}" height="{y}" role="img">')
    print(f"<title>Time of one window by precision and engine; shorter is better</title><style>{STYLE}</style>")
    print(f'<rect class="page" width="{WIDTH}" height="{y}" rx="6"/>')
    print('<text class="n" x="12" y="20">One window of 10.24 s, AST-base, two cores: shorter is better</text>')
    print("\n".join(out))
    print("</svg>")


main()
