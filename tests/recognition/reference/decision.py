"""The decision: one sum for keys and mouse, five states, and what is learnt. docs/recognition.md has the figures.

`against` is Page's test: what speaks against the owner adds up and never falls below zero. A stroke adds ALLOWANCE
less its score; an action of the mouse adds what it changed the mouse's window log odds by. Where the sum falls to
zero the case is closed in the owner's favour: what it held is learnt and a new stranger begins. As it never falls
below zero, good input gives no credit: a pause, a new day, a new device need no rule of their own.
"""
import copy

from . import keys as k
from . import mouse as m

LEARNING, OWNER, DOUBTFUL, STRANGER, GUEST = "learning", "owner", "doubtful", "stranger", "guest"
ALLOWANCE = 0.06              # a stroke: silence counts against. 0: 3 % of strangers are never found; .12: owners climb
DOUBT, NOTIFY, LOCK = 6.0, 12.0, 20.0
MOUSE_LOW, MOUSE_HIGH = -4.0, 14.0   # the mouse's range, 18, is less than LOCK: it never locks alone
READY_KEYS = 2000             # strokes learnt
READY_ACTIONS, READY_SITTINGS, SITTING_ACTIONS = 400, 3, 30   # a sitting counts that taught 30
SITTING_US = 900_000_000      # without input for so long, a sitting is over
HELD = 1024                   # items of an open case; the oldest is forgotten, and never learnt
CALM = 200                    # items in a row below doubt after which a stranger, where nothing locks, has gone


class Decision:
    def __init__(self, state=None, decided=lambda ts, before, after, reason: None, password_only=False):
        state = state or {}
        if state.get("version", 1) != 1:
            raise ValueError("a state of another version")
        self.keys = k.Model(state.get("keys"))
        self.owner = m.Owner.load(state["mouse"]) if "mouse" in state else m.Owner()
        self.level = m.Level(state.get("level"))
        self.sittings = state.get("sittings", 0)
        self.decided = decided
        self.password_only = password_only          # where it locks: only a password leads out of stranger
        self.calm = 0
        self.until = None             # of the guest
        self.answered = False         # an alarm was answered with a password in this sitting
        self.contested = self.locked = False
        # Strokes not kept yet: [number or None for a break, stroke, may be learnt or None where its case is open].
        self.undecided = []
        self.verdicts, self.floor = {}, 0           # of strokes from number `floor` on
        self.new_sitting()
        self.clear()
        self.state = self.rest()

    def save(self):
        return {"version": 1, "keys": self.keys.save(), "mouse": self.owner.save(),
                "level": [self.level.n, self.level.mean, self.level.square], "sittings": self.sittings}

    def stored(self):
        """What is written to the database: `save` and what is on its way there. An open case below doubt is his."""
        ahead = copy.deepcopy(self.keys)
        for number, stroke, good in self.undecided:
            if number is not None and number not in self.verdicts:
                break                 # of a line that may still come to count
            if good is None:
                good = self.state not in (DOUBTFUL, STRANGER)
            ahead.keep(stroke if good else None, self.verdicts.get(number, False))
        return {**self.save(), "keys": ahead.stored()}

    def keys_ready(self):
        return self.keys.live_strokes >= READY_KEYS

    def mouse_ready(self):
        return self.owner.actions >= READY_ACTIONS and self.sittings >= READY_SITTINGS

    def rest(self):
        return OWNER if self.keys_ready() or self.mouse_ready() else LEARNING

    def trust(self):
        """50 where doubt begins, 0 for a stranger; None where nothing is judged."""
        if self.state in (LEARNING, GUEST):
            return None
        return 0.0 if self.state == STRANGER else 100.0 * max(0.0, 1.0 - self.against / NOTIFY)

    def go(self, ts, state, reason):
        before, self.state = self.state, state
        if before != state:
            self.decided(ts, before, state, reason)

    # ------------------------------------------------------------ evidence
    def stroke(self, ts, number, stroke):
        if self.state == GUEST:
            return
        entry = [number, stroke, None]
        self.undecided.append(entry)
        if len(self.undecided) > HELD:
            self.keep(self.undecided.pop(0), False)
        self.hold("key", entry, None)
        self.add(ts, ALLOWANCE - self.keys.score(stroke) if self.keys_ready() else 0.0, 0.0)

    def action(self, ts, vector):
        if self.state == GUEST:
            return
        change, odds = 0.0, None
        if self.mouse_ready():
            self.window.add(vector)
            self.window_actions += 1
            odds = m.CALIBRATION * self.window.llr(self.owner)
            now = min(MOUSE_HIGH, max(MOUSE_LOW, self.level(odds)))
            change, self.mouse = now - (now if self.mouse is None else self.mouse), now
        self.hold("mouse", vector, odds if self.window_actions >= m.LEVEL_MIN else None)
        self.add(ts, 0.0, change)

    def hold(self, kind, item, odds):
        self.held.append((kind, item, odds))
        if len(self.held) > HELD:
            kind, item, _ = self.held.pop(0)
            self.top = max(0, self.top - 1)
            if kind == "key":
                item[2] = False
                self.cut = True

    def add(self, ts, by_keys, by_mouse):
        self.against += by_keys + by_mouse
        self.case_keys += by_keys
        self.case_mouse += by_mouse
        if self.against > self.peak:
            self.peak, self.top = self.against, len(self.held)
        closed = self.against <= 0.0
        if closed:
            self.close(self.risen())
        if self.state == LEARNING:
            self.go(ts, self.rest(), "ready")
        if self.state == DOUBTFUL and closed:
            self.go(ts, OWNER, "evidence")
        if self.state == OWNER and self.against >= DOUBT:
            self.go(ts, DOUBTFUL, "evidence")
        if self.state == DOUBTFUL and self.against >= NOTIFY:
            self.contested = self.answered
            self.go(ts, STRANGER, "contested" if self.contested else "evidence")
        if self.state == STRANGER and self.against >= LOCK and not (self.locked or self.contested):
            self.locked = True
            self.decided(ts, STRANGER, STRANGER, "lock")
        self.calm = self.calm + 1 if self.state == STRANGER and self.against < DOUBT else 0
        if self.calm >= CALM and not self.password_only:
            self.contested = self.locked = False
            self.go(ts, self.rest(), "calm")

    # ------------------------------------------------------------ cases and learning
    def clear(self):
        self.against = self.case_keys = self.case_mouse = self.peak = 0.0
        self.top = 0                  # items held when the sum was highest
        self.held, self.cut = [], False             # cut: its oldest were forgotten
        self.keys.begin()

    def risen(self):
        """How many of the case's items came while the sum rose to doubt: they are never learnt."""
        return self.top if self.peak >= DOUBT else 0

    def close(self, skip):
        """The case ends; what it held is learnt, but for its first `skip` items. Of a stranger nothing is."""
        if self.cut:
            self.keys.learn(None)
        for i, (kind, item, odds) in enumerate(self.held):
            good = i >= skip and self.state != STRANGER
            if kind == "key":
                item[2] = good
                self.keys.learn(item[1] if good else None)
            elif good:
                self.owner.learn(item)
                self.sitting_actions += 1
                if odds is not None:
                    self.level.learn(odds)
        self.clear()
        self.drain()

    def keep(self, entry, counts):
        number, stroke, good = entry
        if number is not None:
            for n in range(self.floor, number + 1):      # strokes that no hand or a guest made have verdicts, too
                self.verdicts.pop(n, None)
            self.floor = number + 1
        self.keys.keep(stroke if good else None, counts)

    def judge(self, verdicts):
        self.verdicts.update((n, v) for n, v in verdicts if n >= self.floor)
        self.drain()

    def drain(self):
        """Strokes of closed cases, in order, once it is known whether they may teach."""
        while self.undecided:
            number, _, good = self.undecided[0]
            # A break has no verdict, so what follows it waits until there are HELD more; `stored` does not wait.
            if good is None or good and number not in self.verdicts:
                break
            self.keep(self.undecided.pop(0), self.verdicts.get(number, False))

    def pause(self):
        """A gap in the keys: no duration spans it."""
        self.keys.last_scored = None
        entry = [None, None, None]
        self.undecided.append(entry)
        self.hold("key", entry, None)
        if self.against <= 0.0:
            self.close(0)
        if len(self.undecided) > HELD and self.undecided[0][2] is not None:     # of an open case there are few enough
            self.keep(self.undecided.pop(0), False)

    def skip(self, number, stroke, begins):
        """A stroke that is no text is neither judged nor learnt by the live trees, and no duration of theirs spans it.

        `begins`: the one before was text. The kept trees go by their own rule alone: what is stored must not depend on
        what was typed between.
        """
        if self.state == GUEST:
            return
        if begins:
            self.keys.last_scored = None
            self.hold("key", [None, None, None], None)
            if self.against <= 0.0:
                self.close(0)
        self.undecided.append([number, stroke, self.state != STRANGER])
        if len(self.undecided) > HELD:
            self.keep(self.undecided.pop(0), False)
        self.drain()

    def new_sitting(self):
        self.owner.end_block()
        self.window, self.window_actions, self.mouse = m.Window(2 ** (-1 / m.HALF_LIFE)), 0, None
        self.sitting_actions = 0

    def end_sitting(self):
        """Idle for long, locked, unlocked, a guest: the mouse's window and block end; the sum and the case stay."""
        self.sittings += self.sitting_actions >= SITTING_ACTIONS
        self.answered = False
        self.new_sitting()

    # ------------------------------------------------------------ control (each after `pause`)
    def unlock(self, ts):
        """A password closes the case. If that answers an alarm, all of the case is learnt, unless another was
        answered in this sitting already (contested): then nobody knows, and nothing is."""
        alarm, skip = self.state == STRANGER, self.risen()
        self.end_sitting()
        if alarm:
            skip, self.answered = len(self.held) if self.contested else 0, True
        self.go(ts, self.rest(), "unlock")
        self.close(skip)
        self.contested = self.locked = False

    def lock(self, ts):
        self.end_sitting()

    def guest(self, ts, until):
        """Nothing is judged or learnt until then. What was open is dropped."""
        self.end_sitting()
        self.close(len(self.held))
        self.until, self.contested, self.locked = until, False, False
        self.go(ts, GUEST, "guest")

    def guest_gone(self, ts):
        return self.state == GUEST and ts >= self.until

    def back(self):
        self.end_sitting()
        self.go(self.until, self.rest(), "guest_end")
