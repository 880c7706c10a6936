// Tells SecLyzer's agent, and nobody else, which application has the focus, whether the shell itself takes what is
// typed, and whether that goes to a field for a secret. Nothing can be asked here, no title is read and no key seen.

import Clutter from 'gi://Clutter';
import Gio from 'gi://Gio';
import GLib from 'gi://GLib';
import * as Main from 'resource:///org/gnome/shell/ui/main.js';

const AGENT = 'org.seclyzer.Agent';
const PATH = '/org/seclyzer/Focus';
const INTERFACE = 'org.seclyzer.Focus';
const DBUS = 'org.freedesktop.DBus';
const ANSWER_LIMIT_MS = 3000;
const LONGEST_NAME = 256;

const {HIDDEN_TEXT, SENSITIVE_DATA} = Clutter.InputContentHintFlags;
const {PASSWORD} = Clutter.InputContentPurpose;

export default class Focus {
    enable() {
        this._signals = [
            [global.display, 'notify::focus-window'],
            [global.stage, 'notify::is-grabbed'],
            [global.stage, 'notify::key-focus'],
            [Main.sessionMode, 'updated'],
            [Main.inputMethod, 'notify::content-purpose'],
            [Main.inputMethod, 'notify::content-hints'],
            // Of a field that has got the focus, and of one that has lost it, 50 ms later: neither has its own signal.
            [Main.inputMethod, 'cursor-location-changed'],
            [Main.inputMethod, 'input-panel-state'],
        ].map(([object, signal]) => [object, object.connect(signal, () => this._lookSoon())]);
        this._window = null;
        this._meet(null);
        this._watch = Gio.DBus.session.watch_name(AGENT, Gio.BusNameWatcherFlags.NONE,
            (_bus, _name, owner) => this._meet(owner), () => this._meet(null));
    }

    disable() {
        Gio.DBus.session.unwatch_name(this._watch);
        if (this._agent)
            this._call(this._agent, PATH, INTERFACE, 'End', null, () => {});
        this._meet(null);
        this._follow(null);
        this._signals.forEach(([object, id]) => object.disconnect(id));
    }

    // Whoever owns the agent's name is told only if it runs under this account.
    _meet(owner) {
        [this._owner, this._agent, this._told, this._isAwaited] = [owner, null, null, false];
        if (!owner)
            return;
        const question = new GLib.Variant('(s)', [owner]);
        this._call(DBUS, '/org/freedesktop/DBus', DBUS, 'GetConnectionCredentials', question, answer => {
            const [{UnixUserID: uid, ProcessID: pid}] = answer?.recursiveUnpack() ?? [{}];
            if (this._owner !== owner || uid !== new Gio.Credentials().get_unix_user() || !(pid > 0))
                return;
            this._agent = owner;
            this._tell();
        });
    }

    // Once what has begun to change is done with: the shell counts a prompt after the signal of it.
    _lookSoon() {
        if (this._isDue)
            return;
        this._isDue = true;
        Promise.resolve().then(() => {
            this._isDue = false;
            this._tell();
        });
    }

    // Tells what is so, if it is news, and again once that is answered: what comes and goes meanwhile is not told.
    _tell() {
        if (!this._agent || this._isAwaited)
            return;
        this._follow(global.display.focus_window);
        const state = this._state();
        if (this._told?.equal(state))
            return;
        this._told = state;
        this._isAwaited = true;
        const agent = this._agent;
        this._call(agent, PATH, INTERFACE, 'Tell', state, () => {
            if (this._agent !== agent)
                return;
            this._isAwaited = false;
            this._tell();
        });
    }

    // A window may change its name while it has the focus.
    _follow(window) {
        if (window === this._window)
            return;
        this._window?.disconnect(this._windowSignal);
        this._window = window;
        this._windowSignal = window?.connect('notify::wm-class', () => this._lookSoon());
    }

    _state() {
        const window = this._window;
        const names = [window?.get_wm_class_instance(), window?.get_wm_class() || window?.get_sandboxed_app_id()];
        const [instance, name] = names.map(text => (text ?? '').slice(0, LONGEST_NAME + 1));
        // Where nothing in the shell has the keyboard, the stage has it in older versions, and null in newer ones.
        const isPrompted = Main.modalCount > 0 || ![null, global.stage].includes(global.stage.get_key_focus());
        const {currentFocus, content_purpose: purpose, content_hints: hints} = Main.inputMethod;
        const isHidden = purpose === PASSWORD || (hints & (HIDDEN_TEXT | SENSITIVE_DATA)) !== 0;
        return new GLib.Variant('(ussbbb)', [window?.get_stable_sequence() ?? 0, instance, name,
            Main.sessionMode.isLocked, isPrompted, currentFocus !== null && isHidden]);
    }

    _call(name, path, iface, method, body, then) {
        Gio.DBus.session.call(name, path, iface, method, body, null, Gio.DBusCallFlags.NO_AUTO_START, ANSWER_LIMIT_MS,
            null, (bus, result) => {
                let answer = null;
                try {
                    answer = bus.call_finish(result);
                } catch {
                    // Whoever is gone or silent is not told.
                }
                then(answer);
            });
    }
}
