#!/usr/bin/env python3
"""Prints predictions and events as they happen: watch.py [SOCKET]"""
import json, os, socket, sys

paths = [os.environ.get("XDG_RUNTIME_DIR", "/run") + "/astd/events.sock", "/run/astd/events.sock"]
with socket.socket(socket.AF_UNIX) as events:
    events.connect(sys.argv[1] if len(sys.argv) > 1 else next(filter(os.path.exists, paths), paths[1]))
    for line in events.makefile(encoding="utf-8"):
        record = json.loads(line)
        if record["type"] == "prediction":
            best = (f"{entry['label']} {entry['score']:.2f}" for entry in record["labels"][:3])
            print(record["time"], *best, sep="  ", flush=True)
        elif record["type"] == "event":
            print(record["time"], record["label"], record["state"], sep="  ", flush=True)
