"""gradtype: sentences copied in a browser, one sitting a person; JSON of two forms.

https://github.com/indutny/gradtype (Kor Public License: conditions on use, share-alike).
"""
import json
import os
from traces import CHARACTERS, ORIGIN_US, Unusable, files_of, folder_of, gap, key_of, of_strokes, spread, without_repeats

LEAST = 1_300                       # keystrokes: 1,000 to learn and a window of 300
BETWEEN_US = 5_000_000              # the pause between two sentences, of which the set says nothing
LETTERS = "abcdefghijklmnopqrstuvwxyz ,."
NAMED = {"Backspace": "KEY_BACKSPACE", "Shift": "KEY_LEFTSHIFT", "Enter": "KEY_ENTER", "Control": "KEY_LEFTCTRL",
         "CapsLock": "KEY_CAPSLOCK", "Tab": "KEY_TAB", "Meta": "KEY_LEFTMETA", "Escape": "KEY_ESC", "Alt": "KEY_LEFTALT",
         "AltGraph": "KEY_RIGHTALT", "Delete": "KEY_DELETE", "ArrowUp": "KEY_UP", "ArrowDown": "KEY_DOWN",
         "ArrowLeft": "KEY_LEFT", "ArrowRight": "KEY_RIGHT", "Home": "KEY_HOME", "End": "KEY_END"}


def of_sequences(sequences):
    """Second form: strokes of (code, seconds held, seconds to the next press), without times of their own."""
    out, now = [], ORIGIN_US
    for sequence in sequences:
        strokes = []
        for stroke in sequence:
            held, step = round(stroke["hold"] * 1e6), round(stroke["duration"] * 1e6)
            strokes.append((now, now + held if held > 0 else None, CHARACTERS[LETTERS[stroke["code"]]]))
            now += step if step > 0 else BETWEEN_US
        events = of_strokes(strokes)
        if events:
            out += ([gap(events[0]["ts"])] if out else []) + events
            now = events[-1]["ts"] + BETWEEN_US
    return out


def of_events(events):
    """First form: keys that go down and up, in seconds, and where the text began anew."""
    out, begin = [], 0
    sentences = [[]]
    for event in events:
        if event == "r":
            sentences.append([])
        else:
            sentences[-1].append((ORIGIN_US + round(event["ts"] * 1e6), key_of(event["k"], NAMED), event["e"] == "d"))
    for sentence in sentences:
        sentence.sort(key=lambda change: change[0])
        typed = [event for event in without_repeats(sentence) if event["ts"] >= begin]
        if typed:
            out += ([gap(typed[0]["ts"])] if out else []) + typed
            begin = typed[-1]["ts"]
    return out


def person(path):
    try:
        with open(path, encoding="utf-8") as file:
            data = json.load(file)
        return of_sequences(data["sequences"]) if isinstance(data, dict) else of_events(data)
    except (ValueError, KeyError, TypeError, IndexError) as error:
        raise Unusable(f"{path}: not of the set ({error!r})") from error


def convert(source, out, people):
    lists = "index.json", "sentences.json"
    paths = [path for path in files_of(folder_of(source, "datasets"), ".json") if os.path.basename(path) not in lists]
    enough = []
    for path in paths:
        events = person(path)
        if sum(event.get("event") == "press" for event in events) >= LEAST:
            enough.append((os.path.basename(path)[:-5], events))
    for name, events in spread(enough, people):
        out.write(name, "1", events)
