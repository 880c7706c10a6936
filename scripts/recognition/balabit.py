"""Balabit Mouse Dynamics Challenge: CSV files of a session each; training sessions, and test sessions of which 816 are labelled.

https://github.com/balabit/Mouse-Dynamics-Challenge (no licence stated; asks to be cited).
"""
import os
from traces import DAY_US, ORIGIN_US, Pointer, Unusable, files_of, folder_of

HEAD = "record timestamp,client timestamp,button,state,x,y"
OUTSIDE = 65_535                    # the position of a pointer that is not on the screen


def session(path, number):
    pointer = Pointer(ORIGIN_US + number * DAY_US)
    with open(path, encoding="ascii") as lines:
        if next(lines, "").strip() != HEAD:
            raise Unusable(f"{path}: the first line is not `{HEAD}`")
        for line in lines:
            _, time, button, state, x, y = line.rstrip("\n").split(",")
            us, x, y = round(float(time) * 1e6), int(x), int(y)
            if state in ("Move", "Drag"):
                if x < OUTSIDE and y < OUTSIDE:
                    pointer.move_to(us, x, y)
            elif state in ("Pressed", "Released"):
                pointer.button(us, button, "press" if state == "Pressed" else "release")
            elif button == "Scroll":
                pointer.scroll(us, 1 if state == "Up" else -1)
            else:
                raise Unusable(f"{path}: nothing is known of `{button},{state}`")
    return pointer.events


def labels_of(path):
    try:
        with open(path, encoding="ascii") as lines:
            next(lines)
            return {name: label == "1" for name, label in (line.strip().split(",") for line in lines)}
    except (OSError, ValueError) as error:
        raise Unusable(f"{path}: {error}") from error


def convert(source, out, people):
    labels = labels_of(os.path.join(source, "public_labels.csv"))
    accounts = sorted(os.listdir(folder_of(source, "training_files")))[:people]
    for account in accounts:
        training = files_of(folder_of(source, "training_files", account))
        tests = files_of(folder_of(source, "test_files", account))
        for number, path in enumerate(training + [path for path in tests if os.path.basename(path) in labels]):
            name = os.path.basename(path)
            part = "learn" if number < len(training) else "impostor" if labels[name] else "genuine"
            events = session(path, number)
            if events:
                out.write(account, name, events, part)
