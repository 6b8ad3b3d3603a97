//! The tasks of one thread and the order in which they run. Must not wait for anything and must
//! not hold a borrow while a future is polled or dropped.
//!
//! A task woken while another runs joins the queue of this turn. A task that wakes itself while
//! it runs has yielded: it joins the queue of the next turn, behind that turn's I/O.

use std::{
    any::Any,
    cell::{Cell, RefCell},
    collections::VecDeque,
    future::Future,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Waker},
};

use slab::Slab;

use super::{
    remote::Shared,
    task::{TaskHeader, TaskId},
};

type BoxFuture = Pin<Box<dyn Future<Output = ()>>>;

/// The tasks of a reactor.
#[derive(Default)]
pub(super) struct Executor {
    /// The tasks by slot; `None` while one runs.
    slots: RefCell<Slab<Option<Task>>>,
    /// To be polled in this turn. At most one entry per task, but for a rare double after an
    /// overflow of the inbox, which the task's flag makes void.
    ready: RefCell<VecDeque<TaskId>>,
    /// To be polled in the next turn.
    yielded: RefCell<VecDeque<TaskId>>,
    /// The task being polled.
    running: Cell<Option<TaskId>>,
    /// Goes into the next id.
    generation: Cell<u32>,
    /// Set by `close`: no task is kept any more.
    closed: Cell<bool>,
}

/// A task in its slot: 40 bytes here, 40 for the header, and the future itself.
struct Task {
    future: BoxFuture,
    header: Arc<TaskHeader>,
    /// Made once; a poll lends it out without touching a reference count.
    waker: Waker,
}

impl Executor {
    /// Adds a task and queues its first poll; a closed executor gives the future back.
    pub(super) fn spawn(
        &self,
        shared: &Arc<Shared>,
        future: BoxFuture,
    ) -> Result<Arc<TaskHeader>, BoxFuture> {
        if self.closed.get() {
            return Err(future);
        }
        let mut slots = self.slots.borrow_mut();
        let entry = slots.vacant_entry();
        let slot = u32::try_from(entry.key()).expect("fewer than 2^32 tasks");
        let generation = self.generation.get();
        self.generation.set(generation.wrapping_add(1));
        let header = TaskHeader::new(TaskId { slot, generation }, shared);
        let waker = Waker::from(Arc::clone(&header));
        entry.insert(Some(Task {
            future,
            header: Arc::clone(&header),
            waker,
        }));
        self.ready.borrow_mut().push_back(header.id());
        Ok(header)
    }

    /// Queues a task whose flag has just been set.
    pub(super) fn enqueue(&self, id: TaskId) {
        let queue = if self.running.get() == Some(id) {
            &self.yielded
        } else {
            &self.ready
        };
        queue.borrow_mut().push_back(id);
    }

    /// After an overflow of the inbox: rebuilds the queue from the tasks' flags.
    pub(super) fn requeue_woken(&self) {
        self.yielded.borrow_mut().clear();
        let mut ready = self.ready.borrow_mut();
        ready.clear();
        let slots = self.slots.borrow();
        let woken = slots.iter().filter_map(|(_, task)| task.as_ref());
        ready.extend(
            woken
                .filter(|task| task.header.is_woken())
                .map(|task| task.header.id()),
        );
    }

    /// Polls at most `budget` tasks; returns how many.
    pub(super) fn run(&self, budget: usize) -> usize {
        self.ready
            .borrow_mut()
            .append(&mut self.yielded.borrow_mut());
        let mut polled = 0;
        while polled < budget {
            let next = self.ready.borrow_mut().pop_front();
            let Some(id) = next else { break };
            if let Some(task) = self.take_woken(id) {
                self.run_task(id, task);
                polled += 1;
            }
        }
        polled
    }

    /// Whether a task waits to be polled.
    pub(super) fn has_ready(&self) -> bool {
        !self.ready.borrow().is_empty() || !self.yielded.borrow().is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.slots.borrow().len()
    }

    /// Drops all tasks, and from now on whatever is spawned. The running task, if this is called
    /// by one, is dropped when its poll returns.
    pub(super) fn close(&self) {
        self.closed.set(true);
        // Nothing is added any more, so that the slots counted here are all there will be.
        let slots = self.slots.borrow().capacity();
        for slot in 0..slots {
            drop_quietly(self.take_idle(slot));
        }
    }

    /// Takes a task out of its slot to be polled, unless the queue entry is void: the task is
    /// gone, or was polled since.
    fn take_woken(&self, id: TaskId) -> Option<Task> {
        let mut slots = self.slots.borrow_mut();
        let slot = slots.get_mut(id.slot as usize)?;
        slot.take_if(|task| task.header.id() == id && task.header.take_wake())
    }

    /// Empties a slot, unless its task is running.
    fn take_idle(&self, slot: usize) -> Option<Task> {
        let mut slots = self.slots.borrow_mut();
        slots.get(slot)?.as_ref()?;
        slots.remove(slot)
    }

    fn run_task(&self, id: TaskId, mut task: Task) {
        let finished = task.header.is_aborted() || {
            self.running.set(Some(id));
            let finished = poll_catching(&mut task);
            self.running.set(None);
            // Asked again: a task may abort itself, or close the reactor, while it runs.
            finished || task.header.is_aborted() || self.closed.get()
        };
        let slot = id.slot as usize;
        if finished {
            self.slots.borrow_mut().remove(slot);
            drop_quietly(task);
        } else {
            self.slots.borrow_mut()[slot] = Some(task);
        }
    }
}

/// Polls a task; whether it is finished, be it by a panic.
fn poll_catching(task: &mut Task) -> bool {
    let mut cx = Context::from_waker(&task.waker);
    match catch_unwind(AssertUnwindSafe(|| task.future.as_mut().poll(&mut cx))) {
        Ok(Poll::Pending) => false,
        Ok(Poll::Ready(())) => true,
        Err(payload) => {
            log::error!("a task panicked: {}", panic_message(payload.as_ref()));
            true
        }
    }
}

/// Drops foreign values; a panic in a destructor must not take the thread down.
pub(super) fn drop_quietly<T>(value: T) {
    if let Err(payload) = catch_unwind(AssertUnwindSafe(|| drop(value))) {
        log::error!(
            "dropping a task panicked: {}",
            panic_message(payload.as_ref())
        );
    }
}

/// The text of a panic, as far as it has one.
pub(super) fn panic_message(payload: &(dyn Any + Send)) -> &str {
    let text = payload.downcast_ref::<&str>().copied();
    text.or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("(no message)")
}
