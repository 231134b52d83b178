#!/usr/bin/env python3
"""examples/spark on a cluster of two workers, of which one is killed in the middle: make test-spark."""
import collections
import importlib.util
import json
import os
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
ASTD = os.environ.get("ASTD", str(REPOSITORY / ".build/release/astd"))
CLIPS = REPOSITORY / "Tests/Golden/clips"
FILES = 120


def processes():
    """Process numbers and command lines of everything below this process."""
    parents, lines = {}, {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(") ")[2].split()[1])
                lines[int(entry.name)] = (entry / "cmdline").read_text().replace("\0", " ")
            except OSError:
                pass
    ours = {os.getpid()}
    while True:
        more = {child for child, parent in parents.items() if parent in ours} - ours
        if not more:
            return {process: lines[process] for process in ours}
        ours |= more


def kill_in_the_middle(output, killed):
    """Kills one astd and then one executor, with everything it runs, once some partitions are finished."""
    end = time.monotonic() + 300
    wanted = [("astd", "astd classify"), ("executor", "CoarseGrainedExecutorBackend")]
    while wanted and time.monotonic() < end:
        time.sleep(0.1)
        if not any(output.rglob("part-*.parquet")):
            continue
        name, line = wanted[0]
        for process, command in sorted(processes().items()):
            if line in command and "spark.deploy" not in command:
                os.kill(process, signal.SIGKILL)
                killed.append(name)
                wanted.pop(0)
                break


def main():
    from pyspark.sql import SparkSession
    specification = importlib.util.spec_from_file_location("spark_classify", REPOSITORY / "examples/spark/classify.py")
    example = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(example)
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        (folder / "in").mkdir()
        paths = []
        for number in range(FILES):
            path = folder / "in" / f"{number:03} é, \"{number}\".wav"
            if number % 29 == 7:
                path.write_text("no sound")
            elif number % 29 != 11:
                shutil.copy(CLIPS / ["long.wav", "speech.wav", "noise.wav"][number % 3], path)
            paths.append(str(path))
        manifest = folder / "manifest.txt"
        manifest.write_text("\n".join(paths) + "\n")
        command = [ASTD, "classify", "--model", str(REPOSITORY / "Tests/Golden/models/stride10"), "--threads", "1",
                   "--hop", "0.02", "--top-k", "3"]
        alone = subprocess.run(command + ["--format", "jsonl", "--files-from", str(manifest)],
                               stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        assert alone.returncode == 1, alone.returncode
        wanted = [row for line in alone.stdout.decode().splitlines() for row in example.rows(json.loads(line))]

        os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
        # Workers unpickle what this process made of the example.
        sys.modules["spark_classify"] = example
        import pyspark.cloudpickle as cloudpickle
        cloudpickle.register_pickle_by_value(example)
        spark = (SparkSession.builder.master("local-cluster[2,1,1024]").appName("astd test")
                 .config("spark.ui.enabled", "false").config("spark.ui.showConsoleProgress", "false")
                 .config("spark.sql.shuffle.partitions", "2")
                 .config("spark.driver.bindAddress", "127.0.0.1").config("spark.driver.host", "127.0.0.1")
                 .getOrCreate())
        spark.sparkContext.setLogLevel("ERROR")
        killed = []
        output = folder / "labels.parquet"
        killer = threading.Thread(target=kill_in_the_middle, args=(output, killed))
        killer.start()
        example.run(spark, manifest.as_uri(), str(output), command, 24)
        killer.join()
        assert killed == ["astd", "executor"], f"killed in the middle: {killed}"
        found = [tuple(row) for row in spark.read.parquet(str(output)).collect()]
        spark.stop()
    # The table has floats of 32 bits, and no other digits may be lost.
    floats = [row[:5] + (None if row[5] is None else struct.unpack("f", struct.pack("f", row[5]))[0],) + row[6:]
              for row in wanted]
    difference = collections.Counter(found)
    difference.subtract(floats)
    wrong = {row: count for row, count in difference.items() if count}
    assert not wrong, f"{len(wrong)} rows are lost or doubled, such as {next(iter(wrong.items()))}"
    print(f"Spark passed: {len(found)} rows of {FILES} files, with {' and '.join(killed)} killed in the middle")


main()
