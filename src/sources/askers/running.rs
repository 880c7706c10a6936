//! Which files are open, by what inotify tells of them.

use std::collections::BTreeMap;

/// A program that runs has its file open.
#[derive(Debug, Default)]
pub(super) struct Running {
    /// How often each is open, by its watch.
    open: BTreeMap<i32, u32>,
    /// Notices were lost: any of them may run.
    is_doubtful: bool,
}

impl Running {
    pub fn is_any(&self) -> bool {
        self.is_doubtful || !self.open.is_empty()
    }

    /// Takes a notice; whether a file was opened, or may have been.
    pub fn take(&mut self, watch: i32, mask: u32) -> bool {
        if mask & libc::IN_Q_OVERFLOW != 0 {
            self.is_doubtful = true;
            return true;
        } else if mask & libc::IN_OPEN != 0 {
            let count = self.open.entry(watch).or_default();
            *count = count.saturating_add(1);
            return true;
        } else if mask & libc::IN_CLOSE != 0 {
            self.close(watch);
        } else if mask & libc::IN_IGNORED != 0 {
            self.open.remove(&watch);
        }
        false
    }

    fn close(&mut self, watch: i32) {
        if let Some(count) = self.open.get_mut(&watch) {
            *count -= 1;
            if *count == 0 {
                self.open.remove(&watch);
            }
        }
    }

    pub fn clear(&mut self) {
        *self = Running::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPEN: u32 = libc::IN_OPEN;
    const CLOSE: u32 = libc::IN_CLOSE_NOWRITE;

    fn after(notices: &[(i32, u32)]) -> bool {
        let mut running = Running::default();
        notices.iter().for_each(|&(watch, mask)| _ = running.take(watch, mask));
        running.is_any()
    }

    #[test]
    fn a_program_runs_from_the_opening_of_its_file_to_the_last_closing() {
        assert!(!after(&[]));
        assert!(after(&[(1, OPEN)]));
        assert!(after(&[(1, OPEN), (1, OPEN), (1, CLOSE)]), "somebody reads the file of one that runs");
        assert!(!after(&[(1, OPEN), (1, CLOSE)]));
        assert!(after(&[(1, OPEN), (2, OPEN), (2, CLOSE)]));
    }

    #[test]
    fn an_end_without_a_beginning_is_nothing() {
        assert!(!after(&[(1, CLOSE)]));
        assert!(after(&[(1, CLOSE), (1, OPEN)]));
    }

    #[test]
    fn what_is_removed_does_not_run() {
        assert!(!after(&[(1, OPEN), (1, libc::IN_IGNORED)]));
    }

    #[test]
    fn after_notices_were_lost_any_may_run_whatever_is_told_next() {
        let lost = (-1, libc::IN_Q_OVERFLOW);
        assert!(after(&[lost]));
        assert!(after(&[(1, OPEN), lost, (1, CLOSE), (2, OPEN), (2, CLOSE)]));
    }
}
