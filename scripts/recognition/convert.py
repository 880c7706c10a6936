#!/usr/bin/env python3
"""Converts a public data set that you have fetched into traces for `seclyzer evaluate`. Standard library only.

    convert.py [--people NUMBER] SET SOURCE OUT

SET: freetext, aalto, gradtype, balabit, sapimouse. SOURCE: a copy of the repository (docs/recognition.md lists them).
OUT, which must be empty or absent, becomes OUT/people/PERSON/, with one trace a sitting, or with the folders `learn`,
`genuine` and `impostor` where the set says which is which; and OUT/index.tsv.
"""
import argparse
import importlib
import sys
from traces import Output, Unusable

SETS = "freetext", "aalto", "gradtype", "balabit", "sapimouse"


def main(arguments=None):
    parser = argparse.ArgumentParser(description="Converts a public data set into traces for `seclyzer evaluate`.")
    parser.add_argument("set", choices=SETS)
    parser.add_argument("source", help="a copy of the set's repository")
    parser.add_argument("out", help="a folder to write to, empty or absent")
    parser.add_argument("--people", type=int, help="convert so many people; otherwise all")
    args = parser.parse_args(arguments)
    try:
        out = Output(args.out)
        importlib.import_module(args.set).convert(args.source, out, args.people)
        out.finish()
    except (Unusable, OSError, UnicodeError) as error:
        print(f"convert.py: {args.set}: {error}", file=sys.stderr)
        return 1
    print(f"{args.set}: {out.people()} people, {len(out.rows)} traces in {args.out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
