//! Whether the line that is being typed is a secret's, by what the terminals say at each look.

/// From the look that finds a prompt to the one that finds none after Enter: a line that was begun at a prompt is never
/// taken for text, whatever became of the prompt meanwhile.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Prompt {
    #[default]
    None,
    Open,
    /// Enter was typed at it; another look tells whether it was answered by that, or asks again.
    Answered,
}

impl Prompt {
    pub fn is_secret(self) -> bool {
        self != Prompt::None
    }

    /// Takes whether a terminal waits for a secret at present; whether a secret begins with that.
    pub fn look(&mut self, is_asked: bool) -> bool {
        let was_secret = self.is_secret();
        *self = match (*self, is_asked) {
            (_, true) => Prompt::Open,
            (Prompt::Answered, false) => Prompt::None,
            (prompt, false) => prompt,
        };
        self.is_secret() && !was_secret
    }

    /// Enter was typed.
    pub fn enter(&mut self) {
        if self.is_secret() {
            *self = Prompt::Answered;
        }
    }

    /// What is typed next goes elsewhere.
    pub fn leave(&mut self) {
        *self = Prompt::None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// What is done to a prompt; a look tells whether there is one.
    #[derive(Debug, Clone, Copy)]
    enum Step {
        Look(bool),
        Enter,
        Leave,
    }

    fn after(steps: &[Step]) -> Prompt {
        let mut prompt = Prompt::default();
        for step in steps {
            match *step {
                Step::Look(is_asked) => _ = prompt.look(is_asked),
                Step::Enter => prompt.enter(),
                Step::Leave => prompt.leave(),
            }
        }
        prompt
    }

    #[test]
    fn a_line_is_a_secret_s_from_the_prompt_to_the_look_after_enter_that_finds_none() {
        use Step::{Enter, Look};
        for (steps, is_secret) in [
            (&[Look(false), Enter][..], false),
            (&[Look(true)], true),
            (&[Look(true), Look(true), Enter], true),
            (&[Look(true), Enter, Look(false)], false),
            (&[Look(true), Enter, Look(true)], true),
            (&[Look(true), Enter, Look(true), Look(false)], true),
        ] {
            assert_eq!(after(steps).is_secret(), is_secret, "{steps:?}");
        }
    }

    #[test]
    fn where_the_prompt_is_gone_without_enter_the_rest_of_the_line_is_lost_unless_the_focus_changes() {
        use Step::{Enter, Leave, Look};
        assert!(after(&[Look(true), Look(false), Look(false)]).is_secret());
        assert!(!after(&[Look(true), Look(false), Enter, Look(false)]).is_secret());
        assert!(!after(&[Look(true), Leave, Look(false)]).is_secret());
    }

    #[test]
    fn the_beginning_is_told_once() {
        let mut prompt = Prompt::default();
        assert!(!prompt.look(false) && prompt.look(true) && !prompt.look(true));
        prompt.enter();
        assert!(!prompt.look(true) && !prompt.look(false));
        prompt.enter();
        assert!(!prompt.look(false) && prompt.look(true));
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![any::<bool>().prop_map(Step::Look), Just(Step::Enter), Just(Step::Leave)];
        proptest::collection::vec(step, 0..60)
    }

    proptest! {
        #[test]
        fn whatever_happens_after_a_look_that_finds_a_prompt_it_is_secret_until_enter_or_another_focus(
            before in steps(), looks in proptest::collection::vec(any::<bool>(), 0..10),
        ) {
            let mut all = before;
            all.push(Step::Look(true));
            all.extend(looks.into_iter().map(Step::Look));
            prop_assert!(after(&all).is_secret());
        }

        #[test]
        fn whatever_happened_a_look_that_finds_none_after_enter_ends_it(before in steps()) {
            let all = [before, vec![Step::Enter, Step::Look(false)]].concat();
            prop_assert!(!after(&all).is_secret());
        }

        #[test]
        fn without_a_prompt_nothing_is_secret(mut steps in steps()) {
            steps.retain(|step| !matches!(step, Step::Look(true)));
            prop_assert!(!after(&steps).is_secret());
        }
    }
}
