"""recognition.py --selftest: the golden traces, what an expander may do, and what must not depend on a secret."""
import json
import os

import make_golden as golden
import recognition as R
from simulated import Person, in_order, strokes

HERE = os.path.dirname(os.path.abspath(__file__))
FOLDER = os.path.join(HERE, "golden")
CONTRACT = ("bounds", "desk", "edges", "fast-mouse", "hands", "layouts", "typist")


def load(name):
    with open(os.path.join(FOLDER, name), encoding="utf-8") as f:
        return json.load(f)


def check(name, trace, state, password_only=False):
    out, saved = R.run(R.read(trace), state, password_only=password_only)
    assert R.close(list(R.read(os.path.join(FOLDER, name + ".expected"))), out), name
    assert R.close(load(name + ".saved.json"), saved), name


def golden_traces_give_what_must_come_out(owner):
    for trace in golden.TRACES:
        name = trace.__name__
        state = None if trace is golden.fresh else owner
        check(name, os.path.join(FOLDER, name + ".jsonl"), state, name in golden.PASSWORD_ONLY)
    for name in CONTRACT:
        trace = os.path.join(HERE, "..", "golden", name + ".jsonl")
        check("contract/" + name, trace, None)
        check(f"contract/{name}.owner", trace, owner)


def an_expander_raises_no_alarm(owner):
    records = R.read(os.path.join(FOLDER, "expander.expected"))
    assert not [e for e in records if e["type"] == "decision"]


# ---------------------------------------------------------------- what is stored must not depend on a secret
PASSPHRASE = "correct horse battery staple copper violin meadow lantern".split()
SECRETS = [
    "", "xq7zk9pwj4", "hunter12345", "482913", "aa", "1" * 40, "swordfish", "-p 4=[x];", "mysql -u root -pswordfish",
    "swrd<<<<word<fish", "fish<<<<<<sword", *(" ".join(PASSPHRASE[:n]) for n in range(2, 9)),
    " " + " ".join(PASSPHRASE) + " "]
# Held, and from press to press.
RHYTHMS_MS = {
    "quick": (60, 90), "slow": (110, 400), "hesitant": (95, 1900), "in bursts": (20, 12), "a program's": (1, 3)}
KEYS = {" ": "KEY_SPACE", "<": "KEY_BACKSPACE", "\n": "KEY_ENTER"}


def with_secret(secret, rhythm_ms, times):
    """Three lines of the owner's, the secret on a line of its own after the first `times`."""
    owner, ts, ev = Person(1, 5.0, 4.45, 1.0, -2.3), golden.BEGIN + 20 * golden.DAY, []
    for line in range(3):
        more, ts = owner.type(ts, 14)
        ev += more + strokes([(ts, ts + 80_000, "KEY_ENTER")])
        hold_us, step_us = (ms * 1000 for ms in rhythm_ms)
        presses = enumerate(secret + "\n" if line < times else "", 1)
        ev += strokes([(ts + i * step_us, ts + i * step_us + hold_us, KEYS.get(c, c)) for i, c in presses])
        ts += 120 * golden.SECOND     # however long the secret took
    return in_order(ev)


def stored(secret, how, state, times, **options):
    """None where the secret raised a doubt: that is published anyway."""
    out, r = R.records(with_secret(secret, RHYTHMS_MS[how], times), state, **options)
    doubted = any(e["type"] == "decision" and e["reason"] == "evidence" for e in out)
    return None if doubted else r.decision.stored()["keys"]


def nothing_stored_depends_on_a_secret(owner):
    for state, times in ((None, 1), (owner, 2)):
        without = stored("", "quick", state, 0)
        assert without["strokes"] > (state["keys"]["strokes"] if state else 0)
        for secret in SECRETS:
            for how in RHYTHMS_MS:
                assert stored(secret, how, state, times) in (None, without), (secret, how)
    # It would be seen if it did.
    assert stored("swordfish", "quick", None, 1, learn_all=True) != stored("", "quick", None, 1, learn_all=True)
    nine_words = " " + " ".join(PASSPHRASE + ["lantern"]) + " "
    assert stored(nine_words, "quick", None, 1) != stored("", "quick", None, 0)


def main():
    owner = load("owner.state.json")
    golden_traces_give_what_must_come_out(owner)
    an_expander_raises_no_alarm(owner)
    nothing_stored_depends_on_a_secret(owner)
    print("ok")
