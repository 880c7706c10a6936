#!/usr/bin/env python3
"""Is it the owner? The definition in executable form: a trace of events in, scores and decisions out.

    recognition.py TRACE.jsonl [--state IN.json] [--save OUT.json] [--stored OUT.json] [--password-only] [--learn-all]
    recognition.py --selftest

Events are those of docs/contract.md, and {"type": "control", "ts": .., "event": "unlock" | "lock" | "guest", "until":
..} (`until` with guest only). At each multiple of 5 s that ends a stretch with input there is one score record, at
each change of state one decision record, in the order of what happened. `--save` writes what is kept at the end,
`--stored` what is to be stored then, and `--state` begins with either. Standard library only. docs/recognition.md
explains it; where the two disagree this program is right.
"""
import json
import os
import sys

from reference import keys as k
from reference import mouse as m
from reference.contract import contract
from reference.decision import SITTING_US, Decision
from reference.teaching import Teaching

INTERVAL_US, BACKWARD_US, BURST_US = contract.INTERVAL_US, contract.BACKWARD_LIMIT_US, contract.BURST_US
HOLD_US = 1_000_000           # a key held for longer has no dwell: what follows need not wait for its release
WAITING = 1024                # no more strokes wait: whatever sends them faster is no hand


def parse(e):
    """(kind, ts, arguments), or None: what does not fit is discarded before it reaches the clock."""
    if e.get("type") != "control":
        return contract.parse(e)
    ts, event, until = e.get("ts"), e.get("event"), e.get("until")
    if not is_whole(ts) or ts <= 0:
        return None
    if event == "guest":
        return (event, ts, until) if is_whole(until) and until > ts else None
    return (event, ts) if event in ("unlock", "lock") else None


def is_whole(x):
    return isinstance(x, int) and not isinstance(x, bool)


class Recognition:
    """Events in (`feed`), records out (`take`)."""

    def __init__(self, state=None, learn_all=False, password_only=False):
        self.out = []
        self.decision = Decision(state, self.decided, password_only)
        self.teaching = Teaching(learn_all)
        self.queue = []               # strokes not judged yet: (number, stroke, key, whether it is part of a shortcut)
        self.no_hand = False          # whether no hand made the stroke that left the queue last
        self.text, self.is_text = k.Text(), True
        self.strokes = m.Strokes()
        self.clock = self.due = self.last_input = None

    def decided(self, ts, before, after, reason):
        self.out.append({"type": "decision", "ts": ts, "from": before, "to": after, "reason": reason})

    def take(self):
        out, self.out = self.out, []
        return out

    def feed(self, event):
        e = parse(event)
        if e is None:
            return
        kind, ts, *rest = e
        if self.clock is not None and ts < self.clock:
            if self.clock - ts > BACKWARD_US:
                self.gap("all")
                if kind == "gap":
                    self.due = None   # the clock was set back: it may lie far ahead now
            else:
                ts = self.clock
        self.clock = ts
        if self.due is not None and ts > self.due:
            self.score()
        if self.decision.guest_gone(ts):
            self.part()
            self.decision.back()
        if kind in ("unlock", "lock", "guest"):
            self.part()
            getattr(self.decision, kind)(ts, *rest)
        elif kind == "gap":
            self.gap(*rest)
        elif kind in ("app", "touch", "layout"):
            self.teach(kind, ts, *rest)
        else:
            self.input(kind, ts, *rest)
        self.drain()

    def end(self):
        if self.due is not None:
            self.score()

    def input(self, kind, ts, *args):
        if self.last_input is not None and ts - self.last_input >= SITTING_US:
            self.part()
            self.decision.end_sitting()
        self.last_input = ts
        if self.due is None:
            self.due = -(-ts // INTERVAL_US) * INTERVAL_US
        self.teach(kind, ts, *args)
        if kind != "keystroke":
            getattr(self.strokes, kind)(ts, *args)
            self.actions()
        elif args[1] == "press":
            key, held = args[0], self.teaching.held()
            in_chord = key in k.CHORDS or any(c in held and ts - held[c].press < k.CHORD_US for c in k.CHORDS)
            number = self.teaching.presses - 1
            self.queue.append((number, self.teaching.newest(), k.KEY.get(key, k.OTHER), in_chord))

    def teach(self, kind, ts, *args):
        self.decision.judge(self.teaching.feed(kind, ts, *args))

    # ------------------------------------------------------------ strokes and actions to the decision
    def drain(self):
        """Judges the strokes whose time has come.

        A stroke's is once it was released, or was held too long to matter, and it can be part of no burst any more. The
        newest always waits. Where no hand made it, there is nothing to wait for.
        """
        while self.queue:
            _, stroke, _, _ = self.queue[0]
            age_us = self.clock - stroke.press
            known = (stroke.release is not None or age_us > HOLD_US) and age_us > BURST_US
            if not stroke.no_hand and not (known and len(self.queue) > 1) and len(self.queue) <= WAITING:
                break
            self.stroke()

    def stroke(self):
        number, stroke, key, in_chord = self.queue.pop(0)
        after_no_hand, self.no_hand = self.no_hand, stroke.no_hand
        if stroke.no_hand:            # a run of such strokes is one gap of the keys; to what is text they are not there
            if not after_no_hand:
                self.decision.pause()
            return
        held_us = (self.clock if stroke.release is None else stroke.release) - stroke.press
        times = stroke.press, -1 if stroke.release is None else stroke.release, key
        before, self.is_text = self.is_text, self.text.take(key, held_us, in_chord)
        if self.is_text:
            self.decision.stroke(self.clock, number, times)
        else:
            self.decision.skip(number, times, before)

    def actions(self):
        for action in self.strokes.take():
            self.decision.action(self.clock, m.phi(action))

    # ------------------------------------------------------------ what nothing spans
    def gap(self, scope):
        """Events were lost, or the clock was set back."""
        self.teach("gap", self.clock, scope)
        self.cut(scope)

    def part(self):
        """Another sitting, the screen locked or unlocked, a guest coming or going: what has the focus stays known."""
        self.teach("gap", self.clock, "keystroke")
        self.cut("all")

    def cut(self, scope):
        if scope in ("all", "keystroke"):
            while self.queue:
                self.stroke()
            self.no_hand = False
            self.text.clear()
            self.decision.pause()
        if scope in ("all", "mouse"):
            self.strokes.end()
            self.actions()
            self.strokes.reset()

    def score(self):
        d, end, self.due = self.decision, self.due, None
        self.out.append({"type": "score", "window_end": end, "state": d.state, "trust": d.trust(),
                         "evidence": d.against, "keys": d.case_keys, "mouse": d.case_mouse,
                         "learnt_keys": d.keys.live_strokes, "learnt_actions": d.sure.owner.actions})


def run(events, state=None, learn_all=False, password_only=False):
    """All records of a trace, and the state at its end."""
    out, r = records(events, state, learn_all, password_only)
    return out, r.decision.save()


def records(events, state=None, learn_all=False, password_only=False):
    """All records of a trace, and what made them."""
    r, out = Recognition(state, learn_all, password_only), []
    for event in events:
        r.feed(event)
        out += r.take()
    r.end()
    return out + r.take(), r


def read(path):
    with open(path, encoding="utf-8") as lines:
        for text in lines:
            try:
                e = json.loads(text)
            except ValueError:
                continue
            if isinstance(e, dict):
                yield e


def close(a, b):
    """Equal but for rounding (1e-9)."""
    if isinstance(a, float) or isinstance(b, float):
        numbers = isinstance(a, (int, float)) and isinstance(b, (int, float))
        return numbers and abs(a - b) <= 1e-9 * max(1.0, abs(a), abs(b))
    if isinstance(a, dict):
        return isinstance(b, dict) and a.keys() == b.keys() and all(close(a[q], b[q]) for q in a)
    if isinstance(a, list):
        return isinstance(b, list) and len(a) == len(b) and all(map(close, a, b))
    return a == b


def main(argv):
    if argv[1:] == ["--selftest"]:
        import selftest
        return selftest.main()

    def option(name):
        return argv[argv.index(name) + 1] if name in argv else None
    state = None
    if "--state" in argv:
        with open(option("--state"), encoding="utf-8") as f:
            state = json.load(f)
    out, r = records(read(argv[1]), state, "--learn-all" in argv, "--password-only" in argv)
    for record in out:
        print(json.dumps(record))
    for name, kept in (("--save", r.decision.save), ("--stored", r.decision.stored)):
        if name in argv:
            with open(option(name), "w", encoding="utf-8") as f:
                json.dump(kept(), f)


if __name__ == "__main__":
    main(sys.argv)
