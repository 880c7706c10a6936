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


class Mouse:
    """What is learnt of the mouse."""

    def __init__(self, owner, level, sittings):
        self.owner, self.level, self.sittings = owner, level, sittings
        self.taught = 0               # actions that the present sitting has taught

    def ready(self):
        return self.owner.actions >= READY_ACTIONS and self.sittings >= READY_SITTINGS

    def learn(self, vector, odds):
        self.owner.learn(vector)
        self.taught += 1
        if odds is not None:
            self.level.learn(odds)

    def end_sitting(self):
        self.sittings += self.taught >= SITTING_ACTIONS
        self.taught = 0
        self.owner.end_block()


class Decision:
    def __init__(self, state=None, decided=lambda ts, before, after, reason: None, password_only=False):
        state = state or {}
        if state.get("version", 1) != 1:
            raise ValueError("a state of another version")
        self.keys = k.Model(state.get("keys"))
        owner = m.Owner.load(state["mouse"]) if "mouse" in state else m.Owner()
        # By what closed cases taught it is judged. `ahead` has the open case, too, unless that has raised a doubt: so it
        # does not depend on when cases close, that is on the keys that were typed, and it is what is stored.
        self.sure = Mouse(owner, m.Level(state.get("level")), state.get("sittings", 0))
        self.ahead = copy.deepcopy(self.sure)
        self.holds_back = False       # the open case has raised a doubt: nothing of it counts as the owner's
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
        return {"version": 1, "keys": self.keys.save(), **self.save_mouse(self.sure)}

    @staticmethod
    def save_mouse(mouse):
        level = [mouse.level.n, mouse.level.mean, mouse.level.square]
        return {"mouse": mouse.owner.save(), "level": level, "sittings": mouse.sittings}

    def stored(self):
        """What is written to the database: `save` and what is on its way there, as if the sitting ended. An open case
        below doubt is his."""
        keys, mouse = copy.deepcopy((self.keys, self.ahead))
        for number, stroke, good in self.undecided:
            if number is not None and number not in self.verdicts:
                break                 # of a line that may still come to count
            is_his = not self.holds_back if good is None else good
            keys.keep(stroke if is_his else None, self.verdicts.get(number, False))
        mouse.end_sitting()
        return {"version": 1, "keys": keys.stored(), **self.save_mouse(mouse)}

    def keys_ready(self):
        return self.keys.live_strokes >= READY_KEYS

    def mouse_ready(self):
        return self.sure.ready()

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
        self.wait(entry)
        self.hold("key", entry, None)
        self.add(ts, ALLOWANCE - self.keys.score(stroke) if self.keys_ready() else 0.0, 0.0)

    def action(self, ts, vector):
        if self.state == GUEST:
            return
        change, sure, ahead = 0.0, None, None
        if self.ahead.ready():
            self.window.add(vector)
            self.window_actions += 1
            ahead = m.CALIBRATION * self.window.llr(self.ahead.owner)
            if self.mouse_ready():
                sure = m.CALIBRATION * self.window.llr(self.sure.owner)
                now = min(MOUSE_HIGH, max(MOUSE_LOW, self.sure.level(sure)))
                change, self.mouse = now - (now if self.mouse is None else self.mouse), now
        odds = (sure, ahead) if self.window_actions >= m.LEVEL_MIN else (None, None)
        if not self.holds_back:
            self.ahead.learn(vector, odds[1])
        self.hold("mouse", vector, odds)
        self.add(ts, 0.0, change)

    def hold(self, kind, item, odds):
        self.held.append((kind, item, odds))
        if len(self.held) > HELD:
            kind, item, _ = self.held.pop(0)
            self.top = max(0, self.top - 1)
            if kind == "key":
                item[2] = item[1] is not None and not self.holds_back    # what is stored has counted it as his
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
            self.holds_back, self.ahead = True, copy.deepcopy(self.sure)
            self.go(ts, DOUBTFUL, "evidence")
        if self.state == DOUBTFUL and self.against >= NOTIFY:
            self.contested = self.answered
            self.go(ts, STRANGER, "contested" if self.contested else "evidence")
        if self.state == STRANGER and self.against >= LOCK and not (self.locked or self.contested):
            self.locked = True
            self.decided(ts, STRANGER, STRANGER, "lock")
        self.calm = self.calm + 1 if self.state == STRANGER and self.against < DOUBT else 0
        if self.calm >= CALM and not self.password_only:
            self.contested = self.locked = self.holds_back = False
            self.learn_ahead(self.risen())
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

    def learn_ahead(self, skip):
        for kind, item, odds in self.held[skip:]:
            if kind == "mouse":
                self.ahead.learn(item, odds[1])

    def close(self, skip):
        """The case ends; what it held is learnt, but for its first `skip` items. Of a stranger nothing is. What is stored
        has all of a case that raised no doubt."""
        is_owners = self.state != STRANGER
        if is_owners:
            if self.holds_back:
                self.learn_ahead(skip)
            level = self.sure.level
            for kind, _, odds in self.held[skip:]:
                if kind == "mouse" and odds[0] is not None:
                    level.learn(odds[0])
            self.sure = copy.deepcopy(self.ahead)
            self.sure.level = level
        if self.cut:
            self.keys.learn(None)
        for i, (kind, item, _) in enumerate(self.held):
            good = i >= skip and is_owners
            if kind == "key":
                item[2] = good or not self.holds_back
                self.keys.learn(item[1] if good else None)
        self.holds_back = not is_owners
        self.clear()
        self.drain()

    def wait(self, entry):
        self.undecided.append(entry)
        if len(self.undecided) > HELD:
            self.keep_first()

    def keep_first(self):
        number, stroke, good = self.undecided.pop(0)
        good = not self.holds_back if good is None else good
        self.keep([number, stroke, good], self.verdicts.get(number, False))

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
            self.keep_first()

    def pause(self):
        """A gap in the keys: no duration spans it."""
        self.keys.last_scored = None
        entry = [None, None, None]
        self.undecided.append(entry)
        self.hold("key", entry, None)
        if self.against <= 0.0:
            self.close(0)
        if len(self.undecided) > HELD and self.undecided[0][2] is not None:     # of an open case there are few enough
            self.keep_first()

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
        self.wait([number, stroke, self.state != STRANGER])
        self.drain()

    def new_sitting(self):
        self.window, self.window_actions, self.mouse = m.Window(2 ** (-1 / m.HALF_LIFE)), 0, None

    def end_sitting(self):
        """Idle for long, locked, unlocked, a guest: the mouse's window and block end; the sum and the case stay."""
        self.answered = False
        self.sure.end_sitting()
        self.ahead.end_sitting()
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
        """Nothing is judged or learnt until then. What was open is dropped; what is stored has it if it raised no doubt."""
        self.end_sitting()
        self.close(len(self.held))
        self.until, self.contested, self.locked = until, False, False
        self.go(ts, GUEST, "guest")

    def guest_gone(self, ts):
        return self.state == GUEST and ts >= self.until

    def back(self):
        self.end_sitting()
        self.go(self.until, self.rest(), "guest_end")
