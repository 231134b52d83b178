"""Clips and backgrounds, divided into training, validation and test, and the windows made of them."""

import hashlib
import json

import numpy as np
import torch

import clips as clipping
import others
from console import fail, progress, say
from mixing import Mixer, gain

MINIMUM_RECORDINGS = 3  # one each for training, validation and test
FEW_RECORDINGS = 10
HELD_BACKGROUNDS = 300  # windows of validation and test
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
        self.others = [others.cut_out(part) for part in self.backgrounds]
        # Windows of the training backgrounds that are most taken for a class.
        self.hard = []
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
                         f"cannot be counted in it and is estimated from the highest scores; about {need:.0f} h of recordings would do")
        return texts

    def minutes(self, part):
        return sum(len(samples) for _, samples in self.backgrounds[part]) / clipping.RATE_HZ / 60

    def truth(self, names):
        return [label in names for label in self.labels]

    def nothing(self):
        return (self.options.single,) if self.options.single else ()

    def draw(self, rng):
        """A training window: its samples and labels. Half are of a class, every class and recording equally likely."""
        mixer, kind = self.mixers[0], rng.random()
        if kind < 0.2 and self.others[0]:
            return mixer.window(rng, self.others[0][rng.integers(len(self.others[0]))]), self.nothing()
        if kind < 0.4 and self.hard:
            return self.near(rng, *self.hard[rng.integers(len(self.hard))]), self.nothing()
        if kind < 0.5:
            return mixer.background(rng), self.nothing()
        name = self.sounds[rng.integers(len(self.sounds))]
        own = [clip for clip in self.parts[0] if name in clip.labels]
        recordings = sorted({clip.recording for clip in own})
        which = recordings[rng.integers(len(recordings))]
        own = [clip for clip in own if clip.recording == which]
        clip = own[rng.integers(len(own))]
        return mixer.window(rng, clip.samples), clip.labels

    def near(self, rng, samples, start):
        """A window within a second of this place, at another level."""
        window, second = self.features.samples, clipping.RATE_HZ
        start = int(np.clip(start + rng.integers(-second, second), 0, max(0, len(samples) - window)))
        return np.clip(np.resize(samples[start : start + window], window) * gain(rng.uniform(-12, 6)), -1, 1)

    def held(self, part, each, decibels):
        """Windows of validation or test: each clip several times, half as many other sounds, and backgrounds."""
        mixer, seed, augments = self.mixers[part], self.options.seed, decibels is None
        for index, clip in enumerate(self.parts[part]):
            for number in range(each):
                rng = np.random.default_rng([seed, part, index, number])
                yield mixer.window(rng, clip.samples, decibels, augments), clip.labels
        other = self.others[part]
        most = min(len(other), len(self.parts[part]) * each // 2)
        for index in range(most):
            rng = np.random.default_rng([seed, part, 2_000_000 + index])
            yield mixer.window(rng, other[index * len(other) // most], decibels, augments), self.nothing()
        places = self.places(part, HELD_BACKGROUNDS)
        for samples, start in places:
            yield samples[start : start + self.features.samples], self.nothing()
        for index in range(0 if places else 40):
            yield mixer.background(np.random.default_rng([seed, part, 1_000_000 + index])), self.nothing()

    def places(self, part, most):
        """Where windows of a part's backgrounds begin, evenly distributed, two seconds apart or more."""
        window = self.features.samples
        found = [(samples, start) for _, samples in self.backgrounds[part]
                 for start in range(0, max(1, len(samples) - window), 2 * clipping.RATE_HZ)]
        return found[:: max(1, -(-len(found) // most))]

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
    state = ["recipe 2", base_sha256, {k: str(v) for k, v in sorted(vars(options).items()) if k not in ignored}]
    state += [[clip.path, hashlib.sha256(clip.samples.tobytes()).hexdigest()] for clip in data.clips]
    state += [[path, len(samples)] for part in data.backgrounds for path, samples in part]
    return hashlib.sha256(json.dumps(state).encode()).hexdigest()
