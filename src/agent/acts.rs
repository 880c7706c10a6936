//! What the agent does because of its decisions, of the desk and of its clients.

use super::acting::{News, Question, must_prove};
use super::control::{Answer, Checked, Client, Request};
use super::desk::Desk;
use super::keeper::forget_stored;
use super::{Agent, report};
use crate::act::Deed;
use crate::act::ports::{Authority, Heard, Locked, Outcome, Step};
use crate::act::span::{self, End};
use crate::config::shell_word;
use crate::event::{Control, Micros};
use crate::local_time::local_clock;
use crate::pipeline::Output;
use crate::recognition::coarse::Decision;
use crate::recognition::{Reason, State};
use crate::record::json::iso8601;
use crate::record::{Body, Origin, Record};
use crate::store::ModelKind;
use std::sync::Arc;

const IS_OFF: &str = "recognition is off; set recognition.enabled = true and restart the agent";
/// Of an interval with input.
const STEP_US: u64 = 5_000_000;

impl<D: Desk> Agent<D> {
    /// What the desk tells.
    pub(super) fn take_news(&mut self, news: News) {
        // What was typed before comes before.
        self.drain();
        match news {
            News::Heard(heard) => self.take_heard(heard),
            News::Locked(locked) => self.take_locked(&locked),
            News::Tested(locked, client) => client.answer(tested(&locked)),
            News::Proved(_, question, authority) => self.take_authority(question, authority),
        }
        self.carry_out();
    }

    fn take_heard(&mut self, heard: Heard) {
        match heard {
            Heard::Locked => tracing::info!("the session is locked"),
            Heard::Unlocked => tracing::info!("the session is unlocked"),
            Heard::Ended => tracing::info!("the session is locked no more, and nobody was seen to unlock it"),
            Heard::Answered(answer) => tracing::info!(?answer, "the notice is answered"),
        }
        self.acting.take(|act, out| act.heard(heard, out));
    }

    fn take_locked(&mut self, locked: &Locked) {
        let now_us = self.capture.now_us();
        let is_news = self.acting.take(|act, out| act.locked(now_us, locked, out));
        let steps = steps(locked);
        match locked.evidence {
            Some(evidence) => tracing::info!(steps, "the session was locked, as {} shows", evidence.name()),
            None if is_news => {
                tracing::error!(steps, "nothing locked the session; `seclyzer lock --test` tries it again")
            }
            None => tracing::debug!(steps, "nothing locked the session in time"),
        }
    }

    /// `None`: it is not asked for any more.
    fn take_authority(&mut self, question: Question, authority: Option<Authority>) {
        match (question, authority) {
            (Question::Client(request, client), Some(Authority::Granted)) => self.grant(request, client),
            (Question::Client(_, client), None) => {
                let text = "the password is asked for another answer instead; nothing was done, repeat the command";
                client.answer(Answer::Refused(text.into()));
            }
            (Question::Client(_, client), Some(Authority::Denied)) => {
                client.answer(Answer::Refused("the account's password was not given; nothing was done".into()));
            }
            (Question::Client(_, client), Some(Authority::Absent)) => {
                let database = shell_word(&self.database);
                client.answer(Answer::Refused(format!(
                    "this needs the account's password while decision.mode is \"lock\", and nobody here can ask for it: \
                     there is no polkit, or no authentication agent of it; repeat the command in a terminal, where \
                     pkttyagent asks, or as root, with SECLYZER_STORE_PATH={database} (sudo env NAME=VALUE seclyzer …)"
                )));
            }
            (Question::Notice, Some(Authority::Granted)) => self.acting.deeds.push_back(Deed::Confirm),
            (Question::Notice, _) => {
                tracing::warn!(?authority, "the notice's answer does not count without the account's password");
                let cannot_ask = authority == Some(Authority::Absent);
                self.acting.take(|act, out| act.not_proved(cannot_ask, out));
            }
        }
    }

    /// What a client of the status socket asks for.
    pub(super) fn handle(&mut self, request: Request, client: Client) {
        match request {
            Request::Status => return client.answer(Answer::Status(Box::new(self.status()))),
            Request::Follow => {
                let status = self.status().line();
                return self.lookers.add(client, status);
            }
            Request::Watch => return self.watch(client),
            _ => self.drain(),
        }
        let mode = self.acting.act.mode();
        if let Err(refusal) = self.may_be_asked(&request) {
            client.answer(Answer::Refused(refusal));
        } else if !must_prove(mode, &request, client.peer, self.has_alarm()) {
            self.grant(request, client);
        } else if let Err(Question::Client(_, client)) = self.acting.prove(Question::Client(request, client)) {
            let text = "the password is being asked for already; enter it, or close that dialog";
            client.answer(Answer::Refused(text.into()));
        }
        self.carry_out();
    }

    fn has_alarm(&self) -> bool {
        let state = self.feed.recogniser.as_ref().map(|recogniser| recogniser.recognition.score().state);
        matches!(state, Some(State::Doubtful | State::Stranger))
    }

    fn may_be_asked(&self, request: &Request) -> Result<(), String> {
        let needs_recognition = !matches!(
            request,
            Request::Check | Request::Pause { .. } | Request::Resume | Request::TestLock | Request::Forget(_)
        );
        if needs_recognition && self.keeper.is_none() {
            return Err(IS_OFF.into());
        }
        match request {
            Request::Guest { until_us } | Request::Pause { until_us } => {
                span::check(self.capture.now_us(), *until_us).map_err(|bad| bad.to_string())
            }
            _ => Ok(()),
        }
    }

    /// Does what a client asks for, who may.
    fn grant(&mut self, request: Request, client: Client) {
        let now_us = self.capture.now_us();
        match request {
            Request::Check => return client.answer(Answer::Checked(self.checked(now_us))),
            Request::TestLock => return self.acting.test_lock(client),
            Request::Guest { until_us } => {
                self.acting.take(|act, out| act.guest(now_us, until_us, out));
                let text = format!("a guest until {}: nothing is judged or learnt", local_clock(until_us));
                return client.answer(Answer::Done(text));
            }
            Request::EndGuest => {
                let was_there = self.acting.take(|act, out| act.end_guest(now_us, out));
                let text = if was_there { "the guest has gone: judged and learnt again" } else { "there is no guest" };
                return client.answer(Answer::Done(text.into()));
            }
            Request::Pause { until_us } => {
                self.acting.take(|act, out| act.begin_pause(now_us, until_us, out));
                let text = format!("paused until {}: nothing is captured", local_clock(until_us));
                return self.answer_once_remembered(client, text);
            }
            Request::Resume => {
                return match self.acting.take(|act, out| act.end_pause(out)) {
                    true => self.answer_once_remembered(client, "capture goes on".into()),
                    false => client.answer(Answer::Done("capture is not paused".into())),
                };
            }
            _ => {}
        }
        let (Some(keeper), Some(recogniser)) = (&mut self.keeper, &mut self.feed.recogniser) else {
            return match (request, &self.outlet.store) {
                (Request::Forget(what), Some(store)) => {
                    let (store, identity) = (store.clone(), Arc::clone(&self.outlet.identity));
                    let done = "forgotten; recognition is off, so nothing is learnt";
                    client.answer_later(forget_stored(store, identity, ModelKind::of(what), done));
                }
                _ => client.answer(Answer::Refused(IS_OFF.into())),
            };
        };
        match request {
            Request::Confirm => client.answer(keeper.confirm(now_us, recogniser)),
            Request::Forget(what) => {
                client.answer_later(keeper.forget(what, now_us, recogniser));
                self.go_on_from_recognition();
            }
            Request::Export => client.answer(keeper.export(&recogniser.recognition)),
            Request::Import(model) => {
                client.answer(keeper.import(&model, now_us, recogniser));
                self.go_on_from_recognition();
            }
            _ => {}
        }
        self.take_recognised();
    }

    fn checked(&self, now_us: Micros) -> Checked {
        let recognition = self.feed.recogniser.as_ref().map(|recogniser| &recogniser.recognition);
        // While an interval is open there is input in it.
        let is_open = recognition.is_some_and(|recognition| recognition.due_us().is_some());
        let judged_us = if is_open { Some(now_us) } else { self.judged_us };
        Checked {
            state: recognition.map(|recognition| recognition.score().state),
            paused: self.acting.act.paused_until_us().is_some(),
            judged_s_ago: judged_us.map(|judged_us| age_s(now_us - judged_us)),
        }
    }

    fn watch(&mut self, client: Client) {
        let score = self.feed.recogniser.as_ref().map(|recogniser| recogniser.recognition.score());
        let first = serde_json::json!({
            "type": "now",
            "state": score.map(|score| score.state),
            "trust": score.and_then(|score| score.trust),
            "decision": self.acting.status(),
        });
        self.watchers.add(client, first.to_string());
    }

    /// Does what is to be done, and what comes of that.
    pub(super) fn carry_out(&mut self) {
        self.capture.set_locked(self.acting.act.is_locked());
        if let Some(recogniser) = &mut self.feed.recogniser {
            recogniser.set_locked(self.acting.act.is_locked());
        }
        while let Some(deed) = self.acting.deeds.pop_front() {
            self.carry_out_one(deed);
        }
    }

    fn carry_out_one(&mut self, deed: Deed) {
        let now_us = self.capture.now_us();
        match deed {
            Deed::Tell(control) => self.tell_recognition(now_us, control),
            Deed::Confirm => {
                if let (Some(keeper), Some(recogniser)) = (&mut self.keeper, &mut self.feed.recogniser) {
                    keeper.confirm(now_us, recogniser);
                }
                self.take_recognised();
            }
            Deed::Prove => {
                // Where it is being asked for already, the notice, which is gone with its answer, is shown again.
                if self.acting.prove(Question::Notice).is_err() {
                    self.acting.take(|act, out| act.not_proved(false, out));
                }
            }
            Deed::EndGuest => {
                // What was typed in the guest's time is nobody's.
                self.flush();
                if let Some(recogniser) = &mut self.feed.recogniser {
                    recogniser.end_guest(now_us);
                }
                self.keep_live();
                self.take_recognised();
            }
            Deed::Pause => {
                self.capture.pause(&mut self.batch);
                self.take_batch();
            }
            Deed::Resume => {
                self.capture.resume(&mut self.batch);
                self.take_batch();
            }
            Deed::Show(notice) => self.acting.show(notice),
            Deed::Withdraw => self.acting.withdraw(),
            Deed::Inform(info) => self.acting.inform(info),
            Deed::Lock => self.acting.lock(),
            Deed::Record(reason) => self.record(now_us, reason),
        }
    }

    fn tell_recognition(&mut self, now_us: Micros, control: Control) {
        if let (Some(keeper), Some(recogniser)) = (&mut self.keeper, &mut self.feed.recogniser) {
            match control {
                Control::Unlock => keeper.unlock(now_us, recogniser),
                Control::Lock | Control::Guest { .. } => {
                    recogniser.control(now_us, control);
                    keeper.keep_live(&mut recogniser.recognition);
                }
            }
        }
        self.take_recognised();
    }

    fn take_recognised(&mut self) {
        self.feed.take_recognised();
        self.put_outputs();
    }

    /// What the next process goes on from.
    fn keep_live(&mut self) {
        let paused_until_us = self.acting.act.pause().map(End::ordered_us);
        if let (Some(keeper), Some(recogniser)) = (&mut self.keeper, &mut self.feed.recogniser) {
            keeper.paused_until_us = paused_until_us;
            keeper.keep_live(&mut recogniser.recognition);
        }
    }

    /// A decision in which the state stays; without recognition there is no state, and the audit log has to do.
    pub(super) fn record(&mut self, now_us: Micros, reason: Reason) {
        match self.acting.act.paused_until_us() {
            Some(until_us) if reason == Reason::Pause => {
                self.audit(reason.name(), format!("until {}", iso8601(until_us)))
            }
            _ => self.note(reason.name()),
        }
        match (reason, self.acting.act.paused_until_us()) {
            (Reason::Pause, Some(until_us)) => {
                tracing::info!("capture is paused until {}: no device is open", local_clock(until_us));
            }
            (Reason::PauseEnd, _) => tracing::info!("the pause has ended: capture goes on"),
            _ => {}
        }
        self.keep_live();
        let Some(recogniser) = &self.feed.recogniser else { return };
        let state = recogniser.recognition.score().state;
        let body = Body::Decision(Decision { from: state, to: state, reason, modality: None });
        let output = Output::Recognised(Record { window_end_us: now_us, degraded: false, body });
        report(&output);
        self.watchers.put(&self.outlet.identity, &output);
        if !self.outlet.put(Origin::Device, output) {
            self.losses.tell(1);
        }
    }
}

/// In steps of an interval, rounded up: input is never older than it is said to be.
fn age_s(age_us: Micros) -> u64 {
    age_us.max(0).unsigned_abs().div_ceil(STEP_US) * STEP_US / 1_000_000
}

/// The steps of a chain with what came of each.
fn steps(locked: &Locked) -> String {
    let step = |(step, outcome): &(Step, Outcome)| {
        let outcome = match outcome {
            Outcome::Locked(evidence) => format!("locked the session, as {} shows", evidence.name()),
            Outcome::Unverified => "was taken, and nothing locked in time".into(),
            Outcome::Silent => "neither answered nor locked in time".into(),
            Outcome::Refused(error) => format!("was refused: {error}"),
            Outcome::Absent(why) => format!("is not there: {why}"),
            Outcome::Ready => "can be tried".into(),
        };
        format!("{} {outcome}", step.name())
    };
    match locked.tried.is_empty() {
        true if locked.evidence.is_some() => "none: the session was locked already".into(),
        true => "none: the agent is connected to no bus".into(),
        false => locked.tried.iter().map(step).collect::<Vec<_>>().join("; "),
    }
}

/// What a client is told of the lock that it asked for.
fn tested(locked: &Locked) -> Answer {
    let steps = steps(locked).replace("; ", "\n");
    match locked.evidence {
        Some(_) => Answer::Done(steps),
        None => Answer::Refused(format!("nothing locked the session\n{steps}")),
    }
}

#[cfg(test)]
mod tests;
