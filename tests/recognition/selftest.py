"""recognition.py --selftest: the golden traces, what an expander may do, and what must not depend on a secret."""
import json
import os

import make_golden as golden
import recognition as R
from simulated import Person, strokes

HERE = os.path.dirname(os.path.abspath(__file__))
FOLDER = os.path.join(HERE, "golden")
SECOND = 1_000_000


def load(name):
    with open(os.path.join(FOLDER, name), encoding="utf-8") as f:
        return json.load(f)


def check(name, trace, state, password_only=False):
    out, saved = R.run(R.read(trace), state, password_only=password_only)
    assert R.close(list(R.read(os.path.join(FOLDER, name + ".expected"))), out), name
    assert R.close(load(name + ".saved.json"), saved), name


def golden_traces(owner):
    for trace in golden.TRACES:
        name = trace.__name__
        state = None if trace is golden.fresh else owner
        check(name, os.path.join(FOLDER, name + ".jsonl"), state, name in golden.PASSWORD_ONLY)
    for name in ("bounds", "desk", "edges", "fast-mouse", "hands", "layouts", "typist"):
        trace = os.path.join(HERE, "..", "golden", name + ".jsonl")
        check("contract/" + name, trace, None)
        check(f"contract/{name}.owner", trace, owner)


def decisions(events, state):
    return [e for e in R.run(events, state)[0] if e["type"] == "decision"]


def expanders_raise_no_alarm(owner):
    assert not decisions(R.read(os.path.join(FOLDER, "expander.jsonl")), owner)


SECRETS = {
    "random": "xq7zk9pwj4", "a word and digits": "hunter12345", "PIN": "482913", "one letter": "aa", "one digit, held long": "1" * 40,
    "letters": "swordfish", "with signs": "-p 4=[x];", "a command": "mysql -u root -pswordfish", "slips": "swrd<<<<word<fish",
    "erased beyond its begin": "fish<<<<<<sword", "nothing": "",
    **{f"{n} words": " ".join("correct horse battery staple copper violin meadow lantern".split()[:n]) for n in range(1, 9)},
}
RHYTHMS = {"quick": (60, 90), "slow": (110, 400), "hesitant": (95, 1900), "in a burst": (20, 12), "pasted by a program": (1, 3)}
KEYS = {" ": "KEY_SPACE", "<": "KEY_BACKSPACE", "\n": "KEY_ENTER"}


def secret_between(secret, rhythm, times, state_seed):
    """Lines of the owner's, and a secret on a line of its own after each of the first `times`; then a password, which closes the case."""
    owner, ts, ev = Person(state_seed, 5.0, 4.45, 1.0, -2.3), golden.BEGIN + 20 * golden.DAY, []
    for line in range(4):
        more, ts = owner.type(ts, 30)
        ev += more + strokes([(ts, ts + 80_000, "KEY_ENTER")])
        if line < times:
            hold_ms, step_ms = rhythm
            at = ts + SECOND
            for c in secret + "\n":
                ev += strokes([(at, at + hold_ms * 1000, KEYS.get(c, c))])
                at += step_ms * 1000
        ts += 120 * SECOND            # whatever the secret took
    ev += [golden.control(ts, "unlock")]
    return sorted(ev, key=lambda e: e["ts"])


def nothing_kept_depends_on_a_secret(owner):
    for state in (None, owner):
        for times in (1, 3):
            kept = None
            for name, secret in SECRETS.items():
                for how, rhythm in RHYTHMS.items():
                    out, saved = R.run(secret_between(secret, rhythm, times, 1), state)
                    if any(e["type"] == "decision" and e["reason"] == "evidence" for e in out):
                        continue      # a doubt is published anyway
                    kept = kept or saved["keys"]
                    assert saved["keys"] == kept, (name, how)
            assert kept["strokes"] > 0


def main():
    owner = load("owner.state.json")
    golden_traces(owner)
    expanders_raise_no_alarm(owner)
    nothing_kept_depends_on_a_secret(owner)
    print("ok")
