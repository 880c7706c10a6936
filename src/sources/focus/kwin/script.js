// Tells the agent which application has the focus. The agent hands this to KWin and takes it back when it ends.
// Of a window it reads the names that exclusions go by; titles are never read.
const AGENT = "@AGENT@";

// One more character than a name may have.
const LONGEST = 257;

let focused = null;

function name(value) {
    return String(value).slice(0, LONGEST);
}

function tell() {
    if (!focused) {
        callDBus(AGENT, "/org/seclyzer/Focus", "org.seclyzer.Focus", "Unfocused");
        return;
    }
    // Both halves of WM_CLASS (the class of KWin's windows: KWin 6, KWin 5); or what a Wayland program calls itself,
    // beside which KWin has its executable's name.
    const isX11 = /^KWin::(X11|Xwayland)Window/.test(String(focused));
    const [instance, class_] = isX11 ? [focused.resourceName, focused.resourceClass] : [focused.resourceClass, ""];
    callDBus(AGENT, "/org/seclyzer/Focus", "org.seclyzer.Focus", "Focused", name(instance), name(class_));
}

function follow(window) {
    try {
        focused.windowClassChanged.disconnect(tell);
    } catch (error) {
        // There was none, or it is gone.
    }
    focused = window;
    if (focused && focused.windowClassChanged) {
        focused.windowClassChanged.connect(tell);
    }
    tell();
}

// As KWin 6 and KWin 5 call them.
(workspace.windowActivated || workspace.clientActivated).connect(follow);
follow(workspace.activeWindow || workspace.activeClient);
