//! Whether it is known which application has the focus and which keys write letters, and what is needed where it is not.

use super::Finding;
use super::service::Running;
use crate::config::Config;
use crate::sources::capture::LayoutOrigin;
use crate::sources::environment::Environment;
use crate::sources::focus::gnome::{self, Extension, State};
use crate::sources::focus::{Backend, Focus, kwin, wayland};
use crate::sources::x11;

const ON_X11: &str = "run the agent in an X11 session with DISPLAY and XAUTHORITY; without, keys and mouse are captured, \
                      and x11.excluded_apps has no effect";
const ON_WAYLAND: &str = "docs/installing.md lists the desktops on which it is known; elsewhere keys and mouse are \
                          captured, and x11.excluded_apps has no effect";
/// Of a running agent that knows less than whoever runs the doctor.
const UNTOLD: &str = "the agent does not know this session: run `systemctl --user import-environment WAYLAND_DISPLAY \
                      XDG_SESSION_TYPE; systemctl --user restart seclyzer.service`; to have it done at each login, and for \
                      the hardened way: docs/installing.md, \"Sessions that run nothing from autostart\"";

/// What this session answers, where it is asked.
enum Answer {
    X11(Result<x11::Answer, x11::Error>),
    Wayland(Result<Backend, (String, Option<String>)>),
}

pub async fn findings(config: &Config, running: Option<&Running>) -> [Finding; 2] {
    let answer = match config.x11.enabled {
        true => Some(ask(&Environment::of_this_process()).await),
        false => None,
    };
    let has_layout = matches!(&answer, Some(Answer::X11(Ok(x11::Answer { layout: Some(_), .. }))));
    [applications(answer, running), letters(config, has_layout, running)]
}

async fn ask(environment: &Environment) -> Answer {
    if environment.is_wayland() {
        Answer::Wayland(ask_compositor(environment).await)
    } else {
        Answer::X11(x11::check(environment).await)
    }
}

/// Who would tell the focus; else why nobody does, and a remedy if there is one.
async fn ask_compositor(environment: &Environment) -> Result<Backend, (String, Option<String>)> {
    let error = match wayland::check(environment).await {
        Ok(_) => return Ok(Backend::Wayland),
        Err(error) => error.to_string(),
    };
    if kwin::check(environment).await.is_ok() {
        return Ok(Backend::Kwin);
    }
    match gnome::check().await {
        Ok(Extension { state: State::Active, .. }) => Ok(Backend::Gnome),
        Ok(extension) => {
            let text = format!("GNOME Shell runs, and the extension for it {}", extension.text());
            Err((text, Some(extension.mend())))
        }
        Err(_) => Err((error, None)),
    }
}

/// The running agent knows best: it may have another environment than this process.
fn applications(answer: Option<Answer>, running: Option<&Running>) -> Finding {
    let unknown = |trouble: String, mend: &str| {
        Finding::warning("applications", format!("{trouble}; none can be excluded"), mend)
    };
    let Some(answer) = answer else {
        let text = "not followed, and none can be excluded: x11.enabled is false";
        return Finding::warning("applications", text, "set x11.enabled = true, unless that is meant");
    };
    let mend = match &answer {
        Answer::Wayland(Err((_, Some(mend)))) => mend.clone(),
        Answer::Wayland(Ok(_)) => UNTOLD.into(),
        Answer::Wayland(_) => ON_WAYLAND.into(),
        Answer::X11(_) => ON_X11.into(),
    };
    if let Some(running) = running {
        return match (&running.applications_trouble, running.focus) {
            (Some(trouble), _) => {
                unknown(format!("the running agent does not know which has the focus: {trouble}"), &mend)
            }
            (None, backend) => followed(backend.unwrap_or(Backend::X11), ""),
        };
    }
    match answer {
        Answer::Wayland(Ok(backend)) => followed(backend, ""),
        Answer::Wayland(Err((trouble, _))) => unknown(trouble, &mend),
        Answer::X11(Err(error)) => unknown(error.to_string(), &mend),
        Answer::X11(Ok(answer)) => match answer.focus {
            Focus::App(_) => followed(Backend::X11, ""),
            Focus::Nothing => followed(Backend::X11, "; at present none has it"),
            Focus::Nameless => unknown(x11::NAMELESS.into(), &mend),
        },
    }
}

/// Somebody tells it, or would.
fn followed(backend: Backend, more: &str) -> Finding {
    Finding::ok("applications", format!("{} reports which has the focus{more}", backend.name()))
}

fn letters(config: &Config, has_layout: bool, running: Option<&Running>) -> Finding {
    const OF_X11: &str = "written by the keys of the layout that the X server reports";
    match running.and_then(|running| running.layout) {
        _ if !config.keyboard.letters.is_empty() => {
            Finding::ok("letters", "written by the keys that keyboard.letters lists")
        }
        Some(LayoutOrigin::X11) => Finding::ok("letters", OF_X11),
        None if has_layout => Finding::ok("letters", OF_X11),
        _ => Finding::ok("letters", "written by the keys of a US keyboard; with another layout set keyboard.letters"),
    }
}
