"""Which strokes may teach the kept trees: those that count by the contract under `lines`, by the contract's own
program.

A stroke's fate is known once its word counts (it may teach), or once it is part neither of a plain word that waits
nor of the one being typed (it never will): at its press in a word that is none, at the press or pause that makes its
word none, at whatever ends the line, or when it turns out that no hand made it.
"""
from .contract import contract


class Teaching:
    def __init__(self, everything=False):
        """everything: every stroke may teach, for comparison; which strokes no hand made is still found out."""
        self.keys, self.elsewhere = contract.KeystrokeCore("lines"), contract.Elsewhere()
        self.everything = everything
        self.presses = 0
        self.open = []                # [(number, stroke)] in order of press: their fate is not known

    def held(self):
        """The keys that are down, each with its stroke."""
        return self.keys.held

    def newest(self):
        """The stroke pressed last. The contract's program notes in it its release and whether no hand made it."""
        return self.keys.strokes[-1]

    def feed(self, kind, ts, *args):
        """Takes an event as the contract parses it. Returns [(number, may teach)] of the strokes that it settles."""
        keys, elsewhere = self.keys, self.elsewhere
        if kind == "gap":
            elsewhere.gap(*args)
            keys.end_line()
            if args[0] in ("keystroke", "all"):
                keys.reset()
        elif kind == "layout":
            keys.set_layout(*args)
        elif kind == "keystroke":
            keys.push(ts, *args)
            if args[1] == "press":
                self.open.append((self.presses, keys.strokes[-1]))
                self.presses += 1
        elif elsewhere.ends_line(kind, ts, args, keys.last_ts):
            keys.end_line()
        else:
            return []
        return self.settled()

    def settled(self):
        words = self.keys.waiting + [self.keys.word or []]
        may_count = {id(stroke) for _, *strokes in filter(None, words) for stroke in strokes}
        settled, self.open = self.open, []
        if not self.everything:
            self.open = [(n, stroke) for n, stroke in settled if id(stroke) in may_count]
            settled = [(n, stroke) for n, stroke in settled if id(stroke) not in may_count]
        return [(n, self.everything or stroke.counts) for n, stroke in settled]
