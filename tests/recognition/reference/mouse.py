"""The owner's model of the mouse: events -> Strokes -> actions (dicts) -> phi -> Owner.learn / Window.add -> llr.

Positive is a stranger. Three sorts of variance: W within a sitting (learnt), S between sittings of one person
(learnt, prior shipped), B between persons (shipped). Under "owner" the mean of the last actions lies around the
owner's mean with variance W/n + S; under "stranger" with W/n + S + B. Evidence saturates with n, as S bounds it.
Equations and origins: docs/recognition.md.
"""
import math

# ---------------------------------------------------------------- segmentation (first two: the contract's)
SAMPLE_US = 7_500
GAP_US = 300_000
MIN_SAMPLES = 3
MIN_LENGTH = 3.0              # counts; shorter runs are no stroke
GRID_S = 0.020                # speeds are taken on an even grid of time: the report rate must not matter
MAX_GRID = 400
MAX_SAMPLES = 4096            # a longer stroke is cut: memory is bounded
STALE_US = 1_000_000          # motion that ended longer before a press does not belong to the click
IDLE_US = 10_000_000          # no pause is measured over this
CLICK_PAUSE_US = 5_000_000
DWELL_MS = 5_000.0
DOUBLE_US = 500_000
SCROLL_GAP_US = 1_000_000

TYPES = ["move", "click", "drag", "bare", "scroll"]
FEATURES = ["ln_duration", "ln_length", "ln_peak", "ln_detour", "peak_over_mean", "peak_time", "ln_bow", "ln_submoves",
            "turn_abs", "slow_share", "head_share", "tail_share", "ln_accel", "accel_ratio", "ln_pause",
            "ln_click_pause", "ln_dwell", "ln_double", "ln_scroll_gap", "ln_scroll_run"]
KINEMATIC = [0, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13]   # have the expectation given length and type taken off
LENGTH = 1
N = len(FEATURES)
DIMS = 2 * N + len(TYPES)

# ---------------------------------------------------------------- shipped constants
# Origin: SapiMouse (120 people, 2 sittings); the scroll features, which it lacks, from Balabit training files.
CENTRE = [-0.59602, 6.34905, 8.18227, -2.34292, 1.21588, 0.25, -2.32447, 0.916291, -1.43569, 0.384615, 0.499758,
    0.0780658, 10.7114, -0.0288905, -2.04022, -2.3969, -2.4651, -1.88387, -1.92758, 0.693147]
SCALE = [0.423649, 0.778212, 0.779828, 1.61199, 0.395427, 0.165476, 0.946853, 0.423649, 0.423425, 0.253571, 0.273917,
    0.0719038, 0.961638, 0.36582, 0.930629, 1.09089, 0.273272, 0.344586, 1.06581, 1.03972]
CLIP, SQUARE_CAP = 4.0, 6.0
BETA = [[0.0163873, 0.0330537, -0.0181512, 0.101673, 0.418129, 0.00117137, -0.189583, -0.182844, 0.0647218,
         -0.0594249, 0.758713, -0.112427, 0.0515112],
        [0.597793, 0.848273, 0.144381, 0.367344, -0.0113285, 0.028588, 0.111574, -0.137028, 0.331836, 0.0930604,
         -0.361611, 0.756125, 0.2317],
        [-0.0511915, -0.0105137, 0.0193856, -0.0353609, 0.0524165, -0.00755396, -0.0113806, 0.000209073, 0.00149512,
         -0.0128681, 0.0502184, -0.0321644, -0.0092457],
        [0.0513478, -0.0462109, 0.312033, 0.00552949, -0.212808, 0.330355, 0.0976676, 0.143005, -0.0185383,
         -0.00285316, -0.525009, 0.0662443, -0.183366],
        [-0.24715, 0.0149564, -0.329738, -0.170441, -0.475748, -0.474787, -0.232588, -0.317593, -0.0549937,
         0.401979, -0.693168, 0.119266, 0.0657486]]
TYPE_SHARE, TYPE_SCALE = [.37, .33, .07, .18, .05], 1.5
W = [0.64637, 1.62959, 0.153399, 0.866645, 0.625835, 1.03225, 1.09654, 0.6339, 1.17178, 0.495364, 0.637783, 1.00807,
    0.305492, 1.69457, 0.624571, 0.810543, 0.979348, 0.948685, 0.352287, 0.854147, 1.32346, 3.07091, 0.0812943,
    1.34141, 1.06151, 1.97713, 2.0786, 0.638782, 2.14374, 0.501117, 0.600911, 2.02126, 0.439625, 3.13815, 1.23758,
    1.48516, 1.92355, 2.86674, 0.680514, 2.29923, 0.0651971, 0.534219, 0.241863, 0.411332, 0.152904]
S = [0.0413209, 0.0348442, 0.00614078, 0.00866645, 0.0164873, 0.0121511, 0.0109654, 0.006339, 0.0117178, 0.00954023,
    0.0115754, 0.0100807, 0.006425, 0.0169457, 0.046022, 0.0212074, 0.0543284, 0.0250513, 0.201601, 0.167475,
    0.0848625, 0.0590588, 0.00217464, 0.0134141, 0.0184697, 0.0310282, 0.020786, 0.00638782, 0.0214374, 0.00501117,
    0.00600911, 0.0224732, 0.00439625, 0.0313815, 0.0523413, 0.0398956, 0.0472811, 0.0460951, 0.496535, 0.337496,
    0.00278037, 0.00534219, 0.00241863, 0.00411332, 0.0427291]
B = [0.124848, 0.0910148, 0.0285231, 0.0483987, 0.15448, 0.150741, 0.0512573, 0.0405942, 0.110407, 0.0959309,
    0.116586, 0.0508908, 0.0714842, 0.252637, 0.32357, 0.222383, 0.641339, 0.229762, 0.33607, 0.130196, 0.0582296,
    0.0622646, 0.00397121, 0.0268283, 0.120236, 0.0831393, 0.041572, 0.0127756, 0.0438243, 0.0355209, 0.0251152,
    0.0452209, 0.0616294, 0.365665, 0.151, 0.115188, 1.04857, 0.362798, 0.685015, 0.218357, 0.00130394, 0.0106844,
    0.00483726, 0.00822663, 0.0159037]
B_SHARE = 0.7

# ---------------------------------------------------------------- learning
PRIOR_W = 50.0                # actions that the shipped W counts as
PRIOR_S = 10.0                # blocks that the shipped S counts as
BLOCK = 60                    # actions; a block's mean is one observation of how sittings differ
BLOCK_MIN = 30                # a sitting's last block needs so many
BLOCK_DIM_MIN = 4             # values of a dimension for its mean to count
S_FLOOR = 0.2                 # of the shipped S
OWNER_DIM_MIN = 5             # values of a dimension before it is used
MEMORY = 20_000.0             # actions; beyond it the past fades, so that the model follows its owner
CALIBRATION = 0.237           # log odds = CALIBRATION * llr at even prior
HALF_LIFE = 20.0              # actions of the window
LEVEL, SPREAD, LEVEL_WEIGHT, LEVEL_MIN, LEVEL_MEMORY = -0.93, 1.28, 200.0, 20, 20_000.0


def total_of(values):
    """Left to right, without compensation (Python 3.12's sum compensates)."""
    out = 0.0
    for q in values:
        out += q
    return out


def wrap(angle):
    while angle <= -math.pi:
        angle += 2 * math.pi
    while angle > math.pi:
        angle -= 2 * math.pi
    return angle


def kinematics(run):
    """run: [(us, x, y)] of one stroke -> features, or None where it is none. Sums run left to right."""
    n = len(run)
    if n < MIN_SAMPLES or run[-1][0] <= run[0][0]:
        return None
    t = [(p[0] - run[0][0]) / 1e6 for p in run]
    x = [float(p[1]) for p in run]
    y = [float(p[2]) for p in run]
    step = [math.hypot(x[i + 1] - x[i], y[i + 1] - y[i]) for i in range(n - 1)]
    length = total_of(step)
    if length < MIN_LENGTH:
        return None
    total = t[-1]
    cx, cy = x[-1] - x[0], y[-1] - y[0]
    chord = math.hypot(cx, cy)
    m = max(3, min(MAX_GRID, math.floor(total / GRID_S + 0.5)))
    h = total / m
    gx, gy, j = [], [], 0
    for i in range(m + 1):
        at = min(i * h, total)
        while j < n - 2 and t[j + 1] < at:
            j += 1
        a = min(1.0, max(0.0, (at - t[j]) / (t[j + 1] - t[j])))
        gx.append(x[j] + a * (x[j + 1] - x[j]))
        gy.append(y[j] + a * (y[j + 1] - y[j]))
    v = [math.hypot(gx[i + 1] - gx[i], gy[i + 1] - gy[i]) / h for i in range(m)]
    s = [(v[max(i - 1, 0)] + v[i] + v[min(i + 1, m - 1)]) / 3 for i in range(m)]
    peak = max(s)
    at_peak = s.index(peak)                                  # the first of equals
    acc = [(s[i + 1] - s[i]) / h for i in range(m - 1)]
    up, down = max(max(acc), 1e-9), max(-min(acc), 1e-9)
    head = [math.atan2(y[i + 1] - y[i], x[i + 1] - x[i]) for i in range(n - 1) if step[i] > 0]
    turn = [abs(wrap(b - a)) for a, b in zip(head, head[1:])]
    part = max(1, math.floor(0.3 * m + 0.5))
    path = total_of(v)
    f = {
        "ln_duration": math.log(total), "ln_length": math.log(length), "ln_peak": math.log(peak),
        "peak_over_mean": math.log(peak / (length / total)), "peak_time": (at_peak + 0.5) / m,
        "ln_submoves": math.log(submoves(s, peak) + 0.5),
        "turn_abs": math.log(0.02 + (total_of(turn) / len(turn) if turn else 0.0)),
        "slow_share": sum(1 for q in s if q < 0.1 * peak) / m,
        "head_share": total_of(v[:part]) / path, "tail_share": total_of(v[m - part:]) / path,
        "ln_accel": math.log(up), "accel_ratio": math.log(up / down)}
    if chord > 1:
        deviation = max(abs((x[i] - x[0]) * cy - (y[i] - y[0]) * cx) / chord for i in range(n))
        f["ln_detour"] = math.log(0.01 + max(0.0, length / chord - 1))
        f["ln_bow"] = math.log(0.01 + deviation / chord)
    return f


def submoves(s, peak):
    """Humps of the speed above a tenth of the peak, with a dip of a quarter between them."""
    count, rising, high, low = 0, True, 0.0, 0.0
    for q in s:
        if rising:
            if q > high:
                high = q
            elif q < 0.75 * high:
                if high > 0.1 * peak:
                    count += 1
                rising, low = False, q
        elif q < low:
            low = q
        elif 0.75 * q > low and q > 0.1 * peak:
            rising, high = True, q
    return count + 1 if rising and high > 0.1 * peak else count


class Strokes:
    """Events of one pointer in; actions out, in the order they end. An action: {"type", "start", "end", features}."""

    def __init__(self):
        self.x = self.y = 0
        self.absolute = None
        self.reset()

    def reset(self):
        """A gap: nothing may span it."""
        self.run = []                 # motion samples of the stroke under way
        self.moved = None             # time of the last motion
        self.ended = None             # when the last action ended
        self.held = None              # time of the press of the button that is down
        self.pressed = None           # time of the last press
        self.click = None             # action that waits for the release
        self.wheel = None             # [first, last, amount, sign]
        self.out = []

    def take(self):
        out, self.out = self.out, []
        return out

    def stroke(self, kind):
        run, self.run = self.run, []
        f = kinematics(run)
        if f is None:
            return None
        f["type"], f["start"], f["end"] = kind, run[0][0], run[-1][0]
        if self.ended is not None and 0 <= run[0][0] - self.ended < IDLE_US:
            f["ln_pause"] = math.log((run[0][0] - self.ended) / 1e6 + 0.01)
        self.ended = run[-1][0]
        return f

    def emit(self, action):
        if action is not None:
            self.out.append(action)

    def move(self, ts, dx, dy):
        if self.wheel is not None and ts - self.wheel[1] > SCROLL_GAP_US:
            self.end_wheel()
        if dx == 0 and dy == 0:
            return
        if self.run and (ts - self.run[-1][0] > GAP_US or len(self.run) >= MAX_SAMPLES):
            self.emit(self.stroke("drag" if self.held is not None else "move"))
        self.x += dx
        self.y += dy
        self.moved = ts
        if not self.run or ts - self.run[-1][0] >= SAMPLE_US:
            self.run.append((ts, self.x, self.y))

    def move_to(self, ts, x, y):
        if self.absolute is not None:
            self.move(ts, x - self.absolute[0], y - self.absolute[1])
        self.absolute = (x, y)

    def button(self, ts, _button, event):
        self.end_wheel()
        if event == "press":
            stale = bool(self.run) and ts - self.run[-1][0] > STALE_US
            f = self.stroke("move" if stale else "click") if self.run else None
            if stale:
                self.emit(f)
                f = None
            c = f if f is not None else {"type": "bare", "start": ts, "end": ts}
            if self.moved is not None and 0 <= ts - self.moved < CLICK_PAUSE_US:
                c["ln_click_pause"] = math.log((ts - self.moved) / 1e6 + 0.01)
            if self.pressed is not None and 0 < ts - self.pressed < DOUBLE_US:
                c["ln_double"] = math.log((ts - self.pressed) / 1e6)
            self.pressed = self.held = ts
            self.emit(self.click)                            # its release never came
            self.click = c
        elif self.held is not None:
            ms = (ts - self.held) / 1e3
            dragged = len(self.run) >= MIN_SAMPLES
            f = self.stroke("drag") if dragged else None
            self.run = []
            self.held = None
            c, self.click = self.click, None
            if c is not None and 0 < ms < DWELL_MS and not dragged:
                c["ln_dwell"] = math.log(ms / 1e3 + 0.005)
            self.emit(c)
            self.emit(f)
            self.ended = ts

    def scroll(self, ts, delta):
        if not delta:
            return
        if self.run:
            self.emit(self.stroke("move"))
        sign = 1 if delta > 0 else -1
        if self.wheel is not None and (ts - self.wheel[1] > SCROLL_GAP_US or self.wheel[3] != sign):
            self.end_wheel()
        if self.wheel is None:
            self.wheel = [ts, ts, abs(delta), sign]
        else:
            self.wheel[1] = ts
            self.wheel[2] += abs(delta)

    def end_wheel(self):
        w, self.wheel = self.wheel, None
        if w is None:
            return
        f = {"type": "scroll", "start": w[0], "end": w[1], "ln_scroll_run": math.log(max(w[2], 0.1))}
        if w[2] > 1 and w[1] > w[0]:
            f["ln_scroll_gap"] = math.log((w[1] - w[0]) / 1e6 / (w[2] - 1) + 0.005)
        self.ended = w[1]
        self.emit(f)

    def end(self):
        """The stream ends (or a sitting does)."""
        f = self.stroke("drag" if self.held is not None else "move")
        self.emit(self.click)
        self.click = None
        self.emit(f)
        self.end_wheel()

# ---------------------------------------------------------------- an action as a vector


def phi(action):
    """DIMS values, None where there is none: z, z^2 (capped) less 1, and the type."""
    z = []
    for i, name in enumerate(FEATURES):
        q = action.get(name)
        z.append(None if q is None else min(CLIP, max(-CLIP, (q - CENTRE[i]) / SCALE[i])))
    length = z[LENGTH] if z[LENGTH] is not None else 0.0
    context = (1.0, length, length * length - 1,
               1.0 if action["type"] == "click" else 0.0, 1.0 if action["type"] == "drag" else 0.0)
    for k, i in enumerate(KINEMATIC):
        if z[i] is not None:
            z[i] -= total_of(BETA[c][k] * context[c] for c in range(5))
    square = [None if q is None else min(q * q, SQUARE_CAP) - 1 for q in z]
    kind = [((1.0 if action["type"] == name else 0.0) - TYPE_SHARE[i]) * TYPE_SCALE for i, name in enumerate(TYPES)]
    return z + square + kind


class Owner:
    """What is kept of the owner: sums only, so that learning is exact, in any order of sittings, and can fade."""
    FIELDS = ("n", "sum", "square", "blocks", "bsum", "bsquare", "binverse")

    def __init__(self):
        for name in self.FIELDS:
            setattr(self, name, [0.0] * DIMS)
        self.actions = 0.0
        self.begin()

    def begin(self):
        """A sitting begins."""
        self.block_n, self.block_sum, self.block_actions = [0.0] * DIMS, [0.0] * DIMS, 0

    def learn(self, v):
        for d in range(DIMS):
            q = v[d]
            if q is not None:
                self.n[d] += 1
                self.sum[d] += q
                self.square[d] += q * q
                self.block_n[d] += 1
                self.block_sum[d] += q
        self.actions += 1
        self.block_actions += 1
        if self.block_actions == BLOCK:
            self.end_block()
        if self.actions > MEMORY:
            self.fade(0.5)

    def end_block(self):
        if self.block_actions >= BLOCK_MIN:
            for d in range(DIMS):
                k = self.block_n[d]
                if k >= BLOCK_DIM_MIN:
                    mean = self.block_sum[d] / k
                    self.blocks[d] += 1
                    self.bsum[d] += mean
                    self.bsquare[d] += mean * mean
                    self.binverse[d] += 1 / k
        self.begin()

    def fade(self, share):
        self.actions *= share
        for name in self.FIELDS:
            setattr(self, name, [q * share for q in getattr(self, name)])

    def dimension(self, d):
        """(mean, W, S) of the owner, or None where too little is known."""
        n = self.n[d]
        if n <= OWNER_DIM_MIN:
            return None
        mean = self.sum[d] / n
        within = (n * max(0.0, self.square[d] / n - mean * mean) + PRIOR_W * W[d]) / (n + PRIOR_W)
        k = self.blocks[d]
        between = self.bsquare[d] - 2 * mean * self.bsum[d] + k * mean * mean - within * self.binverse[d]
        between = max((between + PRIOR_S * S[d]) / (k + PRIOR_S), S_FLOOR * S[d])
        return mean, within, between

    def save(self):
        return {"actions": self.actions, **{k: list(getattr(self, k)) for k in self.FIELDS}}

    @classmethod
    def load(cls, state):
        self = cls()
        self.actions = state["actions"]
        for k in cls.FIELDS:
            if len(state[k]) != DIMS:
                raise ValueError("a state of another version")
            setattr(self, k, [float(q) for q in state[k]])
        return self


class Window:
    """Recent actions, the older the less: keep = 1 forgets nothing (a whole sitting), else e.g. 2 ** (-1 / 40)."""

    def __init__(self, keep=1.0):
        self.keep = keep
        self.n, self.n2, self.sum = [0.0] * DIMS, [0.0] * DIMS, [0.0] * DIMS

    def add(self, v):
        """Every dimension fades with every action, whether or not it has a value in this one."""
        for d in range(DIMS):
            self.n[d] *= self.keep
            self.n2[d] *= self.keep * self.keep
            self.sum[d] *= self.keep
            if v[d] is not None:
                self.n[d] += 1
                self.n2[d] += 1
                self.sum[d] += v[d]

    def llr(self, owner):
        """ln p(window | a stranger) - ln p(window | the owner), not calibrated."""
        total = 0.0
        for d in range(DIMS):
            known = owner.dimension(d)
            if known is None or self.n[d] <= 1e-6:
                continue
            mean, within, between = known
            off = self.sum[d] / self.n[d] - mean
            own = within * (self.n2[d] / (self.n[d] * self.n[d]) + 1 / owner.n[d]) + between
            other = own + B_SHARE * B[d]
            total += 0.5 * (off * off / own + math.log(own) - off * off / other - math.log(other))
        return total


class Level:
    """Level and spread of the owner's window log odds, in which owners differ; maps to the average owner's scale."""

    def __init__(self, state=None):
        self.n, self.mean, self.square = state or (LEVEL_WEIGHT, LEVEL, SPREAD * SPREAD + LEVEL * LEVEL)

    def spread(self):
        return math.sqrt(max(self.square - self.mean * self.mean, 0.25))

    def learn(self, x):
        s = self.spread()
        x = min(max(x, self.mean - 3 * s), self.mean + 4 * s)
        self.n += 1
        self.mean += (x - self.mean) / self.n
        self.square += (x * x - self.square) / self.n
        self.n = min(self.n, LEVEL_MEMORY)

    def __call__(self, x):
        return (x - self.mean) / self.spread() * SPREAD + LEVEL
