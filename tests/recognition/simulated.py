"""A simulated typist and mouse: no data set, a person is a seed. Each method makes the events of one activity from
`ts` on, and returns them with the time after."""
import math
import random

WORDS = """
the of and to in is that for it as was with be by on not he this are or his from at which but have an had they you were
their one all we can her has there been if more when will would who so no out up into them then time over water people
little know house again small sound place years live back give most very after things our just name good""".split()
# The letter beside L, as ö is on many layouts.
ISLAND = {"type": "layout", "letters": [*"abcdefghijklmnopqrstuvwxyz", "KEY_SEMICOLON", "KEY_APOSTROPHE"],
          "altgr_letters": ["KEY_E"], "marks": ["KEY_COMMA", "KEY_DOT", "KEY_SLASH"], "accents": ["KEY_EQUAL"]}


def strokes(presses):
    """Events, in order of time, of [(press, release, key)]."""
    ev = [e for press, release, key in presses for e in ((press, key, "press"), (release, key, "release"))]
    return in_order([{"type": "keystroke", "ts": ts, "key": key, "event": event} for ts, key, event in ev])


def in_order(events):
    return sorted(events, key=lambda e: e["ts"])


class Person:
    """Tempo, keys and pairs of his own, a hand of his own at the mouse. Tempo: ln ms."""

    def __init__(self, seed, tempo, dwell, speed, click):
        r = self.r = random.Random(seed)
        self.tempo, self.dwell, self.speed, self.click = tempo, dwell, speed, click
        self.key = {c: r.gauss(0, .16) for c in "abcdefghijklmnopqrstuvwxyz "}
        self.pair = {(a, b): r.gauss(0, .3) for a in self.key for b in self.key}
        self.bow, self.snap = r.gauss(0, .12), r.uniform(.8, 1.3)

    def type(self, ts, words, instead=None):
        """So many words, each with a space after it. instead: keys that take the place of some letters'."""
        presses, before, r = [], " ", self.r
        for _ in range(words):
            for c in r.choice(WORDS) + " ":
                ts += int(1000 * math.exp(self.tempo + self.pair[before, c] + r.gauss(0, .22)))
                hold = int(1000 * math.exp(self.dwell + self.key[c] + r.gauss(0, .15)))
                name = "KEY_SPACE" if c == " " else "KEY_" + c.upper()
                presses.append((ts, ts + hold, (instead or {}).get(c, name)))
                before = c
        return strokes(presses), ts + 400_000

    def press(self, ts, key, hold_ms=None):
        """One key, after a short while."""
        ts += int(1000 * math.exp(self.tempo + self.r.gauss(0, .22)))
        hold = int(1000 * (hold_ms or math.exp(self.dwell + self.r.gauss(0, .15))))
        return strokes([(ts, ts + hold, key)]), ts + hold

    def point(self, ts, actions):
        """Strokes of the mouse, half of which end in a click."""
        ev, r = [], self.r
        for _ in range(actions):
            length, angle = math.exp(r.gauss(5.6, .7)), r.uniform(-math.pi, math.pi)
            total = self.speed * math.exp(r.gauss(0, .2)) * (.35 + .12 * math.log(length / 100 + 1))
            n, x0, y0 = max(4, int(total / .02)), 0, 0
            for i in range(1, n + 1):
                s = (i / n) ** self.snap
                a = 10 * s ** 3 - 15 * s ** 4 + 6 * s ** 5
                b = self.bow * math.sin(math.pi * a) * (1 + r.gauss(0, .3))
                x = round(length * (a * math.cos(angle) - b * math.sin(angle)) + r.gauss(0, .6))
                y = round(length * (a * math.sin(angle) + b * math.cos(angle)) + r.gauss(0, .6))
                ts += 20_000
                if x != x0 or y != y0:
                    ev.append({"type": "mouse", "ts": ts, "event": "move", "dx": x - x0, "dy": y - y0})
                x0, y0 = x, y
            if r.random() < .5:
                ts += int(1e6 * math.exp(r.gauss(-1.9, .3)))
                ev.append({"type": "mouse", "ts": ts, "event": "press", "button": "Left"})
                ts += int(1e6 * math.exp(self.click + r.gauss(0, .12)))
                ev.append({"type": "mouse", "ts": ts, "event": "release", "button": "Left"})
            ts += int(1e6 * math.exp(r.gauss(-.7, .4)))
        return ev, ts

    def bouts(self, ts, n, words=12, actions=6):
        """Typing and pointing in turn."""
        ev = []
        for _ in range(n):
            for activity, size in ((self.type, words), (self.point, actions)):
                more, ts = activity(ts, size)
                ev += more
        return ev, ts

    def play(self, ts, seconds):
        """A game: W held, others tapped meanwhile."""
        presses, r, end = [], self.r, ts + seconds * 1_000_000
        others = ("KEY_A", "KEY_D", "KEY_S", "KEY_SPACE", "KEY_LEFTSHIFT", "KEY_R", "KEY_1")
        while ts < end:
            held = int(1e6 * math.exp(r.gauss(.3, .7)))
            presses.append((ts, ts + held, "KEY_W"))
            t = ts
            while t < ts + held:
                t += int(1e6 * r.expovariate(1.5)) + 60_000
                key, hold = r.choice(others), int(1e6 * math.exp(r.gauss(-1.6, .5)))
                presses.append((t, t + hold, key))
            ts = max(t, ts + held) + 400_000
        return strokes(presses), ts + 2_000_000

    def count(self, ts, numbers):
        """Numbers into a sheet, each with Enter; now and then Ctrl and a letter."""
        presses, r = [], self.r
        for i in range(numbers):
            for key in ["KEY_" + r.choice("0123456789") for _ in range(r.randint(2, 6))] + ["KEY_ENTER"]:
                ts += int(1e6 * math.exp(r.gauss(-1.3, .3)))
                presses.append((ts, ts + 85_000, key))
            if i % 5 == 0:
                ts += 500_000
                presses.append((ts, ts + 300_000, "KEY_LEFTCTRL"))
                ts += 120_000
                presses.append((ts, ts + 90_000, "KEY_" + r.choice("CVXZS")))
            ts += 700_000
        return strokes(presses), ts + 2_000_000

    def expand(self, ts, presses, hold_us, step_us):
        """A program types for him: it erases an abbreviation, then presses so many keys at a constant speed."""
        text = " ".join(self.r.choice(WORDS) for _ in range(presses // 3)).upper()
        keys = ["BACKSPACE"] * 4 + ["SPACE" if c == " " else c for c in text][:presses - 4]
        ts += 60_000
        return strokes([(ts + i * step_us, ts + i * step_us + hold_us, "KEY_" + key) for i, key in enumerate(keys)]), \
            ts + len(keys) * step_us + 300_000

    def chatter(self, ts, words):
        """Typing on a keyboard whose switches for E and T bounce: a press of 2 to 6 ms comes before the true one."""
        ev, ts = self.type(ts, words)
        bounces = []
        for e in ev:
            if e["event"] == "press" and e["key"] in ("KEY_E", "KEY_T"):
                bounce_us = self.r.randint(2_000, 6_000)
                bounces += strokes([(e["ts"], e["ts"] + bounce_us, e["key"])])
                e["ts"] += bounce_us + 1_500
        return in_order(ev + bounces), ts
