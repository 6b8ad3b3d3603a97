//! `Posts`: the threads that are watched, and what each of them is doing. Must not say anything
//! about it.

use std::cell::RefCell;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Instant;

use super::judge::{Judge, Limit, Verdict};
use super::thread_state::ThreadId;
use crate::reactor::{Activity, Label, Reactor};

/// Threads of one kind. Each is here from when it is posted for as long as somebody else has its
/// post.
#[derive(Default)]
pub struct Posts {
    watched: Mutex<Vec<Watched>>,
}

/// A thread that is watched.
pub struct Post {
    /// The thread's name.
    pub(super) name: String,
    /// What it is called by the system.
    pub(super) id: ThreadId,
    /// What it is doing.
    activity: Arc<Activity>,
    /// Whether it is in the log that the thread is held; the watchdog's own.
    pub(super) is_told: AtomicBool,
}

/// A post and what is known of it.
struct Watched {
    post: Arc<Post>,
    judge: Judge,
}

thread_local! {
    /// The post of the pool's thread that this is.
    static CURRENT: RefCell<Option<Arc<Post>>> = const { RefCell::new(None) };
}

/// A job at work on this thread.
pub(crate) struct AtWork {
    post: Option<Arc<Post>>,
}

impl Posts {
    /// Watches the calling thread, of which `activity` tells, until the post is dropped.
    pub(crate) fn join(&self, activity: Arc<Activity>) -> Arc<Post> {
        let post = Arc::new(Post {
            name: thread::current().name().unwrap_or("a thread").to_owned(),
            id: ThreadId::current(),
            activity,
            is_told: AtomicBool::new(false),
        });
        let mut watched = self.lock();
        // Here too, since nobody may ever look.
        watched.retain(Watched::is_there);
        watched.push(Watched {
            post: post.clone(),
            judge: Judge::default(),
        });
        post
    }

    /// Watches the calling thread until it ends. What it does are jobs: see [`begin_job`].
    pub(crate) fn join_for_jobs(&self) {
        CURRENT.set(Some(self.join(Arc::default())));
    }

    /// Looks at all of them.
    pub(super) fn look(&self, now: Instant, limit: &Limit) -> Vec<(Arc<Post>, Verdict)> {
        let mut watched = self.lock();
        let verdicts = watched.iter_mut().filter_map(|watched| {
            let step = watched.post.activity.read();
            let verdict = watched.judge.look(step, now, limit)?;
            Some((watched.post.clone(), verdict))
        });
        let verdicts = verdicts.collect();
        watched.retain(Watched::is_there);
        verdicts
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Watched>> {
        self.watched.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Watched {
    /// Whether the thread still has its post.
    fn is_there(&self) -> bool {
        Arc::strong_count(&self.post) > 1
    }
}

/// What the calling thread does as a worker: the label of the jobs that it gives to others.
pub(crate) fn label_of_caller() -> Label {
    let reactor = Reactor::try_current();
    let label = reactor.map(|reactor| reactor.activity().read().label());
    label
        .filter(|label| *label != Label::IDLE)
        .unwrap_or(Label::UNNUMBERED)
}

/// A job begins on the calling thread, which may have no post. One within another is a part of that.
pub(crate) fn begin_job(label: Label) -> AtWork {
    let is_idle = |post: &Arc<Post>| post.activity.read().label() == Label::IDLE;
    let post = CURRENT.with_borrow(Clone::clone).filter(is_idle);
    if let Some(post) = &post {
        post.activity.begin(label);
    }
    AtWork { post }
}

impl Drop for AtWork {
    fn drop(&mut self) {
        if let Some(post) = &self.post {
            post.activity.rest();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_that_ended_are_forgotten() {
        let posts = Arc::new(Posts::default());
        for _ in 0..3 {
            let posts = posts.clone();
            let thread = thread::spawn(move || {
                posts.join_for_jobs();
                drop(begin_job(Label::UNNUMBERED));
                posts.lock().len()
            });
            assert_eq!(thread.join().unwrap(), 1);
        }
        let kept = posts.join(Arc::default());
        assert_eq!(posts.lock().len(), 1);
        drop(kept);
        let limit = Limit {
            first: std::time::Duration::ZERO,
            factor: 2,
            gap_max: std::time::Duration::ZERO,
        };
        assert!(posts.look(Instant::now(), &limit).is_empty());
        assert!(posts.lock().is_empty());
    }
}
