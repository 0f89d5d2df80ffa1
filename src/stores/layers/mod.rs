//! What every vendor needs and none should write again: limits, pace, retries. Driven by capabilities alone.
//!
//! [`paced`] and [`retrying`] are payload stores over a payload store. [`checked`] is what a layout asks before the
//! first write of a batch: only a layout knows the whole batch.

pub mod checked;
pub mod paced;
pub mod retrying;

use super::payload::PayloadStore;
use crate::ports::{Clock, TimeBudget};
use paced::Paced;
use retrying::Retrying;
use std::rc::Rc;

/// A vendor's payloads with pace and retries, within the time budget. A repeated request keeps to the pace too.
#[must_use]
pub fn layered(payloads: Rc<dyn PayloadStore>, clock: Rc<dyn Clock>, budget: Rc<TimeBudget>) -> Rc<dyn PayloadStore> {
    let paced = Rc::new(Paced::new(payloads, Rc::clone(&clock), Rc::clone(&budget)));
    Rc::new(Retrying::new(paced, clock, budget))
}
