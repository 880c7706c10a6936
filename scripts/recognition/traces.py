"""What every converter needs: keys' names, strokes and pointers as events of docs/contract.md, files and the index."""
import json
import os

ORIGIN_US = 1_700_000_000_000_000   # a set without times of day begins here
DAY_US = 86_400_000_000
REPEAT_US = 1_000_000               # a key pressed again before its release within this time repeats itself


class Unusable(Exception):
    """The source is not what the converter expects."""


# ---------------------------------------------------------------- keys of a US keyboard
CHARACTERS = {c: "KEY_" + c.upper() for c in "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"}
for _plain, _shifted, _names in (
        ("`-=[]\\;',./ ", "~_+{}|:\"<>? ",
         "GRAVE MINUS EQUAL LEFTBRACE RIGHTBRACE BACKSLASH SEMICOLON APOSTROPHE COMMA DOT SLASH SPACE"),
        ("1234567890", "!@#$%^&*()", "1 2 3 4 5 6 7 8 9 0")):
    for _p, _s, _n in zip(_plain, _shifted, _names.split()):
        CHARACTERS[_p] = CHARACTERS[_s] = "KEY_" + _n
UNKNOWN = "KEY_UNKNOWN"


def key_of(name, named):
    """The kernel's name of a key that a set calls `name`: a character, or one of the table `named`."""
    return CHARACTERS.get(name) or named.get(name, UNKNOWN)


# ---------------------------------------------------------------- events
def key_event(ts, key, event):
    return {"type": "keystroke", "ts": ts, "key": key, "event": event}


def gap(ts):
    return {"type": "gap", "ts": ts, "reason": "sitting"}


def without_repeats(changes):
    """Key events of (us, key, is_press) in order of time. Autorepeat is dropped, as are releases without a press."""
    down, out = {}, []
    for ts, key, is_press in changes:
        if is_press:
            repeats = key in down and ts - down[key] < REPEAT_US
            down[key] = ts
            if not repeats:
                out.append(key_event(ts, key, "press"))
        elif down.pop(key, None) is not None:
            out.append(key_event(ts, key, "release"))
    return out


def of_strokes(strokes):
    """Key events of (press_us, release_us or None, key) in any order."""
    changes = []
    for i, (press, release, key) in enumerate(strokes):
        changes.append((press, 1, i, key, True))
        if release is not None and release >= press:
            changes.append((release, 0 if release > press else 2, i, key, False))
    return without_repeats((ts, key, is_press) for ts, _, _, key, is_press in sorted(changes))


def sittings(events, pause_us):
    """Cuts where nothing happened for longer than `pause_us`."""
    out = []
    for event in events:
        if not out or event["ts"] - out[-1][-1]["ts"] > pause_us:
            out.append([])
        out[-1].append(event)
    return out


class Pointer:
    """Rows of a pointer's log as events. A row may be older than the one before by a rounding error: time stands then."""
    def __init__(self, origin_us):
        self.events, self.now, self.origin_us = [], None, origin_us

    def _put(self, us, **fields):
        ts = self.origin_us + us
        self.now = ts if self.now is None else max(ts, self.now)
        self.events.append({"type": "mouse", "ts": self.now, **fields})

    def move_to(self, us, x, y):
        self._put(us, event="move", x=x, y=y)

    def button(self, us, button, event):
        self._put(us, event=event, button=button)

    def scroll(self, us, detents):
        self._put(us, event="scroll", scroll_delta=detents)


# ---------------------------------------------------------------- files
class Output:
    """`OUT/people/PERSON/[PART/]NAME.jsonl`, and `OUT/index.tsv` with a line a file."""
    def __init__(self, folder):
        self.folder, self.rows = folder, []
        if os.path.exists(folder) and os.listdir(folder):
            raise Unusable(f"{folder} is not empty; remove it, or name another folder")

    def write(self, person, name, events, part="", root="people"):
        place = os.path.join(self.folder, root, person, part)
        os.makedirs(place, exist_ok=True)
        with open(os.path.join(place, name + ".jsonl"), "w", encoding="utf-8") as out:
            for event in events:
                out.write(json.dumps(event, separators=(",", ":")) + "\n")
        presses = sum(event["type"] == "keystroke" and event["event"] == "press" for event in events)
        self.rows.append((root, person, part or "-", name, events[0]["ts"], events[-1]["ts"], presses, len(events)))

    def people(self):
        return len({row[1] for row in self.rows if row[0] == "people"})

    def finish(self):
        if not self.rows:
            raise Unusable("nobody in the source could be used")
        with open(os.path.join(self.folder, "index.tsv"), "w", encoding="utf-8") as out:
            out.write("folder\tperson\tpart\tfile\tfirst_us\tlast_us\tkeystrokes\tevents\n")
            for row in sorted(self.rows):
                out.write("\t".join(map(str, row)) + "\n")


def spread(people, wanted):
    """So many of them, evenly over their order; all of them without a number."""
    if wanted is None or wanted >= len(people):
        return list(people)
    return [people[i * len(people) // wanted] for i in range(wanted)]


def folder_of(source, *parts):
    """A folder in the source, which must be there."""
    path = os.path.join(source, *parts)
    if not os.path.isdir(path):
        raise Unusable(f"{path} is missing: is {source} a copy of the repository?")
    return path


def files_of(folder, suffix=""):
    """Its files in order of name."""
    return [os.path.join(folder, name) for name in sorted(os.listdir(folder))
            if name.endswith(suffix) and os.path.isfile(os.path.join(folder, name))]


def by_number(names):
    """Names in order of the numbers in them."""
    digits = lambda name: int("".join(filter(str.isdigit, name)) or 0)
    return sorted(names, key=lambda name: (digits(name), name))
