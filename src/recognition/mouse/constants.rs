//! What the model ships with: limits of an action, and what is known of people in general.
//!
//! Origin of the statistics: SapiMouse (M. Antal, N. Fejér, K. Buza: "SapiMouse: Mouse Dynamics-based User
//! Authentication Using Deep Feature Learning", 2021), 120 people with two sittings each; for scrolling, which it lacks,
//! the training files of the Balabit Mouse Dynamics Challenge. [`PEOPLE_SHARE`], [`TYPE_SCALE`] and the constants of
//! learning were chosen by hand.

use crate::event::Micros;

/// Least time between two motion samples, as in the contract.
pub const SAMPLE_US: Micros = 7_500;
/// Samples further apart belong to two strokes, as in the contract.
pub const GAP_US: Micros = 300_000;
/// A run of fewer samples is no stroke.
pub const MIN_SAMPLES: usize = 3;
/// A run of a shorter path, in counts, is no stroke.
pub const MIN_LENGTH: f64 = 3.0;
/// A longer stroke is cut, so that memory is bounded.
pub const MAX_SAMPLES: usize = 4096;
/// Speeds are taken on an even grid of time, so that the rate of the device's reports does not matter.
pub const GRID_S: f64 = 0.020;
pub const MAX_GRID: usize = 400;
/// Motion that ended longer before a press does not belong to the click.
pub const STALE_US: Micros = 1_000_000;
/// From here on no pause between actions is measured.
pub const IDLE_US: Micros = 10_000_000;
/// From here on no pause between motion and press is measured.
pub const CLICK_PAUSE_US: Micros = 5_000_000;
/// A button held from here on is not a click's.
pub const MAX_DWELL_MS: f64 = 5_000.0;
/// Presses from here on apart are no double click.
pub const DOUBLE_US: Micros = 500_000;
/// Scrolling after a longer pause is another action.
pub const SCROLL_GAP_US: Micros = 1_000_000;
/// The most that one event may move or scroll by: beyond any device, and small enough that no sum overflows.
pub const MAX_COUNTS: f64 = 1e9;
/// Below this top speed, in counts/s, a stroke only swings in step with the grid, and has no logarithm.
pub const MIN_PEAK: f64 = 1e-100;

/// Features of an action.
pub const FEATURES: usize = 20;
pub const LN_DURATION: usize = 0;
pub const LN_LENGTH: usize = 1;
pub const LN_PEAK: usize = 2;
pub const LN_DETOUR: usize = 3;
pub const PEAK_OVER_MEAN: usize = 4;
pub const PEAK_TIME: usize = 5;
pub const LN_BOW: usize = 6;
pub const LN_SUBMOVES: usize = 7;
pub const TURN_ABS: usize = 8;
pub const SLOW_SHARE: usize = 9;
pub const HEAD_SHARE: usize = 10;
pub const TAIL_SHARE: usize = 11;
pub const LN_ACCEL: usize = 12;
pub const ACCEL_RATIO: usize = 13;
pub const LN_PAUSE: usize = 14;
pub const LN_CLICK_PAUSE: usize = 15;
pub const LN_DWELL: usize = 16;
pub const LN_DOUBLE: usize = 17;
pub const LN_SCROLL_GAP: usize = 18;
pub const LN_SCROLL_RUN: usize = 19;

/// Types of action: move, click, drag, bare, scroll.
pub const TYPES: usize = 5;
/// Of a vector: the features, their squares, the types.
pub const DIMENSIONS: usize = 2 * FEATURES + TYPES;

/// Median of each feature.
#[expect(clippy::approx_constant, reason = "measured; its likeness to a constant is chance")]
pub const CENTRE: [f64; FEATURES] = [
    -0.59602, 6.34905, 8.18227, -2.34292, 1.21588, 0.25, -2.32447, 0.916291, -1.43569, 0.384615, 0.499758, 0.0780658,
    10.7114, -0.0288905, -2.04022, -2.3969, -2.4651, -1.88387, -1.92758, 0.693147,
];
/// Robust spread of each feature.
pub const SCALE: [f64; FEATURES] = [
    0.423649, 0.778212, 0.779828, 1.61199, 0.395427, 0.165476, 0.946853, 0.423649, 0.423425, 0.253571, 0.273917,
    0.0719038, 0.961638, 0.36582, 0.930629, 1.09089, 0.273272, 0.344586, 1.06581, 1.03972,
];
/// Scaled values are cut off here.
pub const CLIP: f64 = 4.0;
pub const SQUARE_CAP: f64 = 6.0;
/// Features that depend on how far the pointer goes and on the type of action: what these make expect is subtracted.
pub const KINEMATIC: [usize; 13] = [
    LN_DURATION,
    LN_PEAK,
    LN_DETOUR,
    PEAK_OVER_MEAN,
    PEAK_TIME,
    LN_BOW,
    LN_SUBMOVES,
    TURN_ABS,
    SLOW_SHARE,
    HEAD_SHARE,
    TAIL_SHARE,
    LN_ACCEL,
    ACCEL_RATIO,
];
/// Coefficients of that expectation, for each of [`KINEMATIC`]: of 1, of the scaled length l, of l² - 1, of a click, of
/// a drag.
pub const EXPECTATION: [[f64; KINEMATIC.len()]; 5] = [
    [
        0.0163873, 0.0330537, -0.0181512, 0.101673, 0.418129, 0.00117137, -0.189583, -0.182844, 0.0647218, -0.0594249,
        0.758713, -0.112427, 0.0515112,
    ],
    [
        0.597793, 0.848273, 0.144381, 0.367344, -0.0113285, 0.028588, 0.111574, -0.137028, 0.331836, 0.0930604,
        -0.361611, 0.756125, 0.2317,
    ],
    [
        -0.0511915,
        -0.0105137,
        0.0193856,
        -0.0353609,
        0.0524165,
        -0.00755396,
        -0.0113806,
        0.000209073,
        0.00149512,
        -0.0128681,
        0.0502184,
        -0.0321644,
        -0.0092457,
    ],
    [
        0.0513478,
        -0.0462109,
        0.312033,
        0.00552949,
        -0.212808,
        0.330355,
        0.0976676,
        0.143005,
        -0.0185383,
        -0.00285316,
        -0.525009,
        0.0662443,
        -0.183366,
    ],
    [
        -0.24715, 0.0149564, -0.329738, -0.170441, -0.475748, -0.474787, -0.232588, -0.317593, -0.0549937, 0.401979,
        -0.693168, 0.119266, 0.0657486,
    ],
];
/// No value of a vector lies farther from 0: [`CLIP`] and the most that can be expected of a feature.
pub const FARTHEST: f64 = 16.0;
/// How often each type of action is met.
pub const TYPE_SHARE: [f64; TYPES] = [0.37, 0.33, 0.07, 0.18, 0.05];
pub const TYPE_SCALE: f64 = 1.5;

/// Variance of each dimension within a sitting.
pub const WITHIN: [f64; DIMENSIONS] = [
    0.64637, 1.62959, 0.153399, 0.866645, 0.625835, 1.03225, 1.09654, 0.6339, 1.17178, 0.495364, 0.637783, 1.00807,
    0.305492, 1.69457, 0.624571, 0.810543, 0.979348, 0.948685, 0.352287, 0.854147, 1.32346, 3.07091, 0.0812943,
    1.34141, 1.06151, 1.97713, 2.0786, 0.638782, 2.14374, 0.501117, 0.600911, 2.02126, 0.439625, 3.13815, 1.23758,
    1.48516, 1.92355, 2.86674, 0.680514, 2.29923, 0.0651971, 0.534219, 0.241863, 0.411332, 0.152904,
];
/// Variance of each dimension's mean between sittings of one person.
pub const SITTINGS: [f64; DIMENSIONS] = [
    0.0413209, 0.0348442, 0.00614078, 0.00866645, 0.0164873, 0.0121511, 0.0109654, 0.006339, 0.0117178, 0.00954023,
    0.0115754, 0.0100807, 0.006425, 0.0169457, 0.046022, 0.0212074, 0.0543284, 0.0250513, 0.201601, 0.167475,
    0.0848625, 0.0590588, 0.00217464, 0.0134141, 0.0184697, 0.0310282, 0.020786, 0.00638782, 0.0214374, 0.00501117,
    0.00600911, 0.0224732, 0.00439625, 0.0313815, 0.0523413, 0.0398956, 0.0472811, 0.0460951, 0.496535, 0.337496,
    0.00278037, 0.00534219, 0.00241863, 0.00411332, 0.0427291,
];
/// Variance of each dimension's mean between people.
pub const PEOPLE: [f64; DIMENSIONS] = [
    0.124848, 0.0910148, 0.0285231, 0.0483987, 0.15448, 0.150741, 0.0512573, 0.0405942, 0.110407, 0.0959309, 0.116586,
    0.0508908, 0.0714842, 0.252637, 0.32357, 0.222383, 0.641339, 0.229762, 0.33607, 0.130196, 0.0582296, 0.0622646,
    0.00397121, 0.0268283, 0.120236, 0.0831393, 0.041572, 0.0127756, 0.0438243, 0.0355209, 0.0251152, 0.0452209,
    0.0616294, 0.365665, 0.151, 0.115188, 1.04857, 0.362798, 0.685015, 0.218357, 0.00130394, 0.0106844, 0.00483726,
    0.00822663, 0.0159037,
];
/// How much of [`PEOPLE`] a stranger may lie away from the owner.
pub const PEOPLE_SHARE: f64 = 0.7;

/// Actions that [`WITHIN`] counts as.
pub const WITHIN_WEIGHT: f64 = 50.0;
/// Blocks that [`SITTINGS`] counts as.
pub const SITTINGS_WEIGHT: f64 = 10.0;
/// Least share of [`SITTINGS`] that an owner's own may come to.
pub const SITTINGS_FLOOR: f64 = 0.2;
/// Actions of a block, whose mean is one observation of how sittings differ.
pub const BLOCK_ACTIONS: u32 = 60;
/// A sitting's last block counts from so many actions on.
pub const MIN_BLOCK_ACTIONS: u32 = 30;
/// In a block, the mean of a dimension counts from so many values on.
pub const MIN_BLOCK_VALUES: f64 = 4.0;
/// A dimension is judged when the owner has given more values than these.
pub const MIN_OWNER_VALUES: f64 = 5.0;
/// Beyond so many actions the past fades, so that the model follows its owner.
pub const MEMORY_ACTIONS: f64 = 20_000.0;
/// What fading leaves.
pub const FADE: f64 = 0.5;

/// Log odds of a stranger for each unit of the window's log likelihood ratio: the dimensions are correlated. Fitted by
/// logistic regression to the training files of the Balabit Mouse Dynamics Challenge, one sitting left out at a time.
pub const CALIBRATION: f64 = 0.237;
/// After so many actions, one counts half in the window of what is judged.
pub const HALF_LIFE_ACTIONS: f64 = 20.0;
/// A dimension with less weight in the window is not judged.
pub const MIN_WINDOW_WEIGHT: f64 = 1e-6;
/// A dimension with less weight has none: added to an action's 1, it is lost to rounding.
pub const NO_WEIGHT: f64 = 1e-30;
/// Mean of the log odds of an average owner's window, from the same files.
pub const LEVEL: f64 = -0.93;
/// Their standard deviation.
pub const SPREAD: f64 = 1.28;
/// Least variance of an owner's log odds.
pub const MIN_LEVEL_VARIANCE: f64 = 0.25;
/// Windows that [`LEVEL`] and [`SPREAD`] count as.
pub const LEVEL_WEIGHT: f64 = 200.0;
/// From so many windows on, an owner's level follows its latest ones.
pub const LEVEL_MEMORY: f64 = 20_000.0;
/// Actions in the window from which on its log odds tell of the owner's level.
pub const MIN_LEVEL_ACTIONS: u32 = 20;
