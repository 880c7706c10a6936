#!/usr/bin/env python3
"""Prints a saved state as large as they come: an owner of 15,000 strokes, with 1,500 leaves in each of the kept trees; the
mouse is that of golden/owner.state.json. For what memory and time it takes."""
import json
import os

from reference import keys as k

GOLDEN = os.path.join(os.path.dirname(os.path.abspath(__file__)), "golden", "owner.state.json")
FIRST, SECOND, TIMES = range(62), range(25), 5


def main():
    model, ts = k.Model(), 0
    for _ in range(TIMES):
        for first in FIRST:
            for second in SECOND:
                for key, press in ((first, ts), (second, ts + 150_000 + 1_000 * second)):
                    model.keep((press, press + 80_000 + 1_000 * first, key), True)
                model.keep(None, False)
                ts += 10_000_000
    with open(GOLDEN, encoding="utf-8") as f:
        state = json.load(f)
    print(json.dumps({**state, "keys": model.save()}))


if __name__ == "__main__":
    main()
