"""SapiMouse: a session of three minutes and one of one minute a person, with a task in a browser.

https://github.com/jjmatthiesen/trajectoryAnimation_SapiMouse (MIT), which contains the set of Antal, Fejer and Buza.
"""
import os
from traces import DAY_US, ORIGIN_US, Pointer, Unusable, by_number, folder_of

HEAD = "client timestamp,button,state,x,y"
PARTS = ("learn", "session_3min.csv"), ("genuine", "session_1min.csv")


def session(path, number):
    pointer = Pointer(ORIGIN_US + number * DAY_US)
    with open(path, encoding="ascii") as lines:
        if next(lines, "").strip() != HEAD:
            raise Unusable(f"{path}: the first line is not `{HEAD}`")
        first = None
        for line in lines:
            time, button, state, x, y = line.rstrip("\n").split(",")
            first = int(time) if first is None else first
            us = (int(time) - first) * 1000
            if state in ("Move", "Drag"):
                pointer.move_to(us, int(x), int(y))
            elif state in ("Pressed", "Released"):
                pointer.button(us, button, "press" if state == "Pressed" else "release")
            else:
                raise Unusable(f"{path}: nothing is known of `{button},{state}`")
    return pointer.events


def convert(source, out, people):
    root = folder_of(source, "data", "sapimouse")
    whole = [name for name in by_number(os.listdir(root))
             if all(os.path.isfile(os.path.join(root, name, file)) for _, file in PARTS)]
    for person in whole[:people]:
        for number, (part, file) in enumerate(PARTS):
            out.write(person, file[:-4], session(os.path.join(root, person, file), number), part)
