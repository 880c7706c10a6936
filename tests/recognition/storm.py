"""A trace of whatever may happen, in no order, from the owner's random numbers."""
from simulated import ISLAND, in_order

SECOND = 1_000_000
SHIFTS = ("KEY_LEFTSHIFT", "KEY_RIGHTSHIFT", "KEY_CAPSLOCK")
ODD = ("KEY_1", "KEY_EQUAL", "KEY_RIGHTALT", "KEY_F5", "KEY_LEFTCTRL", "KEY_SEMICOLON")
SCOPES = ("keystroke", "mouse", "app", "all", None)


def storm(trace, owner, other, activities=50):
    r = owner.r
    for _ in range(activities):
        activity, = r.choices(list(ACTIVITIES), ACTIVITIES.values())
        activity(trace, r.choice((owner, owner, owner, other)), r)
        trace.ts += r.choice((0, 1_000, 200_000, SECOND, 3 * SECOND))
    trace.events = [e for e in trace.events if e.get("event") != "release" or r.random() > .01]      # some get lost
    return trace


def line(t, person, r):
    """Words, with slips and capitals; perhaps Enter."""
    begin = len(t.events)
    for _ in range(r.randint(1, 12)):
        if r.random() < .2:
            more, _ = person.press(t.ts, r.choice(SHIFTS), r.choice((None, 300)))
            t.events += more
        t.add(person.type, r.randint(1, 3))
        for _ in range(r.choice((0, 0, 0, 1, 2, 5))):
            t.add(person.press, "KEY_BACKSPACE", r.choice((None, None, None, 160)))
        if r.random() < .1:
            t.add(person.press, r.choice(ODD), r.choice((None, 1500)))
    if r.random() < .5:
        t.add(person.press, "KEY_ENTER")
    t.events[begin:] = in_order(t.events[begin:])


def long_line(t, person, r):
    t.add(person.type, r.randint(12, 40))


def long_word(t, person, r):
    for _ in range(r.randint(60, 70)):
        t.add(person.press, "KEY_" + r.choice("ASDFGH"))
    t.add(person.press, "KEY_SPACE")


def point(t, person, r):
    t.add(person.point, r.randint(1, 8))


def program(t, person, r):
    hold_us = r.choice((0, 1_000, 14_999, 15_000, 20_000))
    t.add(person.expand, r.randint(10, 60), hold_us, r.choice((2_000, 13_333, 13_334, 90_000)))


def chatter(t, person, r):
    t.add(person.chatter, r.randint(3, 20))


def game(t, person, r):
    t.add(person.play, r.randint(3, 20))


def numbers(t, person, r):
    t.add(person.count, r.randint(1, 8))


def mouse(t, event, **more):
    t.note({"type": "mouse", "ts": t.ts, "event": event, **more})


def tablet(t, _, r):
    """Absolute positions, now and then the same again."""
    x, y = r.uniform(0, 4000), r.uniform(0, 3000)
    for _ in range(r.randint(1, 40)):
        mouse(t, "move", x=x, y=y)
        if r.random() < .9:
            x, y = x + r.gauss(6, 8), y + r.gauss(-3, 8)
        t.ts += r.choice((2_000, 8_000, 8_000, 20_000, 400_000))


def tremble(t, _, r):
    """Less than a stroke, or one that ends where it began."""
    for dx in r.choice(((1, 1), (1, 1, 1), (2, 30, -30), (20, 15, -12))):
        mouse(t, "move", dx=dx, dy=0)
        t.ts += 10_000
    t.ts += 400_000


def wheel(t, _, r):
    for _ in range(r.randint(1, 10)):
        mouse(t, "scroll", scroll_delta=r.choice((1, 1, 1, -1, .125)))
        t.ts += r.choice((15_000, 40_000, 40_000, 1_200_000))


def drag(t, person, r):
    """Presses, double ones among them, with motion in between; perhaps a release is missing."""
    for _ in range(r.randint(1, 4)):
        button = r.choice(("Left", "Left", "Right", "Side"))
        mouse(t, "press", button=button)
        t.ts += r.randint(20_000, 150_000)
        if r.random() < .4:
            moves, t.ts = person.point(t.ts, 1)
            t.events += [e for e in moves if e["event"] == "move"]
        if r.random() < .9:
            mouse(t, "release", button=button)
        t.ts += r.randint(50_000, 700_000)


def touch(t, _, r):
    for _ in range(r.randint(1, 3)):
        mouse(t, "touch")
        t.ts += r.choice((80_000, 500_000))


def focus(t, _, r):
    app = r.choice(("editor", "mail", None))
    t.note({"type": "app", "ts": t.ts, "event": "focus", "app_name": app, "window_class": app})


def layout(t, _, r):
    t.note({"ts": t.ts, **r.choice((ISLAND, {"type": "layout", "letters": [*"abcdefghijklmnopqrstuvwxyz"]}))})


def gap(t, _, r):
    scope = r.choice(SCOPES)
    t.note({"type": "gap", "ts": t.ts, "reason": "overrun", **({"scope": scope} if scope else {})})


def control(t, _, r):
    event = r.choice(("unlock", "lock", "guest"))
    until = {"until": t.ts + 20 * SECOND} if event == "guest" else {}
    t.note({"type": "control", "ts": t.ts, "event": event, **until})


def pause(t, _, r):
    t.ts += r.choice((2 * SECOND, 31 * SECOND, 400 * SECOND, 900 * SECOND, 5000 * SECOND))


def clock(t, _, r):
    t.ts -= r.choice((500_000, 1_000_000, 1_000_001, 30 * SECOND))


def rubbish(t, _, r):
    t.note(r.choice((
        {"type": "keystroke", "ts": t.ts, "key": "nonsense", "event": "press"},
        {"type": "keystroke", "ts": 0, "key": "a", "event": "press"},
        {"type": "mouse", "ts": t.ts, "event": "move"},
        {"type": "app", "ts": t.ts, "event": "focus"},
        {"type": "control", "ts": t.ts, "event": "guest", "until": t.ts},
        {"type": "control", "ts": t.ts, "event": "dance"})))


# How often each, beside the others.
ACTIVITIES = {
    line: 8, long_line: 6, long_word: 1, program: 1, chatter: 1, game: 1, numbers: 1,
    point: 6, tablet: 1, tremble: 2, wheel: 1, drag: 1, touch: 1,
    focus: 3, layout: 1, gap: 1, control: 3, pause: 1, clock: 1, rubbish: 1}
