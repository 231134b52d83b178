"""Writes the list of packages, licences and authors whose sounds the models learnt from.

    attribution.py --lab DIR --out models/default/ATTRIBUTION.md
"""

import argparse
import fnmatch
import json
import re
from collections import defaultdict
from pathlib import Path

# Packages that are not in the index, since they are played (instruments.py): licences, files.
PLAYED = {
    "avldrums.lv2-soundfont": (["CC-BY-SA-3.0"], 2),
    "fluid-soundfont-gm": (["MIT"], 1),
    "hydrogen-drumkits": (["CC-BY-3.0", "CC-BY-SA-3.0"], 3),
    "musescore-general-soundfont": (["MIT"], 1),
}
AUTHORS = {
    "avldrums.lv2-soundfont": "Black Pearl and Red Zeppelin drum kits: Glen MacArthur",
    "hydrogen-drumkits": "circAfrique v4: Jim Harney, CC-BY-SA-3.0; BJA_Pacific: Luc Tunguay, CC-BY-SA-3.0-us; "
                         "rumpf_kit_z01: Emanuel Rumpf, CC-BY-3.0; no other kit of the package was used",
    "asterisk-prompt-fr-armelle": "Armelle Desjardins, Michel Gutierrez; test only",
    "flare-game": "Clint Bellanger and others; test only",
    "gcin-voice": "Chu Lo and ChionMeilin",
    "minetest-data": "Perttu Ahola and others",
    "pocketsphinx-testdata": "Carnegie Mellon University; test only",
    "0ad-data": "Wildfire Games, https://www.wildfiregames.com/",
    "asterisk-core-sounds-en-wav": "Allison Smith; Digium, Inc.",
    "asterisk-core-sounds-es-wav": "Allison Smith; Digium, Inc.",
    "asterisk-core-sounds-fr-wav": "June Wallack; Digium, Inc. and others",
    "asterisk-core-sounds-it-wav": "Carlo Flora, https://www.segreterietelefoniche.it",
    "asterisk-core-sounds-ru-wav": "Maxim Topal, http://www.ivrvoice.ru",
    "asterisk-moh-opsound-wav": "Paul Shuler (Macroform), Manolo Camp, Reno Project",
    "fluid-soundfont-gm": "Frank Wen and contributors",
    "megaglest-data": "The Glest Team, The MegaGlest Team, Titus Tscharntke and others",
    "musescore-general-soundfont": "S. Christian Collins, Michael Cowgill, Frank Wen and others",
    "singularity-music": "Max McCracken",
    "sonic-pi-samples": "authors at freesound.org, CC0",
}


def authors(lab: Path, entry):
    """Who made one file of a package with a licence a file."""
    package, path = entry["package"], entry["path"]
    if package == "openttd-opensfx":
        from data import opensfx_names
        return opensfx_names(lab)[path]
    text = (lab / "pkg" / package / "usr/share/doc" / package / "copyright").read_text()
    found = ""
    for paragraph in re.split(r"\n\s*\n(?=Files:)", text):
        head = re.match(r"Files:(.*?)\n[A-Z]", paragraph, re.S)
        who = re.search(r"^Copyright:(.*?)\n(?=[A-Z])", paragraph, re.M | re.S)
        if head and who and any((p != "*" or package == "redeclipse-data") and fnmatch.fnmatch(path, "*" + p) for p in head.group(1).split()):
            found = " ".join(who.group(1).split())
    return found


def attribution(lab: Path, out: Path):
    entries = json.loads((lab / "index.json").read_text())
    lines = ["# Whose sounds these are", "",
             "The default model and the alarms adapter were trained and tested on sounds from these Debian 12",
             "packages. They were cut, resampled to 16 kHz mono, mixed and filtered. Thank you.", ""]
    groups = defaultdict(list)
    for e in entries:
        groups[e["package"]].append(e)
    for package in sorted(set(groups) | set(PLAYED)):
        files = groups.get(package, [])
        licences, count = PLAYED.get(package) or (sorted({e["licence"] for e in files}), len(files))
        lines.append(f"- **{package}** ({', '.join(licences)}): {count} {'kits' if package.startswith('hydrogen') else 'files'}. {AUTHORS.get(package, '')}".rstrip())
        if package not in AUTHORS:
            for e in files:
                lines.append(f"  - `{Path(e['path']).name}`, {e['licence']}: {authors(lab, e)}")
    lines += ["", "Licences: CC0-1.0 <https://creativecommons.org/publicdomain/zero/1.0/>,",
              "CC-BY-3.0 <https://creativecommons.org/licenses/by/3.0/>,",
              "CC-BY-4.0 <https://creativecommons.org/licenses/by/4.0/>,",
              "CC-BY-SA-3.0 <https://creativecommons.org/licenses/by-sa/3.0/>,",
              "CC-BY-SA-4.0 <https://creativecommons.org/licenses/by-sa/4.0/>."]
    out.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lab", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    attribution(options.lab, options.out)
