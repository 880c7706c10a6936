"""A window with fields of several kinds, each of which gets the focus when the action of its name is activated."""
import gi

gi.require_version("Gtk", "4.0")
from gi.repository import Gio, Gtk


def show(app):
    pin = Gtk.Entry()
    pin.set_input_purpose(Gtk.InputPurpose.PIN)
    fields = {"entry": Gtk.Entry(), "password": Gtk.PasswordEntry(), "pin": pin, "button": Gtk.Button(label="button")}
    box = Gtk.Box()
    for name, field in fields.items():
        box.append(field)
        action = Gio.SimpleAction.new(name, None)
        action.connect("activate", lambda _action, _none, field=field: field.grab_focus())
        app.add_action(action)
    window = Gtk.ApplicationWindow(application=app, child=box)
    fields["entry"].grab_focus()
    window.present()


app = Gtk.Application(application_id="org.seclyzer.Form")
app.connect("activate", show)
app.run()
