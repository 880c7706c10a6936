//! Which applications have terminals in their windows.
//!
//! The terminals are asked for prompts while one of these has the focus. To be taken for one costs little: microseconds a
//! keystroke, and keystrokes only while a prompt is open somewhere. Not to be costs what is typed at prompts, so the list is
//! generous, and a name with `term` in it needs no entry.

use crate::sources::app::App;

/// In lower case, each as a part of names with dots, too: `konsole` is also `org.kde.konsole`.
const NAMES: [&str; 61] = [
    // Terminal emulators.
    "alacritty",
    "blackbox",
    "console",
    "contour",
    "foot",
    "footclient",
    "ghostty",
    "guake",
    "havoc",
    "hyper",
    "kgx",
    "kitty",
    "konsole",
    "ptyxis",
    "rio",
    "rxvt",
    "rxvt-unicode",
    "sakura",
    "st",
    "st-256color",
    "tabby",
    "tilda",
    "tilix",
    "tym",
    "urxvt",
    "warp",
    "yakuake",
    // Editors and file managers that have terminals in a part of the window.
    "antigravity",
    "builder",
    "code",
    "code - insiders",
    "code - oss",
    "code-insiders",
    "code-oss",
    "codium",
    "cursor",
    "dolphin",
    "emacs",
    "geany",
    "gedit",
    "goneovim",
    "gvim",
    "kate",
    "kdevelop",
    "lapce",
    "neovide",
    "nvim",
    "nvim-qt",
    "positron",
    "qtcreator",
    "rstudio",
    "theia",
    "trae",
    "vscode",
    "vscodium",
    "windsurf",
    "zed",
    "zed-editor",
    "zed-nightly",
    "zed-preview",
    "zeditor",
];
/// What is in the names of most terminal emulators: xterm, wezterm, gnome-terminal, terminator.
const TERM: &str = "term";
/// What all editors of one maker begin with: `jetbrains-idea`.
const JETBRAINS: &str = "jetbrains-";

pub(super) fn is_terminal(app: &App) -> bool {
    app.names().any(|name| {
        let is_known = name.split('.').any(|part| NAMES.contains(&part));
        is_known || name.contains(TERM) || name.starts_with(JETBRAINS)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is(instance: &str, class: &str) -> bool {
        is_terminal(&App { instance: instance.into(), class: class.into() })
    }

    #[test]
    fn terminal_emulators_are_known_by_their_names_on_x11_and_on_wayland() {
        for (instance, class) in [("xterm", "XTerm"), ("gnome-terminal-server", "Gnome-terminal"), ("urxvt", "URxvt")] {
            assert!(is(instance, class), "{class}");
        }
        for app_id in [
            "foot",
            "Alacritty",
            "org.gnome.Terminal",
            "org.gnome.Console",
            "org.gnome.Ptyxis.Devel",
            "org.kde.konsole",
            "org.wezfurlong.wezterm",
            "com.mitchellh.ghostty",
            "com.system76.CosmicTerm",
            "io.elementary.terminal",
        ] {
            assert!(is(app_id, ""), "{app_id}");
        }
    }

    #[test]
    fn so_are_editors_with_terminals_in_them() {
        for (instance, class) in [("code", "Code"), ("sun-awt-X11-XFramePeer", "jetbrains-idea"), ("emacs", "Emacs")] {
            assert!(is(instance, class), "{class}");
        }
        assert!(is("dev.zed.Zed", "") && is("org.kde.kate", ""));
    }

    #[test]
    fn what_is_typed_elsewhere_goes_to_no_terminal() {
        for (instance, class) in [("Navigator", "firefox"), ("libreoffice", "libreoffice-writer"), ("", "")] {
            assert!(!is(instance, class), "{class}");
        }
        assert!(!is("org.gnome.TextEditor", ""));
        assert!(NAMES.iter().all(|name| *name == name.to_lowercase()));
    }
}
