//! Which of the backends is followed.

use super::{Backend, Focus, Taker, Told, Update};

/// What a backend that is ready has told.
#[derive(Debug, Clone, Default)]
struct Known {
    focus: Option<Focus>,
    taken: Option<Taker>,
}

/// What one backend knows, or why it knows nothing.
#[derive(Debug)]
struct Candidate {
    backend: Backend,
    known: Result<Known, String>,
}

/// The one that is followed is the first that was ready, until it knows the focus no more.
#[derive(Debug, Default)]
pub(super) struct Choice {
    candidates: Vec<Candidate>,
    followed: Option<Backend>,
}

impl Choice {
    /// Takes what a backend tells; what of that is told on, and under which name.
    pub fn take(&mut self, backend: Backend, update: Update) -> Vec<Told> {
        if let Update::Layout(_) = update {
            return vec![(backend, update)];
        }
        self.note(backend, &update);
        match (self.followed, &update) {
            (None, Update::Ready) => self.followed = Some(backend),
            (Some(followed), Update::Unknown(_)) if followed == backend => {
                self.followed = None;
                return self.next().unwrap_or_else(|| vec![(backend, Update::Unknown(self.reasons()))]);
            }
            (None, Update::Unknown(_)) => return vec![(backend, Update::Unknown(self.reasons()))],
            (followed, _) if followed != Some(backend) => return Vec::new(),
            _ => {}
        }
        vec![(backend, update)]
    }

    fn note(&mut self, backend: Backend, update: &Update) {
        let place = self.candidates.iter().position(|candidate| candidate.backend == backend);
        let place = place.unwrap_or_else(|| {
            self.candidates.push(Candidate { backend, known: Ok(Known::default()) });
            self.candidates.len() - 1
        });
        let known = &mut self.candidates[place].known;
        match update {
            Update::Ready => *known = Ok(Known::default()),
            Update::Unknown(reason) => *known = Err(reason.clone()),
            Update::Focus(focus) => {
                if let Ok(known) = known {
                    known.focus = Some(focus.clone());
                }
            }
            Update::Taken(taken) => {
                if let Ok(known) = known {
                    known.taken = *taken;
                }
            }
            Update::Layout(_) => {}
        }
    }

    /// Another one that is ready, from now on, and what it has told.
    fn next(&mut self) -> Option<Vec<Told>> {
        let (backend, known) =
            self.candidates.iter().find_map(|candidate| Some((candidate.backend, candidate.known.as_ref().ok()?)))?;
        let focus = known.focus.clone().map(Update::Focus);
        let taken = known.taken.is_some().then_some(Update::Taken(known.taken));
        let told = [Update::Ready].into_iter().chain(focus).chain(taken);
        let told = told.map(|update| (backend, update)).collect();
        self.followed = Some(backend);
        Some(told)
    }

    /// Why each of them knows nothing; once, where several say the same.
    fn reasons(&self) -> String {
        let mut reasons: Vec<&str> = Vec::new();
        for reason in self.candidates.iter().filter_map(|candidate| candidate.known.as_ref().err()) {
            if !reasons.contains(&reason.as_str()) {
                reasons.push(reason);
            }
        }
        reasons.join("; ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sources::app::App;

    fn focus(name: &str) -> Update {
        Update::Focus(Focus::App(App { instance: name.into(), class: "".into() }))
    }

    fn unknown(reason: &str) -> Update {
        Update::Unknown(reason.into())
    }

    #[test]
    fn the_first_that_answers_is_followed_and_the_others_are_not_heard() {
        let mut choice = Choice::default();
        assert_eq!(choice.take(Backend::Kwin, Update::Ready), [(Backend::Kwin, Update::Ready)]);
        assert_eq!(choice.take(Backend::Kwin, focus("one")), [(Backend::Kwin, focus("one"))]);
        assert_eq!(choice.take(Backend::Wayland, Update::Ready), []);
        assert_eq!(choice.take(Backend::Wayland, focus("two")), []);
        assert_eq!(choice.take(Backend::Wayland, unknown("gone")), []);
    }

    #[test]
    fn where_it_ends_the_next_that_answers_is_followed_with_what_it_has_told() {
        let mut choice = Choice::default();
        choice.take(Backend::Wayland, Update::Ready);
        choice.take(Backend::Gnome, Update::Ready);
        choice.take(Backend::Gnome, focus("two"));
        choice.take(Backend::Gnome, Update::Taken(Some(Taker::Prompt)));
        let told = choice.take(Backend::Wayland, unknown("gone"));
        let wanted = [Update::Ready, focus("two"), Update::Taken(Some(Taker::Prompt))];
        assert_eq!(told, wanted.map(|update| (Backend::Gnome, update)));
    }

    #[test]
    fn where_none_is_left_each_says_why() {
        let mut choice = Choice::default();
        assert_eq!(choice.take(Backend::Wayland, unknown("no socket")).len(), 1);
        choice.take(Backend::Kwin, Update::Ready);
        let told = choice.take(Backend::Kwin, unknown("KWin has ended"));
        assert_eq!(told, [(Backend::Kwin, unknown("no socket; KWin has ended"))]);
        assert_eq!(choice.take(Backend::Wayland, Update::Ready), [(Backend::Wayland, Update::Ready)]);
    }
}
