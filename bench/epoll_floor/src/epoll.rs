//! epoll as three safe calls. The only unsafe code of the benchmarks; it must know no HTTP.

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

/// An epoll instance and the events of its last wait.
pub struct Epoll {
    fd: OwnedFd,
    events: Vec<libc::epoll_event>,
}

impl Epoll {
    /// Opens an instance that reports up to `events_max` events at a time.
    pub fn new(events_max: usize) -> io::Result<Self> {
        // SAFETY: no pointers are passed, and a descriptor that is not negative is new and ours.
        let fd = unsafe {
            let fd = check(libc::epoll_create1(libc::EPOLL_CLOEXEC))?;
            OwnedFd::from_raw_fd(fd)
        };
        Ok(Self {
            fd,
            events: Vec::with_capacity(events_max),
        })
    }

    /// Watches `source` for reading, edge-triggered, until it is closed.
    pub fn watch(&self, source: &impl AsRawFd) -> io::Result<()> {
        let fd = source.as_raw_fd();
        let flags = libc::EPOLLIN | libc::EPOLLRDHUP | libc::EPOLLET;
        let mut event = libc::epoll_event {
            events: flags as u32,
            u64: fd as u64,
        };
        // SAFETY: `event` lives through the call, and the kernel keeps a copy only.
        unsafe {
            check(libc::epoll_ctl(
                self.fd.as_raw_fd(),
                libc::EPOLL_CTL_ADD,
                fd,
                &mut event,
            ))?;
        }
        Ok(())
    }

    /// Waits for events, and hands out the descriptors that have one.
    pub fn wait(&mut self) -> io::Result<impl Iterator<Item = RawFd> + '_> {
        let capacity = self.events.capacity() as i32;
        self.events.clear();
        // SAFETY: the buffer has room for `capacity` events, and the kernel filled in `count`.
        unsafe {
            let count =
                libc::epoll_wait(self.fd.as_raw_fd(), self.events.as_mut_ptr(), capacity, -1);
            self.events.set_len(check(count)? as usize);
        }
        Ok(self.events.iter().map(|event| event.u64 as RawFd))
    }
}

/// A system call's own way of failing, as a `Result`.
fn check(answer: i32) -> io::Result<i32> {
    if answer < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(answer)
    }
}
