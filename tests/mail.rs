//! Mail: what was put into the queue leaves, once, as soon as whoever takes it lets it.
//!
//! The queue is a real database and the mail server a real one; time is virtual, and an event of the
//! server is waited for, never a second.

#[path = "mail/office.rs"]
mod office;
#[path = "mail/outbox.rs"]
mod outbox;
#[path = "mail/queue.rs"]
mod queue;
#[path = "mail/smtp.rs"]
mod smtp;
