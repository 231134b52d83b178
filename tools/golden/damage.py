"""Ways to spoil one file of a model's or an adapter's directory. Each returns a function of the directory."""

import json

from safetensors.torch import load_file, save_file


class Literal(str):
    """JSON text to put in place of a value: what Python's json would not write."""


def fields(file, **changes):
    """Sets keys of a JSON file; a `Literal` as it stands."""

    def change(folder):
        path = folder / file
        content = json.loads(path.read_text()) if path.exists() else {}
        literals = {key: value for key, value in changes.items() if isinstance(value, Literal)}
        content |= changes | {key: f"@{key}@" for key in literals}
        text = json.dumps(content, indent=2, ensure_ascii=False)
        for key, value in literals.items():
            text = text.replace(f'"@{key}@"', value)
        path.write_text(text + "\n", encoding="utf-8")

    return change


def without_field(file, key):
    """Takes a key out of a JSON file."""

    def change(folder):
        content = json.loads((folder / file).read_text())
        del content[key]
        (folder / file).write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")

    return change


def content(file, data):
    """Replaces a file, or adds it."""
    return lambda folder: (folder / file).write_bytes(data if isinstance(data, bytes) else data.encode())


def edited(file, edit):
    """Replaces a file by what `edit` makes of its bytes."""
    return lambda folder: (folder / file).write_bytes(edit((folder / file).read_bytes()))


def removed(file):
    """Takes a file away."""
    return lambda folder: (folder / file).unlink()


def renamed(file, other):
    """Gives a file another name."""
    return lambda folder: (folder / file).rename(folder / other)


def folder_instead(file):
    """Puts a directory where a file should be; git keeps none that is empty."""

    def change(folder):
        (folder / file).unlink(missing_ok=True)
        (folder / file).mkdir()
        (folder / file / "a-directory").write_bytes(b"")

    return change


def tensors(file, edit):
    """Replaces the tensors of a safetensors file by what `edit` makes of their dictionary."""

    def change(folder):
        path = folder / file
        made = {name: tensor.contiguous() for name, tensor in edit(load_file(path)).items()}
        save_file(made, path, metadata={"format": "pt"})

    return change


def both(*changes):
    """One change after another."""

    def change(folder):
        for each in changes:
            each(folder)

    return change


DEEP = Literal("[" * 20000 + "]" * 20000)
LFS_POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:" + "0" * 64 + "\nsize 346404948\n"


def without(part):
    """For `tensors`: takes away those whose names hold `part`."""
    return lambda found: {name: value for name, value in found.items() if part not in name}


def mapped(part, edit):
    """For `tensors`: edits those whose names hold `part`."""
    return lambda found: {name: (edit(value) if part in name else value) for name, value in found.items()}


def first(found, part):
    """The first name that holds `part`."""
    return next(name for name in sorted(found) if part in name)


def poked(part, value):
    """For `tensors`: sets the first number of the first tensor whose name holds `part`."""

    def edit(found):
        found[first(found, part)].view(-1)[0] = value
        return found

    return edit
