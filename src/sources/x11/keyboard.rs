//! The keyboard's layout as the X server has it: the symbols of each key in the group that is active. A server without
//! XKB, of which none is made any more, tells no layout.

use x11rb::protocol::xkb::{
    ConnectionExt, EventType, GroupsWrap, ID, KeySymMap, MapPart, NKNDetail, SelectEventsAux,
    SelectEventsAuxNewKeyboardNotify, SelectEventsAuxStateNotify, StatePart, VMod,
};

use super::connection::{Client, Error};
use super::keysym::{self, Symbols};
use super::watch::Watch;
use crate::event::{Key, Layout};

/// X counts the keys from here, the kernel from 0.
const FIRST_KEYCODE: u8 = 8;
/// As many as a layout can contain.
const KEYS: u8 = 128;

/// The keyboard that all programs read from.
fn keyboard() -> u16 {
    ID::USE_CORE_KBD.into()
}

/// Asks for the events by which the layout can change. Which modifiers are held is no such event: Shift wakes nobody.
pub(super) async fn select_events(watch: &mut Watch<'_>) -> Result<(), Error> {
    if !begin(watch).await? {
        return Ok(());
    }
    let (group, keycodes) = (StatePart::GROUP_STATE, NKNDetail::KEYCODES);
    let details = SelectEventsAux::new()
        .state_notify(SelectEventsAuxStateNotify { affect_state: group, state_details: group })
        .new_keyboard_notify(SelectEventsAuxNewKeyboardNotify {
            affect_new_keyboard: keycodes,
            new_keyboard_details: keycodes,
        });
    let (none, map) = (EventType::from(0u16), MapPart::KEY_SYMS);
    let select_all = EventType::MAP_NOTIFY;
    watch.client.x().xkb_select_events(keyboard(), none, select_all, map, map, &details)?;
    Ok(())
}

/// The present layout; `None`: the server has none that writes letters.
pub(super) async fn layout(watch: &mut Watch<'_>) -> Result<Option<Layout>, Error> {
    if !watch.client.has_xkb {
        return Ok(None);
    }
    let state = watch.client.x().xkb_get_state(keyboard())?;
    let (symbols, nothing) = (MapPart::KEY_SYMS, MapPart::from(0u16));
    let map = watch.client.x().xkb_get_map(
        keyboard(),
        nothing,
        symbols,
        0,
        0,
        FIRST_KEYCODE,
        KEYS,
        0,
        0,
        0,
        0,
        VMod::from(0u16),
        0,
        0,
        0,
        0,
        0,
        0,
    )?;
    let (Some(state), Some(map)) = (watch.ask(state).await?, watch.ask(map).await?) else { return Ok(None) };
    let first = u16::from(map.first_key_sym.saturating_sub(FIRST_KEYCODE));
    let group = usize::from(u8::from(state.group));
    let keys = map.map.syms_rtrn.unwrap_or_default();
    let codes = (first..).map(Key::from_code);
    let layout = keysym::layout(codes.zip(keys.iter().map(|key| symbols_of(key, group))));
    Ok(Some(layout).filter(|layout| *layout != keysym::layout([])))
}

/// The layout, for once.
pub(super) async fn find(client: &Client) -> Result<Option<Layout>, Error> {
    let mut watch = Watch::new(client);
    begin(&mut watch).await?;
    layout(&mut watch).await
}

/// Tells the server that XKB is spoken; whether it is.
async fn begin(watch: &mut Watch<'_>) -> Result<bool, Error> {
    if !watch.client.has_xkb {
        return Ok(false);
    }
    let cookie = watch.client.x().xkb_use_extension(1, 0)?;
    Ok(watch.ask(cookie).await?.is_some_and(|reply| reply.supported))
}

/// A key's symbols in this group; where it has fewer groups, in the one that takes its place.
fn symbols_of(key: &KeySymMap, group: usize) -> Symbols {
    let groups = usize::from(key.group_info & 0x0f);
    let group = match key.group_info & 0xc0 {
        _ if group < groups => group,
        way if way == u8::from(GroupsWrap::CLAMP_INTO_RANGE) => groups.saturating_sub(1),
        way if way == u8::from(GroupsWrap::REDIRECT_INTO_RANGE) => usize::from(key.group_info >> 4 & 3),
        _ => group.checked_rem(groups).unwrap_or(0),
    };
    let width = usize::from(key.width);
    [0, 1, 2].map(|level| {
        let symbol = key.syms.get(group * width + level).filter(|_| level < width && group < groups);
        symbol.copied().unwrap_or(0)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(group_info: u8, width: u8, syms: &[u32]) -> KeySymMap {
        KeySymMap { kt_index: [0; 4], group_info, width, syms: syms.to_vec() }
    }

    #[test]
    fn a_key_has_the_symbols_of_the_active_group() {
        let two_groups = key(2, 2, &[1, 2, 11, 12]);
        assert_eq!(symbols_of(&two_groups, 0), [1, 2, 0]);
        assert_eq!(symbols_of(&two_groups, 1), [11, 12, 0]);
        assert_eq!(symbols_of(&key(1, 4, &[1, 2, 3, 4]), 0), [1, 2, 3]);
    }

    #[test]
    fn a_key_with_fewer_groups_has_those_of_the_group_that_takes_its_place() {
        let syms = [1, 11, 21];
        assert_eq!(symbols_of(&key(1, 1, &syms[..1]), 3), [1, 0, 0]);
        assert_eq!(symbols_of(&key(2, 1, &syms[..2]), 3), [11, 0, 0]);
        assert_eq!(symbols_of(&key(0x40 | 3, 1, &syms), 3), [21, 0, 0]);
        assert_eq!(symbols_of(&key(0x80 | 0x10 | 3, 1, &syms), 3), [11, 0, 0]);
    }

    #[test]
    fn a_key_without_symbols_or_with_fewer_than_it_claims_writes_nothing() {
        for key in [key(0, 0, &[]), key(4, 8, &[]), key(0x80 | 0x30 | 1, 1, &[1]), key(0, 3, &[7, 7, 7])] {
            assert_eq!(symbols_of(&key, 2), [0; 3]);
        }
    }
}
