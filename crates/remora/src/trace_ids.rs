//! Trace ids: the trace of a request has the request's correlation vector as its id, so that a vector in a response or
//! in the log leads to the trace.

use std::cell::Cell;

use opentelemetry::{
    Context,
    trace::{SpanBuilder, SpanId, TraceId, Tracer},
};
use opentelemetry_sdk::trace::{IdGenerator, RandomIdGenerator, SdkTracer, Span};
use remora_protocol::correlation;

thread_local! {
    /// Id of the trace that is being started on this thread. The SDK lets only the generator choose an id, which does
    /// not see the attributes of the span, and calls it on the thread that starts the span.
    static TRACE_ID: Cell<Option<TraceId>> = const { Cell::new(None) };
}

/// A tracer whose root spans with a correlation vector (`ms_cv`) start a trace with the vector's id. Its provider needs
/// [`CorrelatedIds`].
pub(crate) struct CorrelatedTracer(pub(crate) SdkTracer);

impl Tracer for CorrelatedTracer {
    type Span = Span;

    fn build_with_context(&self, builder: SpanBuilder, parent: &Context) -> Span {
        TRACE_ID.set(correlated_id(&builder));
        let span = self.0.build_with_context(builder, parent);
        TRACE_ID.set(None);
        span
    }
}

/// Generates random ids, except for the trace that a [`CorrelatedTracer`] is starting.
#[derive(Debug, Default)]
pub(crate) struct CorrelatedIds(RandomIdGenerator);

impl IdGenerator for CorrelatedIds {
    fn new_trace_id(&self) -> TraceId {
        TRACE_ID.take().unwrap_or_else(|| self.0.new_trace_id())
    }

    fn new_span_id(&self) -> SpanId {
        self.0.new_span_id()
    }
}

fn correlated_id(builder: &SpanBuilder) -> Option<TraceId> {
    let vector = builder.attributes.iter().flatten().find(|attribute| attribute.key.as_str() == "ms_cv")?;
    let id = TraceId::from_bytes(correlation::trace_id(&vector.value.as_str())?);
    (id != TraceId::INVALID).then_some(id)
}

#[cfg(test)]
mod tests {
    use opentelemetry::{
        KeyValue,
        trace::{Span as _, TraceContextExt as _, TracerProvider as _},
    };
    use opentelemetry_sdk::trace::SdkTracerProvider;

    use super::*;

    #[test]
    fn only_a_root_span_with_a_vector_has_its_id() {
        let provider = SdkTracerProvider::builder().with_id_generator(CorrelatedIds::default()).build();
        let tracer = CorrelatedTracer(provider.tracer("test"));
        let start = |vector: &str, parent: &Context| {
            let attributes = [KeyValue::new("ms_cv", vector.to_owned())];
            tracer.build_with_context(tracer.span_builder("request").with_attributes(attributes), parent)
        };
        let root = start("ZuyAfqDYD0i4xphbpH16SQ.0", &Context::new());
        let id = root.span_context().trace_id();
        assert_eq!(id.to_string(), "66ec807ea0d80f48b8c6985ba47d7a49");
        let parent = Context::new().with_remote_span_context(root.span_context().clone());
        let child = start("AAAAAAAAAAAAAAAAAAAAAQ.0", &parent);
        assert_eq!(child.span_context().trace_id(), id);
        for other in ["AAAAAAAAAAAAAAAAAAAAAA.0", "none"] {
            let other = start(other, &Context::new()).span_context().trace_id();
            assert!(other != id && other != TraceId::INVALID);
        }
    }
}
