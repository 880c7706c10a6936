"""Aalto, "136 million keystrokes": fifteen sentences copied a person; a file a person, tab-separated, in milliseconds.

https://github.com/wxyzz22/TypeLikeU has 2,329 of the people (the set: non-commercial use with attribution).
"""
import os
from traces import CHARACTERS, Unusable, by_number, folder_of, of_strokes, spread

LEARN, SENTENCES = 10, 15
# JavaScript's codes; sides of Shift and Ctrl are not told apart.
CODES = {8: "BACKSPACE", 9: "TAB", 13: "ENTER", 16: "LEFTSHIFT", 17: "LEFTCTRL", 18: "LEFTALT", 20: "CAPSLOCK", 27: "ESC",
         32: "SPACE", 33: "PAGEUP", 34: "PAGEDOWN", 35: "END", 36: "HOME", 37: "LEFT", 38: "UP", 39: "RIGHT", 40: "DOWN",
         45: "INSERT", 46: "DELETE", 91: "LEFTMETA", 92: "RIGHTMETA", 225: "RIGHTALT"}
CODES = {code: "KEY_" + name for code, name in CODES.items()}
CODES.update({ord(c): CHARACTERS[c] for c in "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"})
CODES.update({96 + i: f"KEY_KP{i}" for i in range(10)})
CODES.update({code: CHARACTERS[c] for code, c in (
    (186, ";"), (59, ";"), (187, "="), (61, "="), (188, ","), (189, "-"), (173, "-"), (190, "."), (191, "/"), (192, "`"),
    (219, "["), (220, "\\"), (221, "]"), (222, "'"))})


def sentences(path):
    """Strokes a sentence, in the order in which they were typed."""
    out, bad = {}, 0
    with open(path, encoding="utf-8", errors="replace") as lines:
        columns = next(lines, "").rstrip("\r\n").split("\t")
        try:
            section, press, release, code = map(columns.index,
                                                ("TEST_SECTION_ID", "PRESS_TIME", "RELEASE_TIME", "KEYCODE"))
        except ValueError as error:
            raise Unusable(f"{path}: {error} of the columns") from error
        for line in lines:
            cells = line.rstrip("\r\n").split("\t")
            try:
                stroke = (round(float(cells[press])) * 1000, round(float(cells[release])) * 1000,
                          CODES.get(int(cells[code]), "KEY_UNKNOWN"))
                out.setdefault(cells[section], []).append(stroke)
            except (IndexError, ValueError):
                bad += 1
    if bad > len(out):
        raise Unusable(f"{path}: {bad} lines are none of the set")
    return sorted(out.values(), key=min)


def convert(source, out, people):
    root = folder_of(source, "data", "keystroke-samples")
    names = by_number(name for name in os.listdir(root) if name.endswith("_keystrokes.txt"))
    whole = []
    for name in spread(names, None if people is None else people + people // 8 + 1):
        typed = sentences(os.path.join(root, name))
        if len(typed) >= SENTENCES and len(whole) != people:
            whole.append(name)
            for number, strokes in enumerate(typed[:SENTENCES], 1):
                out.write(name.split("_")[0], f"{number:02}", of_strokes(strokes),
                          "learn" if number <= LEARN else "genuine")
