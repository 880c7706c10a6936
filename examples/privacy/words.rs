//! What is typed: running text, and the secrets that an attacker wants.

use crate::random::Random;

/// More or less from frequent to rare; text draws from it by Zipf's law.
const WORDS: &str = "\
the and that have for not with you this but his from they say her she will one all would there their what out about \
who get which when make can like time just him know take people into year your good some could them see other than \
then now look only come its over think also back after use two how our work first well way even new want because any \
these give day most where here must right still such same last long great little own old through down should might \
never before again between under always world life hand part child eye woman place week case point company number \
group problem fact home water room mother area money story month book word business issue side kind head house service \
friend father power hour game line end member law car city community name president team minute idea body information \
nothing ago lead social whether back watch together follow around parent only stop face anything create public already \
speak others read level allow add office spend door health person art sure war history party within grow result open \
morning walk reason low win research girl guy early food moment himself air teacher force offer enough both across \
although remember foot second boy maybe toward able age off policy everything love process music including consider \
appear actually buy probably human wait serve market die send expect sense build stay fall oh nation plan cut college \
interest death course someone experience behind reach local kill six remain effect suggest class control raise care \
perhaps late hard field else pass former sell major sometimes require along development themselves report role better \
economic effort decide rate strong possible heart drug show leader light voice wife whole police mind finally pull \
return free military price less according decision explain son hope develop view relationship carry town road drive \
arm true federal break difference thank receive value international building action full model join season society tax \
director position player agree especially record pick wear paper special space ground form support event official whose \
matter everyone center couple site project hit base activity star table need court produce eat american teach oil half \
situation easy cost industry figure street image itself phone either data cover quite picture clear practice piece land \
recent describe product doctor wall patient worker news test movie certain north personal simply third technology catch \
step baby computer type attention draw film tree source red nearly organization choose cause hair century evidence \
window difficult listen soon culture billion chance brother energy period summer realize hundred available plant likely \
opportunity term short letter condition choice single rule daughter administration south husband floor campaign \
material population economy medical hospital church close thousand risk current fire future wrong involve defense \
anyone increase security bank myself certainly west sport board seek per subject officer private rest behavior deal \
performance fight throw top quickly past goal bed order author fill represent focus foreign drop blood upon agency push \
nature color store reduce sound note fine near movement page enter share common poor natural race concern series \
significant similar hot language usually response dead rise animal factor decade article shoot east save seven artist \
scene stock career despite central eight thus treatment beyond happy exactly protect approach lie size dog fund serious \
occur media ready sign thought list individual simple quality pressure accept answer resource identify left meeting \
determine prepare disease whatever success argue cup particularly amount ability staff recognize indicate character \
growth loss degree wonder attack herself region television box training pretty trade election everybody physical lay \
general feeling standard bill message fail outside arrive analysis benefit name sex forward lawyer present section \
environmental glass skill sister crime stage compare authority miss design sort act ten knowledge gun station blue";

pub struct Vocabulary {
    pub words: Vec<&'static str>,
    cumulative: Vec<f64>,
}

impl Vocabulary {
    pub fn new() -> Vocabulary {
        let mut words: Vec<&str> = Vec::new();
        for word in WORDS.split_whitespace() {
            if !words.contains(&word) {
                words.push(word);
            }
        }
        let mut sum = 0.0;
        let cumulative = (1..=words.len()).map(|rank| {
            sum += 1.0 / rank as f64;
            sum
        });
        Vocabulary { cumulative: cumulative.collect(), words }
    }

    /// A word as it comes in running text.
    pub fn frequent(&self, random: &mut Random) -> &'static str {
        let all = self.cumulative.last().expect("there are words");
        let at = random.unit() * all;
        self.words[self.cumulative.partition_point(|&sum| sum < at)]
    }

    /// Any word, each as likely as the other.
    pub fn any(&self, random: &mut Random) -> &'static str {
        self.words[random.below(self.words.len())]
    }

    /// Running text that ends with a space: words, some with punctuation or a capital, some numbers and commands.
    pub fn text(&self, random: &mut Random, characters: usize) -> String {
        let mut text = String::new();
        while text.len() < characters {
            match random.below(100) {
                0..3 => text += &format!("{} ", random.below(3000)),
                3..6 => text += &format!("{} {}\n", self.any(random), self.any(random)),
                6..14 => text += &format!("{}, ", self.frequent(random)),
                14..20 => {
                    let word = self.frequent(random);
                    let (first, rest) = word.split_at(1);
                    text += &format!("{}. {}{rest} ", self.frequent(random), first.to_uppercase());
                }
                _ => text += &format!("{} ", self.frequent(random)),
            }
        }
        text
    }
}

/// So many characters, each of them as likely as the other.
pub fn password(random: &mut Random, characters: &str, length: usize) -> String {
    let characters = characters.as_bytes();
    (0..length).map(|_| char::from(characters[random.below(characters.len())])).collect()
}
