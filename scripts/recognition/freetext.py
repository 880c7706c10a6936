"""Free text: CSV files a platform (Facebook, Instagram, Twitter) of P or R, key, nanoseconds; typed in turns in one sitting.

https://github.com/AlvinKuruvilla/keystroke-data (no licence stated).
"""
import os
from traces import Unusable, files_of, folder_of, key_of, sittings, without_repeats

PLATFORMS = "Facebook", "Instagram", "Twitter"
PAUSE_US = 1_800_000_000            # half an hour without a key ends a sitting
ROUNDED = {"28", "31", "32", "33", "34"}   # a spreadsheet has rounded their times to hundreds of thousands of seconds
# The second sitting of this person is almost certainly somebody else's: rollover 27 % against 3 %, right Shift against
# Caps Lock, a third faster. It is written apart, into `doubtful`.
DOUBTFUL = {("11", 2)}
NAMED = {"Key." + name: "KEY_" + key for name, key in (
    ("space", "SPACE"), ("backspace", "BACKSPACE"), ("enter", "ENTER"), ("tab", "TAB"), ("esc", "ESC"),
    ("delete", "DELETE"), ("caps_lock", "CAPSLOCK"), ("shift", "LEFTSHIFT"), ("shift_l", "LEFTSHIFT"),
    ("shift_r", "RIGHTSHIFT"), ("ctrl", "LEFTCTRL"), ("ctrl_l", "LEFTCTRL"), ("ctrl_r", "RIGHTCTRL"),
    ("alt", "LEFTALT"), ("alt_l", "LEFTALT"), ("alt_r", "RIGHTALT"), ("alt_gr", "RIGHTALT"), ("cmd", "LEFTMETA"),
    ("cmd_r", "RIGHTMETA"), ("up", "UP"), ("down", "DOWN"), ("left", "LEFT"), ("right", "RIGHT"), ("home", "HOME"),
    ("end", "END"), ("page_up", "PAGEUP"), ("page_down", "PAGEDOWN"), ("fn", "FN"))}
FIRST_US = 10 ** 15                 # an older time is one cut short


def row(line):
    """(us, key, is_press) of a line in either of two forms, or None where it is none."""
    if line[:2] in ("P,", "R,"):
        (kind, rest), is_press = line.split(",", 1), line[0] == "P"
        name, _, time = rest.rpartition(",")
    else:                           # EID, key, direction, time
        cells = line.split(",")
        if len(cells) < 4 or cells[-2] not in ("0", "1"):
            return None
        name, is_press, time = ",".join(cells[1:-2]), cells[-2] == "0", cells[-1]
    try:
        # Nanoseconds, or seconds with a fraction.
        us = int(time) // 1000 if time.isdigit() else round(float(time) * (1e6 if float(time) < 1e12 else 1e-3))
    except ValueError:
        return None
    if name[:1] == name[-1:] == '"':                # a field in quotes, with quotes doubled
        name = name[1:-1].replace('""', '"')
    if len(name) == 3 and name[0] == name[2] and name[0] in "'\"":
        name = name[1]
    return (us, key_of(name, NAMED), is_press) if us >= FIRST_US else None


def changes_of(paths):
    out = []
    for path in paths:
        with open(path, encoding="utf-8-sig") as lines:
            out += [change for change in (row(line.rstrip("\r\n")) for line in lines) if change]
    out.sort(key=lambda change: change[0])
    return out


def convert(source, out, people):
    paths = {}
    for platform in PLATFORMS:
        for path in files_of(folder_of(source, platform), ".csv"):
            paths.setdefault(os.path.basename(path)[2:-4], []).append(path)
    if not paths:
        raise Unusable(f"{source}: no file f_NUMBER.csv in Facebook/")
    for person in sorted(set(paths) - ROUNDED)[:people]:
        for number, events in enumerate(sittings(without_repeats(changes_of(paths[person])), PAUSE_US), 1):
            root = "doubtful" if (person, number) in DOUBTFUL else "people"
            out.write(person, str(number), events, root=root)
