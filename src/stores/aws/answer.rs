//! Answers are read up to a size that none of Amazon's reaches: whoever answers without end costs time, not memory.

use aws_smithy_types::body::SdkBody;
use http_body::{Body, Frame, SizeHint};
use std::pin::Pin;
use std::task::{Context, Poll};

/// How many bytes of an answer are read. The largest one holds twenty secrets of 64 KiB, each byte written as `\u0000`:
/// 8 MB (<https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_BatchGetSecretValue.html>).
const LIMIT: u64 = 16 * 1024 * 1024;

/// A body that ends at the limit. What was cut off there is no JSON any more, and is told as any other nonsense.
pub(super) fn bounded(body: SdkBody) -> SdkBody {
    SdkBody::from_body_1_x(Bounded { body, left: LIMIT })
}

struct Bounded {
    body: SdkBody,
    left: u64,
}

impl Body for Bounded {
    type Data = <SdkBody as Body>::Data;
    type Error = <SdkBody as Body>::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        let this = self.get_mut();
        if this.left == 0 {
            return Poll::Ready(None);
        }
        let polled = Pin::new(&mut this.body).poll_frame(context);
        if let Poll::Ready(Some(Ok(frame))) = &polled
            && let Some(data) = frame.data_ref()
        {
            this.left = this.left.saturating_sub(data.len() as u64);
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0 || self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        Body::size_hint(&self.body)
    }
}
