#!/usr/bin/env python3
"""Runs a command on a terminal of its own and draws the screen as SVG.

    tools/draw_terminal.py --until 'now: Siren' --output docs/demo.svg -- tools/demo.sh

Understands the output of astctl and the demo: text, line ends, cursor up and home, clearing, colours.
"""
import argparse
import codecs
import fcntl
import html
import os
import pty
import re
import select
import signal
import struct
import sys
import termios
import time

# A colour by its SGR number, with good contrast on the dark background below.
COLOURS = {31: "#ff7b72", 32: "#7ee787", 33: "#e3b341", 34: "#79c0ff", 35: "#d2a8ff", 36: "#56d4dd", 90: "#8b949e"}
CELL_WIDTH, CELL_HEIGHT, FONT_SIZE, MARGIN, BAR = 8.4, 18, 14, 14, 30
BLOCKS = "▏▎▍▌▋▊▉█"  # one to eight eighths of a cell
SEQUENCE = re.compile(r"\x1b\[([?0-9;]*)([A-Za-z])|\x1b.")


class Screen:
    """The cells of a terminal: text and the SGR numbers in force."""

    def __init__(self, columns, rows):
        self.columns, self.rows = columns, rows
        self.cells = [[(" ", ())] * columns for _ in range(rows)]
        self.row = self.column = 0
        self.style = ()
        self.pending = ""

    def write(self, text):
        text, self.pending = self.pending + text, ""
        position = 0
        while position < len(text):
            character = text[position]
            if character == "\x1b":
                match = SEQUENCE.match(text, position)
                if not match:
                    self.pending = text[position:]  # the rest of the sequence has not arrived
                    return
                self.control(match[1] or "", match[2])
                position = match.end()
                continue
            self.put(character)
            position += 1

    def put(self, character):
        if character == "\n":
            self.row += 1
            if self.row == self.rows:
                self.row -= 1
                self.cells = self.cells[1:] + [[(" ", ())] * self.columns]
        elif character == "\r":
            self.column = 0
        elif character >= " ":
            if self.column < self.columns:
                self.cells[self.row][self.column] = (character, self.style)
            self.column += 1

    def control(self, parameters, letter):
        numbers = [int(number) for number in parameters.split(";") if number.isdigit()]
        first = numbers[0] if numbers else 0
        if letter == "m":
            self.style = () if not numbers or first == 0 else self.style + tuple(numbers)
        elif letter == "A":
            self.row = max(0, self.row - max(1, first))
        elif letter == "G":
            self.column = max(1, first) - 1
        elif letter in "Hf":
            self.row = min(self.rows, max(1, first)) - 1
            self.column = min(self.columns, max(1, numbers[1] if len(numbers) > 1 else 1)) - 1
        elif letter == "K":
            self.cells[self.row][self.column:] = [(" ", ())] * (self.columns - min(self.column, self.columns))
        elif letter == "J":
            begin = 0 if first == 2 else self.row
            if first != 2:
                self.control("", "K")
                begin += 1
            for row in range(begin, self.rows):
                self.cells[row] = [(" ", ())] * self.columns

    def text(self):
        return "\n".join("".join(character for character, _ in row).rstrip() for row in self.cells)


def record(command, screen, until, after, limit):
    """Runs the command until the screen has the text `until`, then for `after` seconds, and stops it."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.environ.update(TERM="xterm-256color", COLUMNS=str(screen.columns), LINES=str(screen.rows))
        os.environ.pop("NO_COLOR", None)
        os.execvp(command[0], command)
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", screen.rows, screen.columns, 0, 0))
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    deadline, found = time.monotonic() + limit, False
    while time.monotonic() < deadline:
        if select.select([terminal], [], [], 0.2)[0]:
            try:
                data = os.read(terminal, 65536)
            except OSError:  # the command has ended
                break
            screen.write(decoder.decode(data))
        if until and not found and until in screen.text():
            found, deadline = True, time.monotonic() + after
    os.kill(pid, signal.SIGINT)
    os.waitpid(pid, 0)
    if until and not found:
        sys.exit(f"draw_terminal: no {until!r} on the screen within {limit} s:\n{screen.text()}")


def words_of(row):
    """The words of a row with their column and style; a bar of block characters is a word of its own."""
    column = 0
    while column < len(row):
        character, style = row[column]
        begin = column
        is_block = character in BLOCKS
        while column < len(row) and row[column][0] != " " and row[column][1] == style \
                and (row[column][0] in BLOCKS) == is_block:
            column += 1
        if column > begin:
            yield begin, "".join(character for character, _ in row[begin:column]), style
        else:
            column += 1


def draw(screen, title):
    rows = screen.cells[:]
    while rows and all(character == " " for character, _ in rows[-1]):
        rows.pop()
    width = 2 * MARGIN + CELL_WIDTH * screen.columns
    height = BAR + 2 * MARGIN + CELL_HEIGHT * len(rows)
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height}" width="{width:.0f}" '
        f'height="{height}" font-family="ui-monospace,DejaVu Sans Mono,Menlo,Consolas,monospace" font-size="{FONT_SIZE}">',
        f"<title>{html.escape(title)}</title>",
        f'<rect width="{width:.0f}" height="{height}" rx="8" fill="#0d1117" stroke="#30363d"/>',
        *(f'<circle cx="{18 + 20 * dot}" cy="15" r="6" fill="{fill}"/>'
          for dot, fill in enumerate(("#ff5f56", "#ffbd2e", "#27c93f"))),
        f'<text x="{width / 2:.0f}" y="20" fill="#8b949e" text-anchor="middle">{html.escape(title)}</text>',
    ]
    for number, row in enumerate(rows):
        y = BAR + MARGIN + CELL_HEIGHT * number
        for begin, words, style in words_of(row):
            fill = next((COLOURS[code] for code in style if code in COLOURS), "#e6edf3")
            x = MARGIN + CELL_WIDTH * begin
            if words[0] in BLOCKS:
                eighths = sum(BLOCKS.index(block) + 1 for block in words)
                out.append(f'<rect x="{x:.1f}" y="{y}" width="{CELL_WIDTH * eighths / 8:.1f}" '
                           f'height="{CELL_HEIGHT - 2}" fill="{fill}"/>')
                continue
            # A length for each word keeps the columns aligned whatever font the viewer has.
            out.append(f'<text x="{x:.1f}" y="{y + FONT_SIZE}" fill="{fill}" textLength="{CELL_WIDTH * len(words):.1f}" '
                       f'lengthAdjust="spacingAndGlyphs">{html.escape(words)}</text>')
    out.append("</svg>")
    return "\n".join(out) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--columns", type=int, default=80)
    parser.add_argument("--rows", type=int, default=20)
    parser.add_argument("--until", help="stop when the screen has this text")
    parser.add_argument("--after", type=float, default=2, help="seconds to continue after --until (2)")
    parser.add_argument("--limit", type=float, default=120, help="stop after this many seconds (120)")
    parser.add_argument("--title", help="default: the command")
    parser.add_argument("--output", required=True)
    parser.add_argument("command", nargs="+")
    options = parser.parse_args()
    screen = Screen(options.columns, options.rows)
    record(options.command, screen, options.until, options.after, options.limit)
    with open(options.output, "w", encoding="utf-8") as file:
        file.write(draw(screen, options.title or " ".join(options.command)))
    print(screen.text())


if __name__ == "__main__":
    main()
