//! The tasks of one thread and the order in which they run. Must not wait for anything and must
//! not hold a borrow while a future is polled or dropped.
//!
//! A task woken while another runs joins the queue of this turn, unless it has been polled
//! `POLLS_PER_TURN` times in it: once for what came, and once for what others of this turn had for
//! it. Then, or when it wakes itself, it has yielded and joins the next turn's, behind that turn's I/O.
//! So two tasks that wake each other do not keep others waiting.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use slab::Slab;

use super::activity::{Activity, Label};
use super::remote::Shared;
use super::task::{TaskHeader, TaskId};

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
    /// Counts the turns, and wraps around.
    turn: Cell<u32>,
    /// Goes into the next id.
    generation: Cell<u32>,
    /// Set by `close`: no task is kept any more.
    closed: Cell<bool>,
    /// What this thread is doing, for others to read.
    activity: Arc<Activity>,
}

/// What an entry of the queue stands for.
enum Next {
    /// A task that is to be polled.
    Due(Task),
    /// One that has been polled often enough in this turn.
    Yielded,
    /// None: it is gone, or was polled since.
    Void,
}

/// A task in its slot: 48 bytes here, 40 for the header, and the future itself.
struct Task {
    /// What the task does.
    future: BoxFuture,
    /// Its id and flags.
    header: Arc<TaskHeader>,
    /// Made once; a poll lends it out without touching a reference count.
    waker: Waker,
    /// The turn of its last poll.
    polled_in: u32,
    /// How often it was polled in that.
    polls: u32,
}

/// How often a task is polled in a turn at most.
const POLLS_PER_TURN: u32 = 2;

impl Task {
    fn has_been_polled(&self, turn: u32) -> bool {
        self.polled_in == turn && self.polls >= POLLS_PER_TURN
    }

    fn count_poll(&mut self, turn: u32) {
        let before = if self.polled_in == turn {
            self.polls
        } else {
            0
        };
        (self.polled_in, self.polls) = (turn, before + 1);
    }
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
        let id = TaskId { slot, generation };
        let header = TaskHeader::new(id, self.inherited_label(), shared);
        let waker = Waker::from(Arc::clone(&header));
        entry.insert(Some(Task {
            future,
            header: Arc::clone(&header),
            waker,
            polled_in: self.turn.get(),
            polls: 0,
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
        self.turn.set(self.turn.get().wrapping_add(1));
        let mut polled = 0;
        while polled < budget {
            let next = self.ready.borrow_mut().pop_front();
            let Some(id) = next else { break };
            match self.take_next(id) {
                Next::Due(task) => {
                    self.run_task(id, task);
                    polled += 1;
                }
                Next::Yielded => self.yielded.borrow_mut().push_back(id),
                Next::Void => {}
            }
        }
        self.activity.rest();
        polled
    }

    pub(super) fn turn_number(&self) -> u32 {
        self.turn.get()
    }

    pub(super) fn activity(&self) -> &Arc<Activity> {
        &self.activity
    }

    /// The label of a new task: that of whoever starts it.
    fn inherited_label(&self) -> Label {
        match self.activity.read().label() {
            Label::IDLE => Label::UNNUMBERED,
            label => label,
        }
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

    /// Takes a task out of its slot if it is to be polled now.
    fn take_next(&self, id: TaskId) -> Next {
        let mut slots = self.slots.borrow_mut();
        let Some(slot) = slots.get_mut(id.slot as usize) else {
            return Next::Void;
        };
        match slot {
            Some(task) if task.header.id() != id => Next::Void,
            Some(task) if task.has_been_polled(self.turn.get()) => Next::Yielded,
            _ => slot
                .take_if(|task| task.header.take_wake())
                .map_or(Next::Void, Next::Due),
        }
    }

    /// Empties a slot, unless its task is running.
    fn take_idle(&self, slot: usize) -> Option<Task> {
        let mut slots = self.slots.borrow_mut();
        slots.get(slot)?.as_ref()?;
        slots.remove(slot)
    }

    fn run_task(&self, id: TaskId, mut task: Task) {
        self.activity.begin(task.header.label());
        task.count_poll(self.turn.get());
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

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::future::{pending, poll_fn};
    use std::io;
    use std::rc::Rc;
    use std::time::Duration;

    use super::*;
    use crate::reactor::{Clock, Reactor, TASKS_PER_TURN, spawn_local, yield_now};

    fn reactor() -> Reactor {
        Reactor::new(Clock::virtual_time()).unwrap()
    }

    fn turn(reactor: &Reactor) -> io::Result<usize> {
        reactor.turn(Some(Duration::ZERO)).map(|turn| turn.tasks)
    }

    /// Does something when dropped, as destructors of handlers may.
    struct OnDrop<F: FnMut()>(F);

    impl<F: FnMut()> Drop for OnDrop<F> {
        fn drop(&mut self) {
            (self.0)();
        }
    }

    #[test]
    fn runs_in_the_order_of_spawning() {
        let reactor = reactor();
        let seen = Rc::new(RefCell::new(Vec::new()));
        for number in 0..3 {
            let seen = Rc::clone(&seen);
            drop(reactor.spawn_local(async move { seen.borrow_mut().push(number) }));
        }
        assert_eq!(reactor.task_count(), 3);
        reactor.run_until_idle().unwrap();
        assert_eq!(*seen.borrow(), [0, 1, 2]);
        assert_eq!(reactor.task_count(), 0);
    }

    #[test]
    fn yielding_task_runs_once_a_turn() {
        let reactor = reactor();
        let yielding = reactor.spawn_local(async {
            loop {
                yield_now().await;
            }
        });
        for _ in 0..3 {
            assert_eq!(turn(&reactor).unwrap(), 1);
        }
        let other = reactor.spawn_local(async {});
        assert_eq!(turn(&reactor).unwrap(), 2);
        assert!(other.is_finished());
        yielding.abort();
        reactor.run_until_idle().unwrap();
        assert!(yielding.is_finished());
    }

    #[test]
    fn polls_of_a_turn_are_bounded() {
        let reactor = reactor();
        for _ in 0..TASKS_PER_TURN + 1 {
            drop(reactor.spawn_local(async {}));
        }
        assert_eq!(turn(&reactor).unwrap(), TASKS_PER_TURN);
        // The wait must not hold up what is left, although nothing else will end it.
        assert_eq!(reactor.turn(None).unwrap().tasks, 1);
    }

    #[test]
    fn task_woken_by_another_runs_in_the_same_turn() {
        let reactor = reactor();
        let (sender, receiver) = crate::reactor::oneshot::channel();
        let waiting = reactor.spawn_local(receiver);
        turn(&reactor).unwrap();
        drop(reactor.spawn_local(async { sender.send(()) }));
        assert_eq!(turn(&reactor).unwrap(), 2);
        assert!(waiting.is_finished());
    }

    #[test]
    fn tasks_that_wake_each_other_run_twice_a_turn() {
        let reactor = reactor();
        let wakers: Rc<[RefCell<Option<Waker>>; 2]> = Rc::default();
        for own in 0..2 {
            let wakers = Rc::clone(&wakers);
            drop(reactor.spawn_local(poll_fn(move |cx| {
                wakers[own].replace(Some(cx.waker().clone()));
                let other = wakers[1 - own].take();
                other.into_iter().for_each(Waker::wake);
                Poll::<()>::Pending
            })));
        }
        for _ in 0..3 {
            assert_eq!(turn(&reactor).unwrap(), 4);
        }
    }

    #[test]
    fn destructor_of_a_task_may_spawn() {
        let reactor = reactor();
        let spawned = Rc::new(Cell::new(false));
        let flag = Rc::clone(&spawned);
        let on_drop = OnDrop(move || {
            let flag = Rc::clone(&flag);
            drop(spawn_local(async move { flag.set(true) }));
        });
        let task = reactor.spawn_local(async move {
            let _on_drop = on_drop;
            pending::<()>().await;
        });
        reactor.run_until_idle().unwrap();
        task.abort();
        reactor.run_until_idle().unwrap();
        assert!(spawned.get());
    }

    #[test]
    fn task_may_abort_itself() {
        let reactor = reactor();
        let handle = Rc::new(RefCell::new(None));
        let own = Rc::clone(&handle);
        let dropped = Rc::new(Cell::new(false));
        let flag = Rc::clone(&dropped);
        *handle.borrow_mut() = Some(reactor.spawn_local(async move {
            let _on_drop = OnDrop(move || flag.set(true));
            own.borrow().as_ref().map(crate::reactor::JoinHandle::abort);
            pending::<()>().await;
        }));
        assert_eq!(turn(&reactor).unwrap(), 1);
        assert!(dropped.get());
        let handle = handle.take().unwrap();
        assert!(
            reactor
                .block_on(handle)
                .unwrap()
                .unwrap_err()
                .is_cancelled()
        );
    }

    #[test]
    fn panics_end_one_task_only() {
        let reactor = reactor();
        let other = reactor.spawn_local(yield_now());
        let joined = reactor.spawn_local(async { panic!("joined {}", 1) });
        reactor.spawn_detached(Box::pin(async { panic!("detached") }));
        reactor.spawn_detached(Box::pin(async {
            let _on_drop = OnDrop(|| panic!("dropped"));
            yield_now().await;
        }));
        reactor.run_until_idle().unwrap();
        assert!(other.is_finished());
        assert_eq!(reactor.task_count(), 0);
        let error = reactor.block_on(joined).unwrap().unwrap_err();
        assert_eq!(error.to_string(), "task panicked: joined 1");
        assert!(error.is_panic());
        assert_eq!(panic_message(error.into_panic().as_ref()), "joined 1");
    }

    #[test]
    fn waker_of_a_finished_task_does_not_reach_its_slot_again() {
        let reactor = reactor();
        let kept = Rc::new(RefCell::new(None));
        let keep = Rc::clone(&kept);
        drop(reactor.spawn_local(poll_fn(move |cx| {
            *keep.borrow_mut() = Some(cx.waker().clone());
            Poll::Ready(())
        })));
        reactor.run_until_idle().unwrap();
        let next = reactor.spawn_local(pending::<()>());
        reactor.run_until_idle().unwrap();
        kept.take().unwrap().wake();
        assert_eq!(turn(&reactor).unwrap(), 0);
        assert!(!next.is_finished());
    }

    #[test]
    fn shutdown_drops_tasks_that_hold_the_reactor() {
        let reactor = reactor();
        let held = reactor.clone();
        let in_context = Rc::new(Cell::new(false));
        let flag = Rc::clone(&in_context);
        let task = reactor.spawn_local(async move {
            let _held = held;
            let _on_drop = OnDrop(move || flag.set(Reactor::try_current().is_some()));
            pending::<()>().await;
        });
        reactor.run_until_idle().unwrap();
        reactor.shutdown();
        assert!(task.is_finished() && in_context.get());
        let refused = reactor.spawn_local(async {});
        assert!(
            reactor
                .block_on(refused)
                .unwrap()
                .unwrap_err()
                .is_cancelled()
        );
    }

    #[test]
    fn task_may_shut_the_reactor_down() {
        let reactor = reactor();
        let held = reactor.clone();
        let other = reactor.spawn_local(pending::<()>());
        let task = reactor.spawn_local(async move {
            held.shutdown();
            pending::<()>().await;
        });
        reactor.run_until_idle().unwrap();
        assert!(other.is_finished() && task.is_finished());
        assert_eq!(reactor.task_count(), 0);
    }

    #[test]
    fn last_clone_drops_the_tasks_inside_the_reactor() {
        let reactor = reactor();
        let in_context = Rc::new(Cell::new(false));
        let flag = Rc::clone(&in_context);
        drop(reactor.spawn_local(async move {
            let _on_drop = OnDrop(move || flag.set(Reactor::try_current().is_some()));
            pending::<()>().await;
        }));
        reactor.run_until_idle().unwrap();
        let entered = reactor.enter();
        drop(reactor);
        assert!(!in_context.get());
        drop(entered);
        assert!(in_context.get());
    }

    #[test]
    fn dropping_the_guard_aborts_and_dropping_the_handle_does_not() {
        let reactor = reactor();
        let ends = Rc::new(Cell::new(0));
        let task = || {
            let ends = Rc::clone(&ends);
            async move {
                yield_now().await;
                ends.set(ends.get() + 1);
            }
        };
        drop(reactor.spawn_local(task()));
        drop(reactor.spawn_local(task()).abort_on_drop());
        reactor.run_until_idle().unwrap();
        assert_eq!(ends.get(), 1);
    }

    #[test]
    #[should_panic(expected = "from inside its own turn")]
    fn nested_turn_is_refused() {
        let reactor = reactor();
        let inner = reactor.clone();
        let nested = reactor.spawn_local(async move { turn(&inner).map(drop) });
        let error = reactor.block_on(nested).unwrap().unwrap_err();
        std::panic::resume_unwind(error.into_panic());
    }

    #[test]
    fn tasks_are_small() {
        assert!(size_of::<Option<Task>>() <= 48);
        // Two counts and the header.
        assert!(2 * size_of::<usize>() + size_of::<TaskHeader>() <= 48);
    }
}
