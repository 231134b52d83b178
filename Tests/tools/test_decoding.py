#!/usr/bin/env python3
"""Classifies one minute of sound in 40 containers and codecs, made by ffmpeg, SoX, LAME and others: make test-decoding.

Checks, for each of about 70 files:

- The records end where the sound ends: within a frame of 10 ms, or within the padding of a lossy codec (PADDING).
- Lossless files have the labels of the WAV file that they were made from, in every window.
- Files that astd decodes with ffmpeg have the scores of a WAV file that ffmpeg makes of them, to 1e-6.
- Of the same file cut off after 60 % of its bytes, astd says that it is truncated or damaged, and exits with 1.
- Without ffmpeg the file has the same records, or an error that says what to install.

Needs ffmpeg, sox with its formats, lame, vorbis-tools, opus-tools and speex.
"""
import json
import os
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
ASTD = os.environ.get("ASTD", str(REPOSITORY / ".build/release/astd"))
EXAMPLES = REPOSITORY / "models/default/examples"
SECONDS = 60
FRAME = 0.01

# Seconds by which a codec lengthens or shortens the sound: what its frames and its encoder add at both ends. 0 for lossless.
PADDING = {"aac": 0.06, "mp3": 0.09, "mp2": 0.06, "wma": 0.1, "ac3": 0.04, "dts": 0.03, "speex": 0.04, "amr": 0.04, "gsm": 0.05, "real": 0.03, "adpcm": 0.06,
           "vorbis": 0, "opus": 0, "8bit": 0}

# name, codec (a key of PADDING, or "lossless"), source, command: {i} input, {o} output.
FF = "ffmpeg -v error -nostdin -y -i {i} "
SOX = "sox -D {i} "
FILES = [
    ("s16.wav", "lossless", "44", FF + "{o}"), ("s24.wav", "lossless", "44", FF + "-c:a pcm_s24le {o}"), ("s32.wav", "lossless", "44", FF + "-c:a pcm_s32le {o}"),
    ("f32.wav", "lossless", "44", FF + "-c:a pcm_f32le {o}"), ("f64.wav", "lossless", "44", FF + "-c:a pcm_f64le {o}"), ("u8.wav", "8bit", "44", FF + "-c:a pcm_u8 {o}"),
    ("alaw.wav", "8bit", "8", FF + "-c:a pcm_alaw {o}"), ("mulaw.wav", "8bit", "8", FF + "-c:a pcm_mulaw {o}"), ("msadpcm.wav", "adpcm", "44", FF + "-c:a adpcm_ms {o}"),
    ("ima.wav", "adpcm", "44", FF + "-c:a adpcm_ima_wav {o}"), ("yamaha.wav", "adpcm", "44", FF + "-c:a adpcm_yamaha {o}"), ("mp3.wav", "mp3", "44", FF + "-c:a mp3 {o}"),
    ("gsm.wav", "gsm", "8", SOX + "-e gsm-full-rate {o}"), ("big.rf64", "lossless", "44", FF + "-rf64 always -f wav {o}"), ("piped.wav", "lossless", "44", FF + "-f wav - > {o}"),
    ("s16.w64", "lossless", "44", FF + "{o}"), ("s16.aiff", "lossless", "44", FF + "{o}"), ("s24.aiff", "lossless", "44", FF + "-c:a pcm_s24be {o}"),
    ("sowt.aifc", "lossless", "44", FF + "-c:a pcm_s16le -f aiff {o}"), ("s16.au", "lossless", "44", FF + "{o}"), ("f32.au", "lossless", "44", FF + "-c:a pcm_f32be {o}"),
    ("s16.caf", "lossless", "44", FF + "{o}"), ("alac.caf", "lossless", "44", FF + "-c:a alac {o}"), ("trim.mlp", "lossless", "48", FF + "-strict -2 {o}"),
    ("s16.flac", "lossless", "44", FF + "{o}"), ("s24.flac", "lossless", "44", FF + "-sample_fmt s32 {o}"), ("vorbis.ogg", "vorbis", "44", "oggenc -Q -o {o} {i}"),
    ("opus.opus", "opus", "48", "opusenc --quiet {i} {o}"), ("flac.oga", "lossless", "44", FF + "-c:a flac {o}"), ("opus.ogg", "opus", "48", FF + "-c:a libopus {o}"),
    ("speex.spx", "speex", "32", "speexenc --quiet -u {i} {o} 2> /dev/null"), ("theora.ogv", "vorbis", "44", FF + "-f lavfi -i color=s=64x64:r=5:d=60 -c:a libvorbis -c:v libtheora {o}"),
    ("cbr.mp3", "mp3", "44", "lame --quiet -b 128 {i} {o}"), ("vbr.mp3", "mp3", "44", "lame --quiet -V 4 {i} {o}"), ("ffmpeg.mp3", "mp3", "44", FF + "{o}"),
    ("untagged.mp3", "mp3", "44", "lame --quiet -t -b 96 {i} {o}"), ("low.mp3", "mp3", "22", "lame --quiet -b 32 {i} {o}"), ("layer2.mp2", "mp2", "44", FF + "{o}"),
    ("aac.m4a", "aac", "44", FF + "-c:a aac {o}"), ("alac.m4a", "lossless", "44", FF + "-c:a alac {o}"), ("fast.mp4", "aac", "44", FF + "-c:a aac -movflags +faststart {o}"),
    ("fragments.mp4", "aac", "44", FF + "-c:a aac -movflags frag_keyframe+empty_moov {o}"), ("film.mp4", "aac", "44", FF + "-f lavfi -i color=s=64x64:r=5:d=60 -c:a aac {o}"),
    ("aac.mov", "aac", "44", FF + "-c:a aac {o}"), ("s16.mov", "lossless", "44", FF + "-c:a pcm_s16le {o}"), ("phone.3gp", "aac", "44", FF + "-c:a aac {o}"),
    ("adts.aac", "aac", "44", FF + "-c:a aac {o}"), ("loas.latm", "aac", "44", FF + "-c:a aac {o}"), ("v1.wma", "wma", "44", FF + "-c:a wmav1 {o}"), ("v2.wma", "wma", "44", FF + "-c:a wmav2 {o}"),
    ("wavpack.wv", "lossless", "44", FF + "{o}"), ("true.tta", "lossless", "44", FF + "{o}"), ("dolby.ac3", "ac3", "44", FF + "{o}"), ("dolby.eac3", "ac3", "44", FF + "{o}"),
    ("dts.dts", "dts", "48", FF + "-strict -2 {o}"), ("truehd.thd", "lossless", "48", FF + "-strict -2 {o}"), ("flac.mka", "lossless", "44", FF + "-c:a flac {o}"),
    ("vorbis.mka", "vorbis", "44", FF + "-c:a libvorbis {o}"), ("film.mkv", "lossless", "44", FF + "-f lavfi -i color=s=64x64:r=5:d=60 -c:a pcm_s16le {o}"),
    ("opus.webm", "opus", "48", FF + "-c:a libopus {o}"), ("vorbis.webm", "vorbis", "44", FF + "-c:a libvorbis {o}"), ("aac.ts", "aac", "44", FF + "-c:a aac {o}"),
    ("mp2.mts", "mp2", "44", FF + "-c:a mp2 -f mpegts {o}"), ("mp2.mpg", "mp2", "44", FF + "-c:a mp2 {o}"), ("s16.avi", "lossless", "44", FF + "-c:a pcm_s16le {o}"),
    ("mp3.avi", "mp3", "44", FF + "-c:a mp3 {o}"), ("aac.flv", "aac", "44", FF + "-c:a aac {o}"), ("s16.nut", "lossless", "44", FF + "-c:a pcm_s16le {o}"),
    ("real.rm", "real", "8", FF + "-c:a real_144 {o}"), ("narrow.amr", "amr", "8", SOX + "-t amr-nb {o}"),
    ("pause.3gp", "amr", "8", SOX + "-t amr-nb - | ffmpeg -v error -nostdin -y -f amr -i - -c copy {o}"),
    ("wide.wav", "adpcm", "44", FF + "-c:a adpcm_g722 {o}"), ("ac3.wav", "ac3", "48", FF + "-c:a ac3 {o}"),
    ("s16.avr", "lossless", "44", SOX + "{o}"), ("s8.8svx", "8bit", "8", SOX + "{o}"), ("s16.pvf", "lossless", "44", SOX + "{o}"),
    ("s16.voc", "lossless", "44", SOX + "{o}"), ("s16.sph", "lossless", "44", SOX + "{o}"), ("s16.ircam", "lossless", "44", SOX + "-t ircam {o}"), ("s16.paf", "lossless", "44", SOX + "{o}"),
]
# SoX sends pauses as comfort noise, which ffmpeg's own decoder of AMR drops, and astd replaces by silence.
AMR_FILTERS = "aresample=async=1:min_hard_comp=0.01:first_pts=0,apad=whole_dur={seconds}"
# A stream without lengths or marks: where its last whole frame ends, it may well end.
ENDLESS = {"cbr.mp3", "untagged.mp3", "layer2.mp2", "piped.wav"}


def run(command, **options):
    return subprocess.run(command, capture_output=True, text=True, errors="replace", **options)


def classify(path, *options, **environment):
    """Exit status, windows as (start, end, {label: score}), first error."""
    result = run([ASTD, "classify", "--precision", "fp32", "--threads", "1", "--format", "jsonl", *options, str(path)], env={**os.environ, **environment})
    windows, error = [], None
    for line in result.stdout.splitlines():
        record = json.loads(line)
        if "error" in record:
            error = error or record["error"]
        else:
            windows.append((record["start"], record["end"], {label["index"]: label["score"] for label in record["labels"]}))
    return result.returncode, windows, error


def first_labels(windows):
    return [max(scores, key=scores.get) for _, _, scores in windows]


def make_sources(folder):
    joined = folder / "joined.wav"
    subprocess.run(["sox", "-D", *sorted(map(str, EXAMPLES.glob("*.flac"))), str(joined), "repeat", "1", "trim", "0", str(SECONDS)], check=True)
    for name, rate, channels in (("44", 44100, 2), ("48", 48000, 2), ("32", 32000, 1), ("22", 22050, 2), ("8", 8000, 1)):
        subprocess.run(["sox", "-D", str(joined), "-b", "16", str(folder / f"source{name}.wav"), "rate", str(rate), "remix", *["1"] * channels], check=True)


def check(folder, name, codec, source, command):
    """A row of the table; its last element is what is wrong, or empty."""
    path, wav = folder / name, folder / f"source{source}.wav"
    made = run(command.format(i=wav, o=path), shell=True)
    if made.returncode != 0 or not path.exists():
        return name, codec, "", "", "", "", "", f"not made: {made.stderr.strip().splitlines()[-1:]}"
    wrong = []
    status, windows, error = classify(path, "--top-k", "all")
    end = max((window[1] for window in windows), default=0)
    if error or status != 0:
        wrong.append(f"exit {status}: {error['message'] if error else 'no error record'}")
    tolerance = FRAME if codec == "lossless" else FRAME + PADDING[codec]
    if abs(end - SECONDS) > tolerance:
        wrong.append(f"ends at {end}")
    # Against the WAV file that it was made from.
    original = SOURCES[source]
    pairs = list(zip(first_labels(windows), first_labels(original)))
    same = sum(a == b for a, b in pairs)
    if codec == "lossless" and (same != len(original) or len(windows) != len(original)):
        wrong.append("other labels")
    # Without ffmpeg: the same, or an error that says what is missing.
    bare_status, bare, bare_error = classify(path, "--top-k", "all", PATH="/nothing")
    by_ffmpeg = bool(bare_error)
    if by_ffmpeg and (bare_status != 1 or "ffmpeg" not in bare_error["message"] or bare):
        wrong.append(f"without ffmpeg: {bare_status} {bare_error}")
    if not by_ffmpeg and bare != windows:
        wrong.append("other records without ffmpeg")
    # Against a WAV file that ffmpeg makes of it.
    difference = ""
    if by_ffmpeg:
        decoded = folder / f"{name}.decoded.wav"
        filters = ["-af", AMR_FILTERS.format(seconds=end)] if codec == "amr" else []
        # ffmpeg reports each of AMR's pauses as an error.
        level = "fatal" if filters else "error"
        subprocess.run(["ffmpeg", "-v", level, "-nostdin", "-y", "-i", str(path), "-map", "0:a:0", *filters, "-c:a", "pcm_f32le", str(decoded)], check=True)
        _, reference, _ = classify(decoded, "--top-k", "all")
        worst = max((abs(a[2][label] - b[2][label]) for a, b in zip(windows, reference) for label in b[2]), default=1)
        difference = f"{worst:.0e}" if worst else "0"
        if len(windows) != len(reference) or worst > 1e-6:
            wrong.append(f"scores differ by {worst}")
        decoded.unlink()
    # Cut off.
    cut = folder / f"cut-{name}"
    # An odd number of bytes, within a frame: PVF, IRCAM and PARIS state no length.
    cut.write_bytes(path.read_bytes()[: path.stat().st_size * 6 // 10 + 7 | 1])
    cut_status, cut_windows, cut_error = classify(cut)
    cut_end = max((window[1] for window in cut_windows), default=0)
    cut.unlink()
    code = cut_error["code"] if cut_error else "whole"
    if cut_status == 0 and name not in ENDLESS:
        wrong.append(f"cut off: exit 0, {cut_end} s")
    return name, codec, "ffmpeg" if by_ffmpeg else "libsndfile", f"{(end - SECONDS) * 1000:+.0f}", f"{same}/{len(original)}", difference, f"{code} {cut_end:.1f}", "; ".join(wrong)


SOURCES = {}


def main():
    for program in ("ffmpeg", "sox", "lame", "oggenc", "opusenc", "speexenc"):
        if not shutil.which(program):
            sys.exit(f"test-decoding: {program} is missing: run `make test-decoding`, which installs it")
    selected = [entry for entry in FILES if not sys.argv[1:] or entry[0] in sys.argv[1:]]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_sources(folder)
        for source in {entry[2] for entry in selected}:
            SOURCES[source] = classify(folder / f"source{source}.wav", "--top-k", "all")[1]
        with ThreadPoolExecutor(max_workers=int(os.environ.get("JOBS", "2"))) as pool:
            rows = list(pool.map(lambda entry: check(folder, *entry), selected))
    heads = ("file", "codec", "decoder", "ms", "labels", "scores", "cut at 60 %", "wrong")
    widths = [max(len(row[column]) for row in [heads, *rows]) for column in range(len(heads) - 1)]
    for row in [heads, *rows]:
        print("  ".join([*(text.ljust(width) for text, width in zip(row, widths)), row[-1]]).rstrip())
    failures = [row for row in rows if row[-1]]
    print(f"{len(rows)} files, {len({row[0].split('.')[-1] for row in rows})} extensions, {len(failures)} wrong")
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
