#!/usr/bin/env python3
"""Checks the JavaScript of astd's pages: tools/check_javascript.py FILE...

Every file must be safe inside a <script> element. Its syntax is checked with node where node is installed, otherwise only
its brackets, strings and comments are.
"""
import re
import shutil
import subprocess
import sys

# Comments, strings and regular expressions: no bracket in them counts. A regular expression follows an operator.
SKIPPED = re.compile(
    r"//[^\n]*|/\*.*?\*/|'(?:\\.|[^'\\\n])*'|\"(?:\\.|[^\"\\\n])*\"|`(?:\\.|[^`\\])*`"
    r"|(?<=[(,=:;!&|?{}\[\n])[ \t]*/(?![/*])(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n\[])+/[a-z]*", re.S)
MODULE = re.compile(r"^(import|export)\b", re.M)
PAIRS = {")": "(", "]": "[", "}": "{"}


def bracket_error(text):
    """The first unbalanced bracket or unfinished string, or None."""
    blanked = SKIPPED.sub(lambda match: re.sub(r"[^\n]", " ", match[0]), text)
    opened = []
    for number, line in enumerate(blanked.split("\n"), 1):
        for character in line:
            if character in "([{":
                opened.append((character, number))
            elif character in PAIRS and (not opened or opened.pop()[0] != PAIRS[character]):
                return f"line {number}: unexpected {character}"
            elif character in "'\"`":
                return f"line {number}: unfinished string"
    return f"line {opened[-1][1]}: {opened[-1][0]} is never closed" if opened else None


def errors(path):
    with open(path, encoding="utf-8") as file:
        text = file.read()
    for sequence in ("</script", "<!--"):
        if sequence in text.lower():
            yield f"contains {sequence}, which would end or break the element that embeds it"
    if shutil.which("node"):
        # Of a file with imports, node checks the syntax only if it is known to be a module.
        kind = "module" if MODULE.search(text) else "commonjs"
        checked = subprocess.run(
            ["node", "--check", f"--input-type={kind}"], input=text, capture_output=True, text=True)
        if checked.returncode:
            yield checked.stderr.strip()
    elif error := bracket_error(text):
        yield error


found = [f"{path}: {error}" for path in sys.argv[1:] for error in errors(path)]
for line in found:
    print(f"check_javascript: {line}", file=sys.stderr)
sys.exit(bool(found))
