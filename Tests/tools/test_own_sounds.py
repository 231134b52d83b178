#!/usr/bin/env python3
"""Tests examples/own-sounds on a small model: make test-own-sounds (a minute). ASTD names the program."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
import unittest
from pathlib import Path

import numpy as np
import soundfile

sys.dont_write_bytecode = True
ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "examples" / "own-sounds"
sys.path.insert(0, str(EXAMPLE))
import torch  # noqa: E402

import clips as clipping  # noqa: E402
import evaluate  # noqa: E402
import others  # noqa: E402
import report  # noqa: E402
import train  # noqa: E402
from mixing import Mixer  # noqa: E402

MODEL = ROOT / "Tests/Golden/models/stride10"
ASTD = os.environ.get("ASTD", str(ROOT / ".build/release/astd"))
RATE = 16_000
NAMES = {"Höhle, \"Söhne\": #1": 300, "Smoke%2Ffire": 900, "-dash": 2500}
LABELS = ["-dash", "Höhle, \"Söhne\": #1", "Smoke/fire"]


def tone(hertz, seed, rate=RATE, seconds=0.4):
    rng = np.random.default_rng(seed)
    time_ = np.arange(int(rate * seconds)) / rate
    return 0.3 * np.sin(2 * np.pi * hertz * rng.uniform(0.95, 1.05) * time_) + 0.003 * rng.standard_normal(len(time_))


class Program:
    """A program that runs in a fork of this process, which has imported the libraries already."""

    def __init__(self, module, arguments):
        self.output = tempfile.TemporaryFile("w+")
        self.identifier = os.fork()
        if self.identifier == 0:
            code = 1
            try:
                os.dup2(self.output.fileno(), 1)
                os.dup2(self.output.fileno(), 2)
                sys.stdout = os.fdopen(1, "w", buffering=1, closefd=False)
                sys.stderr = os.fdopen(2, "w", buffering=1, closefd=False)
                sys.argv = [f"{module.__name__}.py", *map(str, arguments)]
                module.main()
                code = 0
            except SystemExit as end:
                code = end.code if isinstance(end.code, int) else 1
                print(end.code)
            except BaseException:
                traceback.print_exc()
            finally:
                sys.stdout.flush()
                os._exit(code)

    def wait(self):
        """The exit status, negative for a signal, and everything that was printed."""
        _, status = os.waitpid(self.identifier, 0)
        with self.output as output:
            output.seek(0)
            return os.waitstatus_to_exitcode(status), output.read()

    def has_ended(self):
        return os.waitid(os.P_PID, self.identifier, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


class OwnSoundsTest(unittest.TestCase):
    def setUp(self):
        self.folder = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)

    def write(self, name, samples, rate=RATE):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, samples, rate)
        return path

    def write_clips(self, count=6, names=NAMES):
        for name, hertz in names.items():
            for number in range(count):
                self.write(f"clips/{name}/{number}.wav", tone(hertz, number))

    def write_room(self, seconds=40):
        rng = np.random.default_rng(8)
        self.write("room/a.flac", 0.01 * rng.standard_normal(RATE * seconds))

    def start(self, *more, base=MODEL):
        return Program(train, [self.folder / "clips", "--base", base, "--output", self.folder / "adapter", "--windows", "60",
                               "--threads", "1", *more])

    def train(self, *more, code=0, base=MODEL):
        found, said = self.start(*more, base=base).wait()
        self.assertEqual(found, code, said)
        self.assertNotIn("Traceback", said)
        return said

    def refused(self, *mentions, arguments=()):
        said = self.train(*arguments, code=1)
        for mention in mentions:
            self.assertIn(mention, said)
        self.assertFalse((self.folder / "adapter").exists())

    def astd(self, *arguments):
        done = subprocess.run([ASTD, *map(str, arguments)], capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def classify(self, *more):
        out = self.astd("classify", "--model", MODEL, "--adapter", self.folder / "adapter", "--no-cache", "--no-progress",
                        "--precision", "fp32", "--format", "jsonl", *more)
        return [json.loads(line) for line in out.splitlines()]

    # ---- What cannot be learned from

    def test_two_clips_a_class_are_too_few(self):
        self.write_clips(2, {"A": 300, "B": 900})
        self.refused("too few recordings", "A: 2; B: 2", "at least 3")

    def test_one_class_without_a_background_has_nothing_to_be_told_apart_from(self):
        self.write_clips(6, {"A": 300})
        self.refused("only one class (A) and no background", "--background")

    def test_copies_count_once(self):
        self.write_clips(5, {"A": 300})
        for number in range(20):
            self.write(f"clips/B/{number}.wav", tone(900, 1))
        self.refused("is a copy of", "B: 1; at least 3")

    def test_silent_and_short_clips_are_named_and_not_used(self):
        self.write_clips(5, {"A": 300})
        for number in range(5):
            self.write(f"clips/B/{number}.wav", np.zeros(8000))
        self.write("clips/B/short.wav", tone(900, 1, seconds=0.01))
        self.write("clips/B/long.wav", tone(900, 1, seconds=31))
        self.refused("clips/B/0.wav: is silent", "short.wav: is too short", "long.wav: is too long", "B: 0; at least 3")

    def test_a_folder_without_classes_says_what_to_do(self):
        self.write("clips/0.wav", tone(300, 0))
        self.refused("0.wav: is not in a folder of a class", "make one for each class")

    def test_an_existing_output_is_not_replaced(self):
        self.write_clips(3)
        (self.folder / "adapter").mkdir()
        (self.folder / "adapter/mine").touch()
        self.assertIn("exists: name another --output", self.train(code=1))
        self.assertTrue((self.folder / "adapter/mine").exists())

    def test_missing_base(self):
        self.write_clips(3)
        self.assertIn("has no config.json: name a model's directory", self.train(code=1, base=self.folder))

    # ---- What can

    def test_odd_names_rates_and_a_corrupt_file(self):
        self.write_clips(6)
        self.write_room()
        self.write("clips/-dash/phone.wav", tone(2500, 70, 8000), 8000)
        self.write("clips/-dash/studio.wav", np.stack([tone(2500, 71, 48000)] * 2, 1), 48000)
        self.write("clips/-dash/old.wav", tone(2500, 72, 11025), 11025)
        self.write("clips/-dash/bats.wav", tone(2500, 73, 192000), 192000)
        (self.folder / "clips/-dash/broken.wav").write_bytes(b"RIFF\0\0\0\0WAVEjunk")
        (self.folder / "clips/-dash/empty.flac").touch()
        whole = self.write("clips/-dash/cut.flac", tone(2500, 74))
        whole.write_bytes(whole.read_bytes()[:2000])
        (self.folder / "clips/-dash/notes.txt").write_text("x")
        said = self.train("--background", self.folder / "room", "--probe-only")
        self.assertIn("broken.wav: cannot be read", said)
        self.assertIn("empty.flac: cannot be read", said)
        self.assertIn("cut.flac: cannot be read", said)
        self.assertIn("1 file is not audio", said)
        self.assertIn("-dash: 2 clips below 16 kHz", said)
        self.assertIn("-dash: 10 recordings", said)
        self.assertIn("TOO LITTLE DATA", said)
        adapter = self.folder / "adapter"
        self.assertFalse((self.folder / "adapter.work").exists())
        self.assertEqual(json.loads((adapter / "evaluation.json").read_text())["labels"], LABELS)
        self.assertIn("macro F1", (adapter / "README.md").read_text())
        inspection = self.astd("inspect", adapter, "--model", MODEL)
        self.assertIn("sha256 equal", inspection)
        # The thresholds are valid settings, and the labels are those of the adapter.
        done = subprocess.run(
            [ASTD, "classify", "--model", MODEL, "--adapter", adapter, "--events", "--config", adapter / "detection.yaml",
             "--no-cache", self.folder / "room"], capture_output=True, text=True)
        self.assertEqual((done.returncode, done.stderr.count("no label")), (0, 0), done.stderr)

    def test_scores_and_events_are_those_of_astd(self):
        from peft import PeftModel
        from transformers import ASTFeatureExtractor

        import network
        from features import Features

        self.write_clips(6)
        self.write_room()
        self.train("--background", self.folder / "room", "--probe-only")
        rng = np.random.default_rng(4)
        sound = 0.01 * rng.standard_normal(RATE * 30)
        for number, start in enumerate(rng.integers(0, 29 * RATE, 12)):
            part = tone((300, 900, 2500)[number % 3], number)
            sound[start : start + len(part)] += part
        path = self.write("mixed.wav", sound)
        features = Features(ASTFeatureExtractor.from_pretrained(MODEL))
        model = PeftModel.from_pretrained(network.base_model(MODEL, LABELS), self.folder / "adapter").eval()
        samples = clipping.read(path)
        records = self.classify("--hop", "1", "--top-k", "all", path)
        scores = []
        for record in records:
            found = [entry["score"] for entry in sorted(record["labels"], key=lambda entry: entry["index"])]
            if record["start"] == int(record["start"]):
                start = int(record["start"]) * RATE
                with torch.inference_mode():
                    wanted = torch.sigmoid(model(features(samples[start:])[None]).logits[0]).numpy()
                self.assertLess(np.abs(wanted - found).max(), 1e-4)
            scores.append(found)
        scores = np.array(scores)
        self.assertGreater(len(scores), 25)
        for on in (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7):
            events = self.classify("--events", "--hop", "1", "--set", f"detection.on={on}", path)
            for index, label in enumerate(LABELS):
                counted = sum(event["label"] == label for event in events)
                self.assertEqual(report.events(scores[:, index], on), counted, f"{label} at {on}")

    def test_a_training_is_continued_after_kills_and_control_c(self):
        self.write_clips(6)
        self.write_room()
        arguments = ("--background", self.folder / "room", "--steps", "60")
        adapter, work = self.folder / "adapter", self.folder / "adapter.work"
        # One kill in each part of the training.
        moments = [work / f"{name}.pt" for name in ("made sounds", "training windows", "training backgrounds", "validation windows")]
        moments += [adapter / "adapter_config.json", work / "lora.pt"]
        for number, wanted in [(signal.SIGKILL, moment) for moment in moments] + [(signal.SIGINT, adapter / "adapter_config.json")]:
            before = wanted.stat().st_mtime_ns if wanted.exists() else 0
            program = self.start(*arguments)
            while not program.has_ended() and not (wanted.exists() and wanted.stat().st_mtime_ns > before):
                time.sleep(0.02)
            os.kill(program.identifier, number)
            code, said = program.wait()
            self.assertEqual(code, -signal.SIGKILL if number == signal.SIGKILL else 0, said)
            # Whatever there is can be used.
            if wanted == moments[0]:
                self.assertFalse(adapter.exists())
            if adapter.exists():
                self.astd("inspect", adapter, "--model", MODEL)
                self.assertIn("macro F1", (adapter / "README.md").read_text())
        self.assertTrue(adapter.exists())
        said = self.train(*arguments)
        self.assertIn("continuing with", said)
        self.assertIn("LoRA:", said)
        self.assertFalse(work.exists())

    def test_one_of_several_labels(self):
        self.write_clips(6, {"A": 300, "B": 2500})
        self.write_room()
        self.train("--background", self.folder / "room", "--single", "Other", "--probe-only")
        records = self.classify("--top-k", "all", self.folder / "clips/A/0.wav")
        self.assertEqual({entry["label"] for entry in records[0]["labels"]}, {"A", "B", "Other"})
        self.assertAlmostEqual(sum(entry["score"] for entry in records[0]["labels"]), 1, places=4)

    def test_evaluation_by_astd(self):
        self.write_clips(6)
        self.write_room()
        self.train("--background", self.folder / "room", "--probe-only")
        code, said = Program(
            evaluate, [self.folder / "adapter", self.folder / "clips", "--base", MODEL, "--astd", ASTD, "--background",
                       self.folder / "room", "--decibels", "15", "--json"]).wait()
        self.assertEqual(code, 0, said)
        result = json.loads(said[said.index("{"):])
        self.assertEqual(result["clips"], 18)
        self.assertAlmostEqual(result["background"]["hours"], 40 / 3600)
        self.assertEqual(sum(map(sum, result["confusion"])), 18)

    # ---- Vectors

    def test_vectors_of_the_included_model_are_those_of_transformers(self):
        from transformers import ASTFeatureExtractor

        import network
        from features import Features

        base = ROOT / "models/default"
        model, features = network.base_model(base, ["A"]), Features(ASTFeatureExtractor.from_pretrained(base))
        self.astd("embed", base / "examples", "--model", base, "--no-cache", "--output", self.folder / "v.npy", "--no-progress")
        found = np.load(self.folder / "v.npy")
        paths = sorted((base / "examples").glob("*.flac"))
        wanted = network.pooled(model, torch.stack([features(clipping.read(path)) for path in paths]), "cpu").numpy()
        self.assertEqual(found.shape, wanted.shape)
        self.assertLess(np.abs(found - wanted).max(), 1e-4)

    def test_the_nearest_vectors_are_those_of_the_same_sound(self):
        base = ROOT / "models/default"
        rng = np.random.default_rng(2)
        for path in (base / "examples").glob("*.flac"):
            samples, rate = soundfile.read(path)
            mixed = 0.4 * np.roll(samples, rate) + 0.003 * rng.standard_normal(len(samples))
            if path.stem != "silence":
                self.write(f"archive/{path.stem}.wav", mixed, rate)
        for name, folder in (("archive", self.folder / "archive"), ("query", base / "examples")):
            self.astd("embed", folder, "--model", base, "--no-cache", "--output", self.folder / f"{name}.npy", "--no-progress")
        command = [sys.executable, ROOT / "examples/search/nearest.py", self.folder / "archive.npy", self.folder / "query.npy", "--count", "1"]
        lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
        pairs = [(Path(line.split("\t")[0].split(" ")[0]).stem, Path(line.split("\t")[2]).stem) for line in lines]
        pairs = [(asked, hit) for asked, hit in pairs if asked != "silence"]
        self.assertEqual(len(pairs), 8)
        self.assertEqual([asked for asked, _ in pairs], [hit for _, hit in pairs])

    # ---- The parts

    def test_a_window_of_a_class_holds_its_sound(self):
        rng = np.random.default_rng(1)
        window = int(5.135 * RATE)
        mixer = Mixer(window, [("silence", np.full(window * 3, 1e-6, np.float32))])
        for seconds in (0.1, 1, 3, 4, 8, 20):
            first, last = int(0.3 * RATE), int((0.3 + seconds) * RATE)
            sound = np.zeros(last + int(0.2 * RATE), np.float32)
            sound[first:last] = 0.3 * rng.standard_normal(last - first)
            held = []
            for _ in range(60):
                mixed = mixer.window(rng, sound, 30, augments=False)
                held.append((np.abs(mixed) > 1e-4).mean() * window / RATE)
            # All but the ends of it, or all of the window but two seconds.
            self.assertGreater(min(held), min(0.85 * seconds, 5.135 - 2.05), seconds)

    def test_the_rate_of_false_alarms_is_estimated_beyond_what_was_recorded(self):
        rng = np.random.default_rng(6)
        # In ten hours, peaks whose logits are exponential; the true rate an hour at each threshold is known.
        def hours(count):
            scores = np.full(3600 * count, 0.001)
            for start in range(0, len(scores) - 8, 40):
                scores[start : start + 2] = 1 / (1 + np.exp(3 - rng.exponential(0.9)))
            return scores

        for _ in range(5):
            tail = report.Tail([hours(1), hours(1)], 2)
            for on in (0.5, 0.8, 0.95):
                true = 90 * np.exp(-(report.logit(on) + 3) / 0.9)
                low, high = tail.rate(on, -3), tail.rate(on, 3)
                self.assertLess(low, true)
                self.assertLess(true, high)
        labels, quarter = ["A"], hours(1)[:900, None]
        scores = np.concatenate([np.full(50, 0.97), np.zeros(50)])[:, None]
        truth = scores > 0.5
        on, _ = report.thresholds(labels, scores, truth, [quarter], 1)
        self.assertLess(on["A"]["expected"][0], 1)
        self.assertEqual(on["A"]["recall"], 1)
        # One event in a quarter of an hour does not contradict one an hour; three do.
        few, many = quarter.copy(), quarter.copy()
        few[100:104] = many[100:104] = many[300:304] = many[500:504] = 0.95
        self.assertLessEqual(report.thresholds(labels, scores, truth, [few], 1)[0]["A"]["false_alarms"], 1)
        self.assertGreater(report.thresholds(labels, scores, truth, [many], 1)[0]["A"]["on"], 0.95)

    def test_no_threshold_needs_a_background(self):
        on, hours = report.thresholds(["A"], np.array([[0.9], [0.2]]), np.array([[True], [False]]), [], 1)
        self.assertEqual((hours, on["A"]["expected"][0]), (0, None))
        self.assertTrue(0.2 < on["A"]["on"] <= 0.9)

    def test_made_sounds_that_could_be_of_a_class_are_left_out(self):
        rng = np.random.default_rng(3)
        bells = rng.standard_normal(32) + 0.1 * rng.standard_normal((10, 32))
        dogs = rng.standard_normal(32) + 0.1 * rng.standard_normal((10, 32))
        made = np.concatenate([rng.standard_normal((20, 32)), bells[:1] + 0.01 * rng.standard_normal((2, 32))])
        keep = others.unlike(made, np.concatenate([bells, dogs]), ["Bell"] * 10 + ["Dog"] * 10, np.arange(20))
        self.assertEqual(keep.tolist(), [True] * 20 + [False] * 2)


    def test_clips_of_a_recording_stay_together(self):
        for name in ("A", "B"):
            for recording in range(5):
                for number in range(4):
                    self.write(f"clips/{name}/day{recording}{name}--{number}.wav", tone(300, [recording, number, ord(name)]))
        found = clipping.read_folder(self.folder / "clips")
        parts = clipping.split(found.clips, found.labels, 1)
        places = {}
        for number, part in enumerate(parts):
            for clip in part:
                places.setdefault(clip.recording, set()).add(number)
        self.assertEqual(len(places), 10)
        self.assertTrue(all(len(where) == 1 for where in places.values()))
        for label in ("A", "B"):
            self.assertTrue(all(any(label in clip.labels for clip in part) for part in parts))

    def test_every_class_is_in_each_part(self):
        for number in range(20):
            self.write(f"clips/A/{number}.wav", tone(300, [number, 1]))
        for number in range(3):
            self.write(f"clips/B/{number}.wav", tone(900, [number, 2]))
        for number in range(9):  # Three recordings, of which each has both.
            self.write(f"clips/{'CDD'[number % 3]}/week{number // 3}--{number}.wav", tone(500, [number, 3]))
        found = clipping.read_folder(self.folder / "clips")
        for seed in range(20):
            parts = clipping.split(found.clips, found.labels, seed)
            counts = {label: [sum(label in clip.labels for clip in part) for part in parts] for label in found.labels}
            self.assertEqual(counts, {"A": [12, 4, 4], "B": [1, 1, 1], "C": [1, 1, 1], "D": [2, 2, 2]})

    def test_two_sounds_at_once(self):
        for name in ("Dog", "Bell", "Dog+Bell", "C++"):
            self.write(f"clips/{name}/0.wav", tone(300, [len(name), ord(name[0])]))
        found = clipping.read_folder(self.folder / "clips")
        self.assertEqual(found.labels, ["Bell", "C++", "Dog"])
        self.assertIn(("Dog", "Bell"), [clip.labels for clip in found.clips])

    def test_cut_finds_each_sound_once(self):
        rng = np.random.default_rng(2)
        sound = 0.002 * rng.standard_normal(RATE * 60)
        for start in (3, 20, 41.5):
            part = tone(700, 1)
            sound[int(start * RATE) : int(start * RATE) + len(part)] += part
        path = self.write("monday.wav", sound)
        command = [sys.executable, EXAMPLE / "cut.py", path, "--output", self.folder / "out"]
        self.assertIn("3 clips, 3 new", subprocess.run(command, capture_output=True, text=True).stdout)
        self.assertIn("3 clips, 0 new", subprocess.run(command, capture_output=True, text=True).stdout)
        names = sorted(path.name for path in (self.folder / "out").iterdir())
        self.assertEqual([name.split("--")[0] for name in names], ["monday"] * 3)
        starts = [int(name[8:12]) * 60 + float(name[13:18]) for name in names]
        self.assertLess(np.abs(np.array(starts) - [2.8, 19.8, 41.3]).max(), 0.05)

    def test_intervals_are_wilsons(self):
        low, high = report.interval(4, 4)
        self.assertAlmostEqual(low, 0.5101, places=4)
        self.assertEqual(high, 1)
        self.assertIsNone(report.interval(0, 0))


if __name__ == "__main__":
    unittest.main(verbosity=2)
