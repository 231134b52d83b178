"""Class names, from an option or from a file."""

import csv
from pathlib import Path

from .checkpoint import Refused


def read_labels(path):
    """The labels of a file: AudioSet's class_labels_indices.csv (index,mid,display_name), or one label per line."""
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise Refused(f"{path}: is not UTF-8: convert it") from None
    if not text.startswith("index,"):
        return check_labels(text.splitlines(), path)
    rows = list(csv.DictReader(text.splitlines()))
    if not rows or "display_name" not in rows[0]:
        raise Refused(
            f"{path}: its header lacks display_name: give AudioSet's class_labels_indices.csv, or one label per line"
        )
    for number, row in enumerate(rows):
        # A spreadsheet may have reordered the rows, but no index may be missing.
        if row["index"] != str(number):
            raise Refused(f"{path}: row {number + 1} has index {row['index']}, not {number}: sort it by index")
    return check_labels([row["display_name"] or "" for row in rows], path)


def check_labels(labels, where):
    """The labels without surrounding space. Rejects blank and duplicate labels."""
    labels = [label.strip() for label in labels]
    if not labels or "" in labels:
        raise Refused(
            f"{where}: label {labels.index('') if labels else 0} is blank: name every class, in the order of training"
        )
    for index, label in enumerate(labels):
        if label in labels[:index]:
            raise Refused(f"{where}: label {label!r} is a duplicate: name every class once")
    return labels


def check_count(labels, classes):
    """Rejects a list of labels that is longer or shorter than the classifier."""
    if len(labels) != classes:
        raise Refused(
            f"{len(labels)} labels for a classifier with {classes} classes: name every class, in the order of training"
        )


def label_fields(labels):
    """The two fields of config.json."""
    return {
        "id2label": {str(index): label for index, label in enumerate(labels)},
        "label2id": {label: index for index, label in enumerate(labels)},
    }
