#!/usr/bin/env python3
"""Writes a manual page from what a program says about itself.

    tools/make_man.py .build/release/astd docs/man/astd.1

Options and their words come from the program (--experimental-dump-help), so that the page cannot know other ones than the
program does. What a program does not know of itself is in docs/man/NAME.more.1, in mdoc(7), and goes to the page's end.
"""
import json
import pathlib
import re
import subprocess
import sys


def words(text):
    """Text for the page: no character of it is taken for a request or an escape."""
    text = text.replace("\\", "\\e").replace("-", "\\-")
    return re.sub(r"^(['.])", r"\\&\1", text, flags=re.M)


def prose(text):
    """Running text, a sentence a line as mdoc wants it."""
    return words(re.sub(r"(?<=[a-z)\]0-9])([.:]) (?=[A-Z])", r"\1\n", " ".join(text.split())))


def macro_words(text):
    """Text as one argument of a macro."""
    return '"' + words(text).replace('"', '\\(dq') + '"'


def shown(command):
    return [a for a in command.get("arguments", []) if a.get("shouldDisplay", True)]


def own(command):
    """Its own options; --help and --version are told once."""
    return [a for a in shown(command) if a.get("valueName") not in ("help", "version")]


def option_names(argument):
    return [("--" if n["kind"] == "long" else "-") + n["name"] for n in argument.get("names", [])]


def synopsis(argument):
    value = argument.get("valueName", "value")
    more = " ..." if argument.get("isRepeating") else ""
    if argument["kind"] == "positional":
        return f"Ar {macro_words(value)}{more}"
    name = argument["preferredName"]["name"]
    flag = f"Fl {macro_words('-' + name)[1:-1]}"
    return flag + more if argument["kind"] == "flag" else f"{flag} Ar {macro_words(value)}{more}"


def item(argument):
    names = option_names(argument)
    if argument["kind"] == "positional":
        lines = [f".It Ar {macro_words(argument.get('valueName', 'value'))}"]
    else:
        flags = " , ".join("Fl " + words(n)[2:] for n in sorted(names, key=len))
        value = "" if argument["kind"] == "flag" else " Ar " + macro_words(argument["valueName"])
        lines = [f".It {flags}{value}"]
    text = argument.get("abstract", "")
    values = argument.get("allValues") or argument.get("allValueStrings") or []
    if values:
        text += f" One of: {', '.join(values)}."
    if argument.get("defaultValue") and argument["kind"] != "flag":
        text += f" Default: {argument['defaultValue']}."
    return lines + [prose(text)]


def discussion(text):
    """Paragraphs; examples keep their lines. Exit status is a section of its own."""
    lines = []
    for block in filter(None, text.strip().split("\n\n")):
        head, _, rest = block.partition("\n")
        if head in ("EXAMPLE", "EXAMPLES"):
            lines += [".Bd -literal -offset 2n", words("\n".join(line[2:] for line in rest.split("\n"))), ".Ed"]
        elif head != "EXIT STATUS":
            lines += [".Pp", prose(block)]
    return lines


def option_list(arguments):
    if not arguments:
        return []
    return [".Bl -tag -width 6n"] + [line for a in arguments for line in item(a)] + [".El"]


def command_lines(command, path):
    lines = [f".Ss {words(path)}", prose(command.get("abstract", ""))]
    usage = [f".Op {synopsis(a)}" if a.get("isOptional") else f".{synopsis(a)}" for a in own(command)]
    if usage:
        lines += [".Pp", f".Nm {macro_words(path)}"] + usage
    lines += discussion(command.get("discussion", "")) + option_list(own(command))
    for child in command.get("subcommands", []):
        if child["commandName"] != "help":
            lines += command_lines(child, f"{path} {child['commandName']}")
    return lines


def page(command, date, more):
    name = command["commandName"]
    abstract = command["abstract"].rstrip(".")
    lines = [
        '.\\" Made by tools/make_man.py from what the program says of itself.',
        f".Dd {date}", f".Dt {name.upper()} 1", ".Os",
        ".Sh NAME", f".Nm {name}", f".Nd {words(abstract[0].lower() + abstract[1:])}",
        ".Sh SYNOPSIS", f".Nm {name}", ".Ar command", ".Op Ar options",
        ".Nm", ".Fl \\-help", ".Nm", ".Fl \\-version",
        ".Sh DESCRIPTION",
    ]
    told = discussion(command.get("discussion", ""))
    lines += told[1:] if told[:1] == [".Pp"] else told
    lines += ["Every command has", ".Fl \\-help .", ".Sh COMMANDS"]
    for child in command.get("subcommands", []):
        if child["commandName"] != "help":
            lines += command_lines(child, f"{name} {child['commandName']}")
    return "\n".join(lines) + "\n" + more


def main():
    program, target = sys.argv[1], pathlib.Path(sys.argv[2])
    dump = subprocess.run([program, "--experimental-dump-help"], check=True, capture_output=True, text=True).stdout
    more = target.with_name(target.stem + ".more" + target.suffix).read_text()
    date = re.search(r"^\.Dd (.*)$", more, re.M)
    more = re.sub(r"^\.Dd .*\n", "", more, flags=re.M)
    target.write_text(page(json.loads(dump)["command"], date.group(1), more))


if __name__ == "__main__":
    main()
