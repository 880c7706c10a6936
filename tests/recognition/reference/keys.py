"""The owner's model of keys: two trees of normals judge each stroke, the owner's and a stranger's (begun anew with
every case, learning as the case goes). A positive score speaks for the owner. Equations and origins:
docs/recognition.md.

The owner's tree exists twice: `live`, in memory only, learnt from every stroke of a case closed in his favour; and
`kept`, the only one ever saved, learnt from those of them that may teach (teaching.py). A start begins with the kept
one as the live one.

A stroke is (press_us, release_us or -1, key number). Strokes are given in order of press, each once the one before it
has been released (or was held too long to count): a dwell belongs to its key and the key after it.
"""
import math

NAMES = (["KEY_" + c for c in "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"] + ["KEY_" + c for c in (
    "MINUS EQUAL LEFTBRACE RIGHTBRACE BACKSLASH SEMICOLON APOSTROPHE GRAVE COMMA DOT SLASH SPACE ENTER BACKSPACE TAB "
    "LEFTSHIFT RIGHTSHIFT LEFTCTRL RIGHTCTRL LEFTALT RIGHTALT LEFTMETA RIGHTMETA CAPSLOCK ESC DELETE").split()])
OTHER, NONE, K = len(NAMES), 63, 64            # any other key; no key; size of the key space
KEY = {name: i for i, name in enumerate(NAMES)}
SPACE = KEY["KEY_SPACE"]


def _zones():
    zone = [9] * K                             # 0-3 left little to index, 4-7 right index to little, 8 thumb, 9 none
    for z, keys in enumerate(("1QAZ", "2WSX", "3EDC", "45RTFGVB", "67YUHJNM", "8IK", "9OL", "0P")):
        for c in keys:
            zone[KEY["KEY_" + c]] = z
    for z, keys in ((0, "GRAVE TAB CAPSLOCK LEFTCTRL ESC"), (5, "COMMA"), (6, "DOT"),
                    (7, "SLASH SEMICOLON APOSTROPHE LEFTBRACE RIGHTBRACE BACKSLASH MINUS EQUAL RIGHTCTRL DELETE"),
                    (8, "SPACE LEFTALT RIGHTALT LEFTMETA RIGHTMETA"),
                    (10, "ENTER BACKSPACE"), (11, "LEFTSHIFT RIGHTSHIFT")):
        for n in keys.split():
            zone[KEY["KEY_" + n]] = z
    return zone


ZONE = _zones()
HAND = (0, 0, 0, 0, 1, 1, 1, 1, 2, 3, 3, 3)


def relation(a, b):
    """Of two keys: 0 the same, 1 same finger, 2 same hand, 3 other hand, 4 after space, 5 before it, 6 Enter or
    Backspace, 7 Shift, 8 other"""
    if a == b:
        return 0
    za, zb = ZONE[a], ZONE[b]
    if za == 9 or zb == 9:
        return 8
    if za == 10 or zb == 10:
        return 6
    if za == 11 or zb == 11:
        return 7
    if za == 8:
        return 4
    if zb == 8:
        return 5
    if za == zb:
        return 1
    return 2 if HAND[za] == HAND[zb] else 3


# ---------------------------------------------------------------- constants (origins: docs/recognition.md)
DWELL, PRESS, FLIGHT = 0, 1, 2
# mean, sd within, sd of what differs (person, group, subgroup, leaf), common part of those (group, subgroup, leaf)
PRIOR = ((4.5, 0.25, (0.20, 0.14, 0.11, 0.14), (0.0, 0.2, 0.2)),  # ln ms held
         (5.2, 0.50, (0.35, 0.15, 0.20, 0.20), (0.0, 0.4, 0.4)),  # ln ms press to press
         (0.8, 0.80, (0.70, 0.35, 0.40, 0.40), (0.0, 0.4, 0.4)))  # asinh(ms/60) release to press
WEIGHT, HABIT_WEIGHT = (0.5, 0.3, 0.3), 0.5
ZONE_OFFSET = (.1, .05, 0., -.1, -.1, -.05, -.05, -.05, 0., .1, -.1, 1.2)      # dwell, by zone
PAIR_OFFSET = (0., .1, 0., -.25, .3, -.15, .8, .35, .3)        # press to press, by relation; flight 1.5 times
NU, KAPPA = 3.0, 20.0          # degrees of freedom; strength of a variance's prior, at each level
CLIP_MEAN, CLIP_VAR = 1.5, 2.5  # how far a value pulls, in predictive standard deviations
CAP = 16.0                     # a leaf's count; 4, 16, 64 times as much for the spread of the levels above
TEMPO, TEMPO_MEMORY = 0.04, 0.98
LIMIT = 2.0                    # the most that one value may add to a score
PAUSE_MS, HOLD_MIN_MS, HOLD_MAX_MS, STEP_MIN_MS = 2000.0, 5.0, 1000.0, 4.0
HABIT = {KEY["KEY_LEFTSHIFT"]: 0, KEY["KEY_RIGHTSHIFT"]: 1, KEY["KEY_CAPSLOCK"]: 2}
HABIT_PRIOR, HABIT_CAP = 0.3, 20.0
LOGK = math.lgamma(0.5 * (NU + 1)) - math.lgamma(0.5 * NU) - 0.5 * math.log(NU * math.pi)


def path(feature, a, b):
    """The nodes of a value: root, group, subgroup, leaf. Dwell: key a, next key b. Others: from key a to key b."""
    if feature == DWELL:
        return 0, 1 + ZONE[a], 100 + a, 1000 + a * K + b
    zones = 144 + ZONE[a] if a == b else ZONE[a] * 12 + ZONE[b]   # a key twice is a group of its own: one parent a node
    return 0, 1 + relation(a, b), 100 + zones, 1000 + a * K + b


class Tree:
    """mean of a leaf = person + group + subgroup + own, each normal; exact posterior by messages, one path a value"""

    def __init__(self, mean, sd, taus):
        self.m0, self.s2, self.taus = mean, sd * sd, taus
        self.clear()

    def clear(self):
        self.n, self.s = {}, {}                # leaf: count and sum (the data)
        self.p, self.h = {}, {}                # inner node: sums of its children's precisions and precisions x means
        self.nv, self.ss = {}, {}              # any node: squared deviations of predictions below it

    def message(self, level, node):
        """What is known of a node at this level from the data below it: precision, mean."""
        if level == 3:
            n = self.n.get(node, 0.0)
            return (n / self.s2, self.s[node] / n) if n > 0 else (0.0, 0.0)
        p = self.p.get(node, 0.0)
        return (p, self.h[node] / p) if p > 0 else (0.0, 0.0)

    def predict(self, path):
        """Means of the nodes of the path, variance of the leaf's mean, variance within the leaf."""
        prec, mean, means = 1.0 / (self.taus[0] * self.taus[0]), self.m0, []
        for l in range(3):
            p, h = self.p.get(path[l], 0.0), self.h.get(path[l], 0.0)
            means.append((prec * mean + h) / (prec + p))
            cp, cm = self.message(l + 1, path[l + 1])
            t2 = self.taus[l + 1] * self.taus[l + 1]
            mp = 1.0 / (1.0 / cp + t2) if cp > 0 else 0.0
            pr = prec + p - mp
            mean = (prec * mean + h - mp * cm) / pr
            prec = 1.0 / (1.0 / pr + t2)
        leaf = path[3]
        pr = prec + self.n.get(leaf, 0.0) / self.s2
        means.append((prec * mean + self.s.get(leaf, 0.0) / self.s2) / pr)
        v = self.s2
        for node in path:
            v = (KAPPA * v + self.ss.get(node, 0.0)) / (KAPPA + self.nv.get(node, 0.0))
        return means, 1.0 / pr, v

    def update(self, path, x, mean, vm, v):
        sd = math.sqrt(v + vm)
        e = x - mean
        ev = min(abs(e), CLIP_VAR * sd)
        x = mean + max(-CLIP_MEAN * sd, min(CLIP_MEAN * sd, e))
        q = ev * ev * v / (v + vm)
        for l, node in enumerate(path):
            cap = CAP * (64.0, 16.0, 4.0, 1.0)[l]
            nv, ss = self.nv.get(node, 0.0), self.ss.get(node, 0.0)
            if nv >= cap:
                ss *= (cap - 1) / cap
                nv *= (cap - 1) / cap
            self.nv[node], self.ss[node] = nv + 1, ss + q
        old = [self.message(l, path[l]) for l in (1, 2, 3)]
        leaf = path[3]
        n, s = self.n.get(leaf, 0.0), self.s.get(leaf, 0.0)
        if n >= CAP:
            s *= (CAP - 1) / CAP
            n = CAP - 1.0
        self.n[leaf], self.s[leaf] = n + 1, s + x
        for l in (2, 1, 0):
            t2 = self.taus[l + 1] * self.taus[l + 1]
            node, (op, om), (np, nm) = path[l], old[l], self.message(l + 1, path[l + 1])
            a = 1.0 / (1.0 / op + t2) if op > 0 else 0.0
            b = 1.0 / (1.0 / np + t2)
            self.p[node] = self.p.get(node, 0.0) + b - a
            self.h[node] = self.h.get(node, 0.0) + b * nm - a * om

    def save(self):
        return {"leaves": [[k, self.n[k], self.s[k]] for k in sorted(self.n)],
                "spread": [[k, self.nv[k], self.ss[k]] for k in sorted(self.nv)]}

    def load(self, state, feature):
        """Messages are summed anew from the leaves, children in order of number."""
        for k, n, s in state["leaves"]:
            self.n[k], self.s[k] = float(n), float(s)
        for k, n, s in state["spread"]:
            self.nv[k], self.ss[k] = float(n), float(s)
        parents = [{}, {}, {}, {}]
        for k in self.n:
            nodes = path(feature, *divmod(k - 1000, K))
            for l in (1, 2, 3):
                parents[l][nodes[l]] = nodes[l - 1]
        for l in (2, 1, 0):
            t2 = self.taus[l + 1] * self.taus[l + 1]
            for child in sorted(parents[l + 1]):
                cp, cm = self.message(l + 1, child)
                node = parents[l + 1][child]
                if cp > 0:
                    m = 1.0 / (1.0 / cp + t2)
                    self.p[node] = self.p.get(node, 0.0) + m
                    self.h[node] = self.h.get(node, 0.0) + m * cm


def log_density(x, mean, var):
    z = x - mean
    return LOGK - 0.5 * math.log(var) - 0.5 * (NU + 1) * math.log1p(z * z / var / NU)


def values(before, stroke):
    """What a new stroke makes known: [(feature, path, value)] of the dwell of the stroke before and of the pair."""
    out = []
    if before is None:
        return out
    (p0, r0, k0), (p1, _, k1) = before[:3], stroke[:3]
    step = (p1 - p0) / 1000.0
    near = step <= PAUSE_MS
    held = (r0 - p0) / 1000.0
    good = r0 >= 0 and HOLD_MIN_MS <= held <= HOLD_MAX_MS
    if good:
        out.append((DWELL, path(DWELL, k0, k1 if near else NONE), math.log(held) - ZONE_OFFSET[ZONE[k0]]))
    if near:
        off, pair = PAIR_OFFSET[relation(k0, k1)], path(PRESS, k0, k1)
        out.append((PRESS, pair, math.log(max(step, STEP_MIN_MS)) - off))
        if good:
            out.append((FLIGHT, pair, math.asinh((p1 - r0) / 1000.0 / 60.0) - 1.5 * off))
    return out


def add_capital(capitals, key):
    j = HABIT.get(key)
    if j is not None:
        capitals[j] += 1
        total = capitals[0] + capitals[1] + capitals[2]
        if total > HABIT_CAP:
            capitals[:] = [c * HABIT_CAP / total for c in capitals]


def plain(tree, nodes, x):
    means, vm, v = tree.predict(nodes)
    tree.update(nodes, x, means[3], vm, v)


class Model:
    def __init__(self, state=None):
        self.live = [Tree(m, sd, taus) for m, sd, taus, _ in PRIOR]
        self.kept = [Tree(m, sd, taus) for m, sd, taus, _ in PRIOR]
        self.stored_dwells = Tree(*PRIOR[DWELL][:3])
        self.stranger = [Tree(m, sd, (taus[0],) + tuple(t * math.sqrt(1 - r * r) for t, r in zip(taus[1:], rho)))
                         for m, sd, taus, rho in PRIOR]
        self.live_capitals, self.kept_capitals = [0.0, 0.0, 0.0], [0.0, 0.0, 0.0]   # left Shift, right Shift, Caps Lock
        self.live_strokes = self.kept_strokes = 0
        if state is not None:
            self.live_strokes = self.kept_strokes = state["strokes"]
            self.live_capitals, self.kept_capitals = list(state["capitals"]), list(state["capitals"])
            for trees in (self.live, self.kept):
                for f, tree in enumerate(trees):
                    tree.load(state["trees"][f], f)
            self.stored_dwells.load(state["trees"][DWELL], DWELL)
        self.last_scored = self.last_learnt = self.last_kept = None
        self.begin()

    def save(self):
        return {"strokes": self.kept_strokes, "capitals": self.kept_capitals, "trees": [t.save() for t in self.kept]}

    def stored(self):
        """`save` without dwells before a key that does not count: one would tell the first key of a password."""
        return {**self.save(), "trees": [t.save() for t in (self.stored_dwells, *self.kept[1:])]}

    def begin(self):
        """A new case: a stranger nobody has met, and the tempo of the moment."""
        for t in self.stranger:
            t.clear()
        self.tempo = [[0.0, TEMPO * TEMPO] for _ in PRIOR]
        self.met = [0.0, 0.0, 0.0]

    def score(self, stroke):
        """Evidence of this stroke, of the dwell of the one before it and of their pair: positive for the owner."""
        total = 0.0
        for f, nodes, x in values(self.last_scored, stroke):
            total += WEIGHT[f] * self.value(f, nodes, x)
        j, own = HABIT.get(stroke[2]), self.live_capitals
        if j is not None:
            d = (math.log((own[j] + HABIT_PRIOR) / (own[0] + own[1] + own[2] + 3 * HABIT_PRIOR))
                 - math.log((self.met[j] + HABIT_PRIOR) / (self.met[0] + self.met[1] + self.met[2] + 3 * HABIT_PRIOR)))
            total += HABIT_WEIGHT * max(-LIMIT, min(LIMIT, d))
            self.met[j] += 1
        self.last_scored = stroke
        return total

    def value(self, f, nodes, x):
        means, vm, v = self.live[f].predict(nodes)
        tempo = self.tempo[f]
        t = v + vm + tempo[1]
        mine = log_density(x, means[3] + tempo[0], t)
        lim = CLIP_MEAN * math.sqrt(t)
        e = max(-lim, min(lim, x - means[3] - tempo[0]))
        g, a = tempo[1] / t, TEMPO_MEMORY
        tempo[0] = (tempo[0] + g * e) * a
        tempo[1] = a * a * tempo[1] * (1 - g) + (1 - a * a) * TEMPO * TEMPO
        y = x
        for l, r in enumerate(PRIOR[f][3]):
            y -= r * (means[l + 1] - means[l])
        st = self.stranger[f]
        m2, vm2, v2 = st.predict(nodes)
        v2 *= v / st.s2                        # what is irregular for the owner is so for others
        theirs = log_density(y, m2[3], v2 + vm2)
        st.update(nodes, y, m2[3], vm2, v2)
        return max(-LIMIT, min(LIMIT, mine - theirs))

    def learn(self, stroke):
        """Into the live trees. None: the chain is broken here (a gap, or strokes that are not learnt)."""
        if stroke is not None:
            for f, nodes, x in values(self.last_learnt, stroke):
                plain(self.live[f], nodes, x)
            add_capital(self.live_capitals, stroke[2])
            self.live_strokes += 1
        self.last_learnt = stroke

    def keep(self, stroke, counts):
        """Into the kept trees, if it may teach. A dwell, which is known with the stroke after it, counts if its own
        stroke does; a pair if the second counts and the first does or is the space before; a Shift as its word does."""
        if stroke is not None:
            before = self.last_kept
            for f, nodes, x in values(before, stroke):
                if before[3] if f == DWELL else counts and (before[3] or before[2] == SPACE):
                    plain(self.kept[f], nodes, x)
                    if f == DWELL and counts:
                        plain(self.stored_dwells, nodes, x)
            if counts:
                add_capital(self.kept_capitals, stroke[2])
                self.kept_strokes += 1
            stroke += (counts,)
        self.last_kept = stroke


# ---------------------------------------------------------------- which strokes are text
CHORDS, CHORD_US = {"KEY_LEFTCTRL", "KEY_RIGHTCTRL", "KEY_LEFTALT", "KEY_LEFTMETA", "KEY_RIGHTMETA"}, 3_000_000
TEXT_STROKES, TEXT_LEAST = 24, 12              # the last so many strokes are looked at, once there are so many
TEXT_KEYS = 9                                  # so many of 24 are different keys, half are letters, space or Backspace,
TEXT_HELD_US, TEXT_HELD = 400_000, 3           # and no more than three are held for so long


class Text:
    """Games, navigation, numbers and shortcuts have other rhythms than text, which do not show who types: such
    strokes are neither judged nor learnt. On free text 1.5 % of the strokes go; without it everybody who played a
    game was an alarm."""


    def __init__(self): self.recent = []
    def clear(self): self.recent = []

    def take(self, key, held_us, in_chord):
        """Whether this stroke, given in order of press, is text."""
        self.recent.append((key, held_us > TEXT_HELD_US))
        if len(self.recent) > TEXT_STROKES:
            del self.recent[0]
        if in_chord or key == OTHER:
            return False
        n = len(self.recent)
        if n < TEXT_LEAST:
            return True
        keys = [q for q, _ in self.recent]
        letters = sum(q < 26 or q in (SPACE, KEY["KEY_BACKSPACE"]) for q in keys)
        return (24 * len(set(keys)) >= TEXT_KEYS * n and 2 * letters >= n
                and sum(held for _, held in self.recent) <= TEXT_HELD)
