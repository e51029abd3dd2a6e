//! Trace context as the W3C recommendation *Trace Context* (version 00) has it: one id that follows a request through
//! its job and whatever that job enqueues.
//!
//! The context of the moment belongs to the task: [`scope`] sets it, [`current`] reads it. Spans are not exported from here;
//! the ids are in the log, in the ledger's `traceparent`, and for handlers to pass on to outside services.

use std::fmt;
use std::future::Future;

use axum::http::{HeaderMap, HeaderName};
use rand::Rng;
use tokio::task::futures::TaskLocalFuture;

/// Where a context comes in and goes out.
pub const HEADER: HeaderName = HeaderName::from_static("traceparent");

/// Whose part of which trace this is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TraceContext {
    trace_id: u128,
    span_id: u64,
    flags: u8,
}

tokio::task_local! {
    static CURRENT: TraceContext;
}

impl TraceContext {
    /// The beginning of a trace. Not sampled, for nobody has asked to record it.
    pub fn new() -> Self {
        let mut rng = rand::rng();
        // Zero means "none" in both.
        Self { trace_id: rng.random_range(1..=u128::MAX), span_id: rng.random_range(1..=u64::MAX), flags: 0 }
    }

    /// The next part of the same trace.
    pub fn child(self) -> Self {
        Self { span_id: rand::rng().random_range(1..=u64::MAX), ..self }
    }

    /// A part of the trace that a request names, or of a new one. What cannot be read counts as not there, as the
    /// recommendation demands.
    pub fn of(headers: &HeaderMap) -> Self {
        let mut given = headers.get_all(HEADER).iter();
        let one = given.next().filter(|_| given.next().is_none()).and_then(|value| value.to_str().ok());
        Self::continuing(one)
    }

    /// A part of the trace with this `traceparent`, or of a new one.
    pub fn continuing(traceparent: Option<&str>) -> Self {
        traceparent.and_then(Self::parse).map_or_else(Self::new, Self::child)
    }

    /// Reads a `traceparent`. Of a later version only what version 00 knows counts.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('-');
        let (version, trace_id, span_id, flags) =
            (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let version = u8::from_str_radix(lower_hex(version, 2)?, 16).ok()?;
        if version == 0xff || (version == 0 && parts.next().is_some()) {
            return None;
        }
        let context = Self {
            trace_id: u128::from_str_radix(lower_hex(trace_id, 32)?, 16).ok()?,
            span_id: u64::from_str_radix(lower_hex(span_id, 16)?, 16).ok()?,
            // Bit 0 is "sampled"; the others have no meaning yet and are not passed on.
            flags: u8::from_str_radix(lower_hex(flags, 2)?, 16).ok()? & 1,
        };
        (context.trace_id != 0 && context.span_id != 0).then_some(context)
    }

    /// The trace's id, as logs and tracing systems show it: 32 hexadecimal digits.
    pub fn trace_id(self) -> impl fmt::Display {
        TraceId(self.trace_id)
    }
}

impl Default for TraceContext {
    fn default() -> Self {
        Self::new()
    }
}

/// As a `traceparent`.
impl fmt::Display for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "00-{:032x}-{:016x}-{:02x}", self.trace_id, self.span_id, self.flags)
    }
}

struct TraceId(u128);

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

fn lower_hex(text: &str, len: usize) -> Option<&str> {
    let plain = text.len() == len && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    plain.then_some(text)
}

/// Runs `future` as this part of a trace.
pub fn scope<F: Future>(context: TraceContext, future: F) -> TaskLocalFuture<TraceContext, F> {
    CURRENT.scope(context, future)
}

/// What the running task is part of.
pub fn current() -> Option<TraceContext> {
    CURRENT.try_with(|context| *context).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const GIVEN: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn a_context_reads_back_as_it_was_written() {
        assert_eq!(TraceContext::parse(GIVEN).unwrap().to_string(), GIVEN);
        let new = TraceContext::new();
        assert_eq!(TraceContext::parse(&new.to_string()), Some(new));
    }

    #[test]
    fn a_child_has_the_same_trace_and_a_span_of_its_own() {
        let parent = TraceContext::parse(GIVEN).unwrap();
        let child = TraceContext::continuing(Some(GIVEN));
        assert_eq!(child.trace_id().to_string(), "4bf92f3577b34da6a3ce929d0e0e4736");
        assert_ne!(child.span_id, parent.span_id);
    }

    #[test]
    fn what_is_no_context_begins_a_new_trace() {
        for text in [
            "",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
            "00-+bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        ] {
            assert_eq!(TraceContext::parse(text), None, "{text}");
        }
        // A later version may say more behind it.
        let later = "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-03-more";
        assert_eq!(TraceContext::parse(later).unwrap().to_string(), GIVEN);
    }
}
