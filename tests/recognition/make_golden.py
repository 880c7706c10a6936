#!/usr/bin/env python3
"""Makes golden/: traces of a simulated typist and mouse, the owner's learnt state, and what must come out.

    make_golden.py                      golden/ anew, and golden/contract/ from the contract's golden traces
    make_golden.py --seed N --out DIR   traces of other people, into another folder

Each NAME.jsonl comes with NAME.expected (the records) and NAME.saved.json (what is kept at the end). All but `fresh`
begin with owner.state.json; `takeover` and `mixed` are run with --password-only.
"""
import glob
import json
import os
import random
import sys

import recognition as R
from simulated import ISLAND, Person
from storm import storm

HERE = os.path.dirname(os.path.abspath(__file__))
BEGIN, DAY, SECOND = 1_790_000_000_000_000, 86_400_000_000, 1_000_000
PASSWORD_ONLY = ("takeover", "mixed")


def control(ts, event, **more):
    return {"type": "control", "ts": ts, "event": event, **more}


def focus(ts, app):
    return {"type": "app", "ts": ts, "event": "focus", "app_name": app, "window_class": None}


class Trace:
    """Activities one after the other."""

    def __init__(self, ts):
        self.ts, self.events = ts, []

    def add(self, activity, *args, after_us=0):
        more, self.ts = activity(self.ts + after_us, *args)
        self.events += more
        return self

    def note(self, event):
        self.events.append(event)
        return self


def people(seed):
    """The owner and another."""
    if seed == 0:
        return Person(1, 5.0, 4.45, 1.0, -2.3), Person(2, 5.25, 4.25, 1.5, -2.7)
    r = random.Random(f"people {seed}")
    means, spreads = (5.1, 4.35, 1.2, -2.5), (.15, .15, .2, .2)
    return [Person(f"{who} {seed}", *map(r.gauss, means, spreads)) for who in ("owner", "other")]


def owners_state(owner, seed):
    """Learnt from four sittings: lines of 30 words, then some pointing."""
    ev = []
    for day in range(4):
        more, _ = owner.bouts(BEGIN + day * DAY, 5, 30, 30)
        ev += more
    _, r = R.records(ev)
    state = r.decision.stored()
    state["keys"]["strokes"] = max(state["keys"]["strokes"], 2000)      # the example is small: it is called ready
    if seed:
        state["mouse"]["actions"] = 19_990.0      # soon the past fades
    return state


def takeover(owner, other, ts):
    """Another takes over; a password (the alarm is answered); he goes on (contested); a password; the owner."""
    t = Trace(ts).add(owner.bouts, 3).add(other.bouts, 5, after_us=3 * SECOND)
    t.note(control(t.ts, "unlock")).add(other.bouts, 5, after_us=2 * SECOND)
    return t.note(control(t.ts, "unlock")).add(owner.bouts, 2, after_us=2 * SECOND)


def gone(owner, other, ts):
    """Nobody answers; the owner comes back, and is believed after a while."""
    t = Trace(ts).add(owner.bouts, 2).add(other.bouts, 3, after_us=3 * SECOND)
    return t.add(owner.bouts, 8, after_us=3 * SECOND)


def play(owner, _, ts):
    """A game, numbers, shortcuts: no text, no alarm."""
    t = Trace(ts).add(owner.bouts, 1).add(owner.play, 120, after_us=3 * SECOND).add(owner.bouts, 1, after_us=3 * SECOND)
    return t.add(owner.count, 40, after_us=3 * SECOND).add(owner.bouts, 2, after_us=3 * SECOND)


def day(owner, other, ts):
    """A gap, a lock and an unlock, a guest, long idle, the clock set back, what does not fit."""
    t = Trace(ts).add(owner.bouts, 2)
    t.note({"type": "gap", "ts": t.ts, "reason": "suspend"}).add(owner.bouts, 1, after_us=SECOND)
    t.note(control(t.ts, "lock")).note(control(t.ts + 60 * SECOND, "unlock")).add(owner.bouts, 1, after_us=62 * SECOND)
    guest = t.ts
    t.note(focus(guest, "mail")).note(control(guest + SECOND, "guest", until=guest + 60 * SECOND))
    t.add(other.bouts, 1, after_us=2 * SECOND)
    t.ts = max(t.ts, guest + 61 * SECOND)
    t.add(owner.bouts, 1)
    t.note({"type": "keystroke", "ts": t.ts, "key": "nonsense", "event": "press"})
    t.note({"type": "mouse", "ts": t.ts, "event": "move"}).add(owner.bouts, 1, after_us=1000 * SECOND)
    for at in (t.ts, t.ts + 90_000):
        t.note({"type": "mouse", "ts": at, "event": "scroll", "scroll_delta": -1})
    t.ts -= 20 * SECOND
    return t.add(owner.bouts, 1)


def fresh(owner, _, ts):
    """Nobody is known yet."""
    return Trace(ts).add(owner.bouts, 2, 25, 8).add(owner.bouts, 1, 20, 8, after_us=1000 * SECOND)


# Of expanders: presses, how long a key is held, and from press to press.
SPEEDS_US = ((200, 1_000, 2_000), (120, 1_000, 60_000), (200, 20_000, 12_000), (200, 90_000, 13_000), (100, 0, 0),
             (40, 14_999, 150_000))


def expander(owner, _, ts):
    """A program types for the owner, at several speeds, in the middle of his lines; then switches that bounce. No
    alarm."""
    t = Trace(ts).note(focus(ts, "editor")).add(owner.type, 40)
    for presses, hold_us, step_us in SPEEDS_US:
        t.add(owner.expand, presses, hold_us, step_us).add(owner.type, 25)
    return t.add(owner.chatter, 40).add(owner.bouts, 2)


def layouts(owner, _, ts):
    """A letter of his words is no letter of the US keyboard; then the layout comes on which it is one."""
    umlaut, t = {"p": "KEY_SEMICOLON"}, Trace(ts).note(focus(ts, "editor"))
    t.add(owner.type, 60, umlaut)
    t.note({"ts": t.ts, **ISLAND}).add(owner.type, 60, umlaut)
    return t.note({"ts": t.ts, **ISLAND}).add(owner.type, 20, umlaut)      # the same once more changes nothing


def long_alarm(owner, other, ts):
    """Another types for longer than a case is remembered, then a password: the alarm is answered."""
    t = Trace(ts).add(owner.bouts, 1).add(other.type, 260, after_us=3 * SECOND)
    return t.note(control(t.ts, "unlock")).add(owner.bouts, 2, after_us=2 * SECOND)


def mixed(owner, other, ts):
    """Whatever may happen, in no order."""
    return storm(Trace(ts), owner, other)


TRACES = (takeover, gone, play, day, fresh, expander, layouts, long_alarm, mixed)


def write(path, text):
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)


def write_lines(path, records):
    write(path, "".join(json.dumps(e) + "\n" for e in records))


def expect(path, trace, state, password_only=False):
    """Runs a trace; what comes out beside `path`."""
    out, saved = R.run(R.read(trace), state, password_only=password_only)
    write_lines(path + ".expected", out)
    write(path + ".saved.json", json.dumps(saved))
    return out


def report(name, out):
    print(name, sum(e["type"] == "score" for e in out), "scores")
    for e in out:
        if e["type"] == "decision":
            print("   ", e["ts"] / 1e6, e["from"], "->", e["to"], e["reason"])


def main(argv):
    def option(name, default):
        return argv[argv.index(name) + 1] if name in argv else default
    seed, folder = int(option("--seed", 0)), option("--out", os.path.join(HERE, "golden"))
    if seed and "--out" not in argv:
        sys.exit("other seeds go to another folder: --out DIR")
    os.makedirs(folder, exist_ok=True)
    owner, other = people(seed)
    state = owners_state(owner, seed)
    write(os.path.join(folder, "owner.state.json"), json.dumps(state))
    for trace in TRACES:
        name = trace.__name__
        path = os.path.join(folder, name)
        write_lines(path + ".jsonl", trace(owner, other, BEGIN + 10 * DAY).events)
        report(name, expect(path, path + ".jsonl", None if trace is fresh else state, name in PASSWORD_ONLY))
    if seed == 0:
        os.makedirs(os.path.join(folder, "contract"), exist_ok=True)
        for trace in sorted(glob.glob(os.path.join(HERE, "..", "golden", "*.jsonl"))):
            path = os.path.join(folder, "contract", os.path.basename(trace)[:-len(".jsonl")])
            expect(path, trace, None)
            expect(path + ".owner", trace, state)


if __name__ == "__main__":
    main(sys.argv)
