//! AWS Secrets Manager: the contract of stores over moto, what is special to the service, and what moto gets wrong.
//!
//! moto 5.2.5, repaired as `tests/support/moto.py` says, stands in the place of Amazon's service. What it does
//! differently all the same, as far as it matters here:
//!
//! | moto | the service | covered by |
//! |---|---|---|
//! | denies nothing | denies an action, or one secret of a batch | answers of our own: `reading`, `writing` |
//! | knows no KMS keys | `DecryptionFailure`, `EncryptionFailure`, a key that is not there | answers of our own: `reading`, `writing` |
//! | rotates nothing, belongs to no service, has no replicas worth the name | refuses writes to some of them | answers of our own: `writing` |
//! | answers every name of a batch | may leave some to a next page | answers of our own: `reading` |
//! | CreateSecret on a secret without a value makes a version | `ResourceExistsException` | answers of our own: `writing` |
//! | never throttles, is never late | does, and is | the tests of the layers |
//!
//! The "answers of our own" come from the forwarder in front of moto, in the service's protocol (JSON 1.1).

#![allow(clippy::result_large_err, reason = "a store error travels once, to the assertion")]

mod contract;
mod reading;
mod scene;
mod writing;
