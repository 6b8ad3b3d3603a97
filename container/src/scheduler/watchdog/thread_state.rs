//! What the system tells of a thread: whether it runs, or what it sleeps in. On Linux; elsewhere
//! nothing is known.
//!
//! This is as far as one gets from outside of a thread. Its stack could be taken only by a signal
//! handler on the thread itself, or by stopping it as a debugger does; both need unsafe code.

use std::fs;

/// A thread, by its number at the system.
pub(super) struct ThreadId {
    /// Its folder below `/proc`; `None` where there is none.
    folder: Option<String>,
}

impl ThreadId {
    /// The calling thread.
    pub(super) fn current() -> Self {
        // `1234/task/1240`, where the system has it.
        let link = fs::read_link("/proc/thread-self").ok();
        let link = link.and_then(|link| link.into_os_string().into_string().ok());
        ThreadId {
            folder: link.map(|link| format!("/proc/{link}")),
        }
    }

    /// What it is doing at this moment, in a few words.
    pub(super) fn state(&self) -> Option<String> {
        let folder = self.folder.as_ref()?;
        let stat = fs::read_to_string(format!("{folder}/stat")).ok()?;
        // What the kernel does not tell everybody is empty, or 0.
        let place = fs::read_to_string(format!("{folder}/wchan")).unwrap_or_default();
        describe(&stat, &place)
    }
}

/// From the files `stat` and `wchan` of proc_pid_stat(5).
fn describe(stat: &str, place: &str) -> Option<String> {
    // The name is in brackets, and may have some in it.
    let (_, fields) = stat.rsplit_once(')')?;
    let does = match fields.trim_start().chars().next()? {
        'R' => return Some("running".to_owned()),
        'S' => "asleep",
        'D' => "waiting for a device",
        'T' | 't' => "stopped",
        _ => return None,
    };
    Some(match place.trim() {
        "" | "0" => does.to_owned(),
        place => format!("{does} in {place}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_state_is_said_in_words() {
        let check = |stat, place, expected: Option<&str>| {
            assert_eq!(describe(stat, place).as_deref(), expected, "{stat} {place}");
        };
        check("7 (worker-0) R 1 7", "0", Some("running"));
        check(
            "7 (a) b) (c) S 1 7",
            "futex_do_wait",
            Some("asleep in futex_do_wait"),
        );
        check("7 (worker-0) S 1 7", "0", Some("asleep"));
        check("7 (worker-0) S 1 7", "", Some("asleep"));
        check(
            "7 (worker-0) D 1 7",
            "io_schedule\n",
            Some("waiting for a device in io_schedule"),
        );
        check("7 (worker-0) t 1 7", "0", Some("stopped"));
        check("7 (worker-0) Z 1 7", "0", None);
        check("7 (worker-0", "0", None);
        check("", "", None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn the_calling_thread_runs() {
        assert_eq!(ThreadId::current().state().as_deref(), Some("running"));
    }
}
