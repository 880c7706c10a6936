#!/usr/bin/env python3
"""Learns from exported records to tell people apart, and measures honestly how well.

Each person's earlier windows are learnt and the later ones judged. Every person is the owner once, and each of the
others the stranger once: one whose windows are learnt, too, and one of whom the model knows nothing.
"""
import argparse
import sys

import duckdb
import numpy
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_curve
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

# Who, when, and how much was typed say nothing about how.
NO_FEATURES = ["type", "schema", "user", "host", "origin", "timestamp", "window_end", "dev_mode", "degraded", "strokes",
               "total_keys", "total_samples"]
WINDOW_US = 30_000_000
LEARNT_SHARE, LEAST_LEARNT, LEAST_JUDGED = 0.6, 20, 5


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="+", metavar="FILE", help="Parquet files of one kind, keystroke or mouse")
    parser.add_argument("--person", default="user", help="the column that says who it is; default user")
    parser.add_argument("--gap", type=float, default=300, metavar="SECONDS",
                        help="left out between learnt and judged windows, because features by finger contain what "
                             "was typed before the window; default 300")
    return parser.parse_args()


def model():
    """Nulls become the median of what was learnt: that a value is missing says what was typed, not who typed it."""
    return make_pipeline(SimpleImputer(strategy="median", keep_empty_features=True), StandardScaler(),
                         LogisticRegression(C=0.1, class_weight="balanced", max_iter=1000))


def split(windows, gap_us):
    """By time: at random, halves of the same half minute would be in both parts. No two judged windows overlap."""
    windows = windows.sort_values("window_end")
    learnt = windows.head(int(LEARNT_SHARE * len(windows)))
    judged, earliest = [], learnt["window_end"].max() + gap_us + WINDOW_US
    for place, window_end in enumerate(windows["window_end"]):
        if window_end >= earliest:
            judged.append(place)
            earliest = window_end + WINDOW_US
    return learnt, windows.iloc[judged]


def judge(parts, features, owner, stranger, is_known):
    """Whether each judged window of the two is the owner's, and the probability that the model gives it."""
    learnt = {person: part for person, (part, _) in parts.items() if is_known or person != stranger}
    is_owner = numpy.concatenate([numpy.full(len(part), person == owner) for person, part in learnt.items()])
    fitted = model().fit(numpy.concatenate([part[features] for part in learnt.values()]), is_owner)
    judged = [parts[person][1][features].to_numpy() for person in (owner, stranger)]
    score = fitted.predict_proba(numpy.concatenate(judged))[:, 1]
    return numpy.repeat([True, False], [len(part) for part in judged]), score


def show(title, is_owner, score):
    accepted, kept, _ = roc_curve(is_owner, score, drop_intermediate=False)
    equal = numpy.argmin(abs(accepted - (1 - kept)))
    refused, let_in = (score[is_owner] < 0.5).mean(), (score[~is_owner] >= 0.5).mean()
    print(f"{title}:")
    equal_error = (accepted[equal] + 1 - kept[equal]) / 2
    print(f"  equal error rate   {equal_error:6.1%}   at the threshold that turned out best")
    print(f"  owner refused      {refused:6.1%}   at 0.5, which was chosen before")
    print(f"  stranger accepted  {let_in:6.1%}")
    print(f"  accuracy           {1 - (refused + let_in) / 2:6.1%}   mean over owner and stranger; a guess has 50 %")


def main():
    args = arguments()
    try:
        records = duckdb.read_parquet(args.files, union_by_name=True).select("* EXCLUDE (timestamp)").df()
    except duckdb.Error as error:
        sys.exit(str(error).splitlines()[0])
    features = [name for name in records.columns if name not in NO_FEATURES]
    usable = records[~records["degraded"] & records[features].notna().any(axis=1)]
    print(f"{len(records)} records, {records['degraded'].sum()} degraded; {len(usable)} not degraded and with values")
    parts = {person: split(windows, 1e6 * args.gap) for person, windows in usable.groupby(args.person)}
    for person, (learnt, judged) in parts.items():
        print(f"  {person}: {len(learnt)} windows learnt, {len(judged)} later ones that do not overlap judged")
        if len(learnt) < LEAST_LEARNT or len(judged) < LEAST_JUDGED:
            sys.exit(f"{person}: at least {LEAST_LEARNT} and {LEAST_JUDGED} are needed; let {person} type for longer")
    if len(parts) < 2:
        sys.exit(f"windows of two people are needed, by the column {args.person}; here are those of {len(parts)}")
    for is_known in (True, False) if len(parts) > 2 else (True,):
        results = [judge(parts, features, owner, stranger, is_known)
                   for owner in parts for stranger in parts if owner != stranger]
        show("stranger whom the model has learnt, too" if is_known else "stranger whom the model does not know",
             *map(numpy.concatenate, zip(*results)))


if __name__ == "__main__":
    main()
