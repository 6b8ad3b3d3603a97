//! A task as its wakers see it: an id and two flags. Must not touch the future.
//!
//! A waker may be used on any thread and may outlive the task and the reactor. On the owning
//! thread (known by the current reactor) a wake is a push on a local queue, elsewhere a message.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Wake;

use super::activity::Label;
use super::context;
use super::remote::Shared;

/// A task of one reactor: its slot, and a generation that tells the slot's owners apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TaskId {
    /// The place in the executor.
    pub(super) slot: u32,
    /// Counts the tasks spawned before it, and wraps around.
    pub(super) generation: u32,
}

/// What a task's wakers share.
pub(super) struct TaskHeader {
    /// Which task this is.
    id: TaskId,
    /// What its thread says it is doing while the task runs.
    label: Label,
    /// Set by a wake, cleared before a poll: while set, a queue entry exists (or, after an
    /// overflow of the inbox, the executor is bound to look at the flag).
    woken: AtomicBool,
    /// Set by an abort: the executor drops the future instead of polling it.
    aborted: AtomicBool,
    /// The way to the reactor from other threads; also tells reactors apart.
    shared: Arc<Shared>,
}

impl TaskHeader {
    /// The header of a new task, which is woken: its first poll is due.
    pub(super) fn new(id: TaskId, label: Label, shared: &Arc<Shared>) -> Arc<TaskHeader> {
        Arc::new(TaskHeader {
            id,
            label,
            woken: AtomicBool::new(true),
            aborted: AtomicBool::new(false),
            shared: Arc::clone(shared),
        })
    }

    pub(super) fn id(&self) -> TaskId {
        self.id
    }

    pub(super) fn label(&self) -> Label {
        self.label
    }

    /// Consumes the wake before a poll. Swapping, not storing, makes visible to the poll what
    /// the waking thread wrote before.
    pub(super) fn take_wake(&self) -> bool {
        self.woken.swap(false, Ordering::AcqRel)
    }

    pub(super) fn is_woken(&self) -> bool {
        self.woken.load(Ordering::Acquire)
    }

    pub(super) fn abort(&self) {
        self.aborted.store(true, Ordering::Release);
        self.wake_once();
    }

    pub(super) fn is_aborted(&self) -> bool {
        self.aborted.load(Ordering::Acquire)
    }

    fn wake_once(&self) {
        if self.woken.swap(true, Ordering::AcqRel) {
            return;
        }
        let queued = context::with_current(|inner| {
            let ours = Arc::ptr_eq(inner.inbox.shared(), &self.shared);
            if ours {
                inner.executor.enqueue(self.id);
            }
            ours
        });
        if queued != Some(true) {
            self.shared.send_wake(self.id);
        }
    }
}

impl Wake for TaskHeader {
    fn wake(self: Arc<Self>) {
        self.wake_once();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.wake_once();
    }
}
