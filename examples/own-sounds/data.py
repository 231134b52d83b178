"""Clips and backgrounds, divided into training, validation and test, and the windows made of them."""

import hashlib
import json

import numpy as np
import torch

import clips as clipping
from console import fail, progress, say
from mixing import Mixer

MINIMUM_RECORDINGS = 3  # one each for training, validation and test
FEW_RECORDINGS = 10
LONGEST_BACKGROUND_SECONDS = 1800  # of validation and test, which bounds the time that they take


class Data:
    def __init__(self, options, features):
        self.options, self.features = options, features
        found = clipping.read_folder(options.clips, lambda done, total, path: progress("reading clips", done, total))
        background, problems = clipping.read_backgrounds(options.background)
        for text in found.problems + problems:
            say(f"  {text}")
        self.sounds, self.clips = found.labels, found.clips
        self.labels = found.labels + ([options.single] if options.single else [])
        self.check(background)
        self.parts = clipping.split(self.clips, self.sounds, options.seed)
        self.backgrounds = self.divide(background)
        self.mixers = [Mixer(features.samples, part) for part in self.backgrounds]
        self.counts = {label: [sum(label in clip.labels for clip in part) for part in self.parts]
                       + [len({clip.recording for clip in self.clips if label in clip.labels})] for label in self.labels}
        self.advice = self.advise()

    def check(self, background):
        """Ends the program when there is nothing to learn from."""
        if not self.options.clips.is_dir():
            fail(f"{self.options.clips} is not a folder")
        if not self.sounds:
            fail(f"{self.options.clips} has no folders: make one for each class, such as {self.options.clips}/Chime, with its clips")
        if self.options.single in self.sounds:
            fail(f"--single {self.options.single} is also a class: give the label of everything else another name")
        if len(self.sounds) == 1 and not background:
            fail(f"only one class ({self.sounds[0]}) and no background: there is nothing to tell it apart from; "
                 "add --background with recordings of the room")
        few = {}
        for name in self.sounds:
            count = len({clip.recording for clip in self.clips if clip.labels[0] == name})
            if count < MINIMUM_RECORDINGS:
                few[name] = count
        if few:
            counted = "; ".join(f"{name}: {count}" for name, count in few.items())
            fail(f"too few recordings to train and to test ({counted}; at least {MINIMUM_RECORDINGS}, better 20, of different "
                 "days, distances and rooms). Copies, silent and unreadable files do not count, and clips that were cut from "
                 "one recording count once")

    def divide(self, background):
        """Backgrounds by file if there are many, else each by time: training, validation, test."""
        parts = [[], [], []]
        if len(background) >= 10:
            order = np.random.default_rng(self.options.seed).permutation(len(background))
            for index, which in enumerate(order):
                parts[(0, 1, 0, 2, 0)[index % 5]].append(background[which])
        else:
            for path, samples in background:
                first, second = int(0.6 * len(samples)), int(0.8 * len(samples))
                for part, piece in zip(parts, (samples[:first], samples[first:second], samples[second:])):
                    part.append((path, piece))
        window = self.features.samples
        return [[(path, piece) for path, piece in part if len(piece) >= (window if index else 1)] for index, part in enumerate(parts)]

    def advise(self):
        """What more would help, in plain words."""
        texts = []
        for label in self.sounds:
            train, validation, test, recordings = self.counts[label]
            if recordings < FEW_RECORDINGS:
                texts.append(f"{label}: {recordings} recordings ({train} clips for training, {validation} for validation, {test} for the test). "
                             f"With {test} test clip{'s' if test > 1 else ''}, the recall can be wrong by tens of percent; "
                             f"record {2 * FEW_RECORDINGS - recordings} more, on other days and from other places")
        hours = self.minutes(1) / 60
        if not self.options.background:
            texts.append("no background: false alarms are unknown, and made noise was trained on; record the room for an hour, "
                         "without these sounds but with everything else that happens there")
        elif hours < 1 / self.options.alarms_per_hour:
            need = 5 / self.options.alarms_per_hour
            texts.append(f"{self.minutes(1):.0f} min of background for the thresholds: a rate of {self.options.alarms_per_hour:g} false alarms an hour "
                         f"cannot be measured in it, so thresholds allow none; about {need:.0f} h of recordings would do")
        return texts

    def minutes(self, part):
        return sum(len(samples) for _, samples in self.backgrounds[part]) / clipping.RATE_HZ / 60

    def truth(self, names):
        return [label in names for label in self.labels]

    def nothing(self):
        return (self.options.single,) if self.options.single else ()

    def draw(self, rng, part=0):
        """A training window: its samples and labels; every class and recording is equally likely."""
        if rng.random() < 1 / (1 + max(2, len(self.sounds))) + 0.1:
            return self.mixers[part].background(rng), self.nothing()
        name = self.sounds[rng.integers(len(self.sounds))]
        own = [clip for clip in self.parts[part] if name in clip.labels]
        recordings = sorted({clip.recording for clip in own})
        which = recordings[rng.integers(len(recordings))]
        own = [clip for clip in own if clip.recording == which]
        clip = own[rng.integers(len(own))]
        return self.mixers[part].window(rng, clip), clip.labels

    def held(self, part, each, decibels):
        """Windows of validation or test: each clip several times, and backgrounds."""
        for index, clip in enumerate(self.parts[part]):
            for number in range(each):
                rng = np.random.default_rng([self.options.seed, part, index, number])
                yield self.mixers[part].window(rng, clip, decibels, augments=decibels is None), clip.labels
        for index in range(max(len(self.parts[part]) * each // 2, 40)):
            yield self.mixers[part].background(np.random.default_rng([self.options.seed, part, 1_000_000 + index])), self.nothing()

    def negatives(self, most):
        """Windows of the training backgrounds, evenly distributed: the more there is, the more kinds of sounds."""
        window = self.features.samples
        places = [(samples, start) for _, samples in self.backgrounds[0]
                  for start in range(0, max(1, len(samples) - window), 2 * clipping.RATE_HZ)]
        step = max(1, len(places) // most)
        return [(np.resize(samples, window) if len(samples) < window else samples[start : start + window], self.nothing())
                for samples, start in places[::step]]

    def streams(self, part):
        """Windows a second of each background."""
        left = LONGEST_BACKGROUND_SECONDS
        for _, samples in self.backgrounds[part]:
            seconds = min(left, (len(samples) - self.features.samples) // clipping.RATE_HZ + 1)
            left -= seconds
            if seconds > 0:
                yield [samples[s * clipping.RATE_HZ :][: self.features.samples] for s in range(seconds)]


def stacked(features, windows):
    windows = [features(samples) for samples in windows]
    return torch.stack(windows) if windows else torch.zeros(0, features.frames, features.bins)


def digest(options, data, base_sha256):
    """Changes with everything that a continued training must not mix."""
    ignored = ("replace", "threads", "output", "minutes")
    state = [base_sha256, {k: str(v) for k, v in sorted(vars(options).items()) if k not in ignored}]
    state += [[clip.path, hashlib.sha256(clip.samples.tobytes()).hexdigest()] for clip in data.clips]
    state += [[path, len(samples)] for part in data.backgrounds for path, samples in part]
    return hashlib.sha256(json.dumps(state).encode()).hexdigest()
