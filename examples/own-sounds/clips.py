"""Reads folders of clips: a folder for each class, each file a clip."""

import hashlib
import re
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import soundfile
import soxr

RATE_HZ = 16_000
# Names that libsndfile may read; others are reported.
ENDINGS = {".wav", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".aiff", ".aif", ".au", ".caf", ".w64"}
SHORTEST_SECONDS = 0.05
LONGEST_SECONDS = 30
# A clip whose loudest 20 ms stay below this level is silent.
SILENT_DBFS = -65.0


class UnusableClip(Exception):
    """Why a file is left out."""


@dataclass
class Clip:
    path: str
    labels: tuple
    # Clips of one recording are never divided between training and test.
    recording: str
    # Of the file; the samples are at 16 kHz.
    rate_hz: int
    samples: np.ndarray = field(repr=False)


@dataclass
class Folder:
    """The clips of a folder, and what is not used of it."""

    labels: list
    clips: list
    problems: list


def read(path):
    """Mono samples at 16 kHz, float32; raises UnusableClip."""
    try:
        samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
    except (soundfile.LibsndfileError, OSError, RuntimeError) as error:
        reason = str(error).removeprefix(f"Error opening {str(path)!r}: ").rstrip(".")
        raise UnusableClip(f"cannot be read ({reason}); convert it, such as: ffmpeg -i FILE FILE.wav") from None
    samples = samples.mean(1)
    if not np.isfinite(samples).all():
        raise UnusableClip("contains samples that are NaN or infinite")
    if rate != RATE_HZ and len(samples):
        samples = soxr.resample(samples, rate, RATE_HZ, "VHQ")
    return np.ascontiguousarray(samples, np.float32)


def levels(samples, seconds=0.02):
    """Level of each 20 ms in dB relative to full scale."""
    size = int(RATE_HZ * seconds)
    count = max(1, len(samples) // size)
    blocks = np.resize(samples, count * size).reshape(count, size) if len(samples) >= size else samples[None]
    return 10 * np.log10(np.maximum((blocks.astype(np.float64) ** 2).mean(1), 1e-12))


def checked(samples):
    """The samples, if they can be learned from; raises UnusableClip."""
    seconds = len(samples) / RATE_HZ
    if seconds < SHORTEST_SECONDS:
        raise UnusableClip(f"is too short ({seconds:.3f} s; at least {SHORTEST_SECONDS} s)")
    if seconds > LONGEST_SECONDS:
        raise UnusableClip(f"is too long ({seconds:.0f} s; at most {LONGEST_SECONDS} s): cut it into clips with cut.py")
    if levels(samples).max() < SILENT_DBFS:
        raise UnusableClip(f"is silent (below {SILENT_DBFS:.0f} dBFS)")
    return samples


def recording(path, folder):
    """What the clip was cut from: its name before `--`, which several classes may share, else a folder within that of
    the class, or the file itself."""
    inner = path.relative_to(folder)
    if "--" in inner.stem:
        return inner.stem.split("--")[0]
    return f"{folder.name}/{inner.parts[0]}"


def files(folder):
    """Audio files below a folder, sorted, and the number of other ones; hidden names are ignored."""
    found, others = [], 0
    for path in sorted(Path(folder).rglob("*")):
        if any(part.startswith(".") for part in path.relative_to(folder).parts) or not path.is_file():
            continue
        if path.suffix.lower() in ENDINGS:
            found.append(path)
        else:
            others += 1
    return found, others


def label(name):
    """A folder's name as a label; `astd-gateway export` writes some characters as %HH."""
    bytes_ = re.sub(rb"%([0-9A-Fa-f]{2})", lambda match: bytes([int(match[1], 16)]), name.encode("utf-8", "surrogateescape"))
    text = bytes_.decode("utf-8", "replace").strip()
    if not text or any(ord(character) < 32 or character in "\x7f�" for character in text):
        raise UnusableClip("has a name that cannot be a label; rename the folder")
    return text


def read_folder(root, on_progress=lambda done, total, path: None):
    """Reads all clips of a folder with a folder for each class."""
    root = Path(root)
    names, problems = {}, []
    for path in sorted(root.iterdir()) if root.is_dir() else []:
        if path.name.startswith("."):
            continue
        if not path.is_dir():
            if path.suffix.lower() in ENDINGS:
                problems.append(f"{path}: is not in a folder of a class; move it into one")
            continue
        try:
            names[path] = label(path.name)
        except UnusableClip as error:
            problems.append(f"{path}: {error}")
    clips, by_content = [], {}
    work = [(folder, file) for folder in names for file in files(folder)[0]]
    for done, (folder, file) in enumerate(work):
        on_progress(done, len(work), file)
        try:
            samples = checked(read(file))
        except UnusableClip as error:
            problems.append(f"{file}: {error}")
            continue
        digest = hashlib.sha256(samples.tobytes()).digest()
        clip = Clip(str(file), labels_of(names[folder], set(names.values())), recording(file, folder), soundfile.info(file).samplerate, samples)
        other = by_content.setdefault(digest, clip)
        if other is not clip:
            text = "is a copy of"
            if other.labels != clip.labels:
                text = "is in another class, too, as"
            problems.append(f"{file}: {text} {other.path}; used once")
            continue
        clips.append(clip)
    for folder in names:
        others = files(folder)[1]
        if others:
            problems.append(f"{folder}: {others} file{'s are' if others > 1 else ' is'} not audio that can be read here")
    labels = sorted({part for name in names.values() for part in labels_of(name, set(names.values()))})
    return Folder(labels, clips, problems)


def labels_of(name, known):
    """`Dog+Chime` has both sounds, if both have folders of their own."""
    parts = tuple(part.strip() for part in name.split("+"))
    return parts if len(parts) > 1 and all(part in known for part in parts) else (name,)


def read_backgrounds(paths):
    """Long recordings without any of the sounds: (path, samples) each, and the problems."""
    found, problems = [], []
    for path in map(Path, paths):
        if not path.exists():
            problems.append(f"{path}: does not exist")
            continue
        for file in files(path)[0] if path.is_dir() else [path]:
            try:
                samples = read(file)
                if len(samples) < RATE_HZ:
                    raise UnusableClip("is shorter than a second")
            except UnusableClip as error:
                problems.append(f"{file}: {error}")
                continue
            found.append((str(file), samples))
    return found, problems


def split(clips, labels, seed, parts=(0.6, 0.2, 0.2)):
    """Divides clips by recording into training, validation and test, so that every class is in each of them.

    Classes with few recordings come first, because recordings of several classes are divided with the first of these.
    """
    rng = np.random.default_rng(seed)
    own = {name: sorted({clip.recording for clip in clips if clip.labels[0] == name}) for name in labels}
    place = {}
    for name in sorted(labels, key=lambda name: len(own[name])):
        free = [which for which in own[name] if which not in place]
        rng.shuffle(free)
        held = max(1, round(len(own[name]) * parts[1]))
        for part in (1, 2):
            have = sum(place.get(which) == part for which in own[name])
            for _ in range(held - have):
                movable = free or [which for which in own[name] if place.get(which) == 0] if have == 0 else free
                if movable:
                    place[movable[0]] = part
                    free = [which for which in free if which != movable[0]]
                    have += 1
        place.update(dict.fromkeys(free, 0))
    return [[clip for clip in clips if place[clip.recording] == part] for part in range(3)]
