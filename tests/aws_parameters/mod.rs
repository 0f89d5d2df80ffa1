//! AWS Parameter Store: the contract of stores over moto, what is special to the service, and what moto gets wrong.
//!
//! moto 5.2.5, repaired as `tests/support/moto.py` says, stands in the place of Amazon's service. What it does
//! differently all the same, as far as it matters here:
//!
//! | moto | the service | covered by |
//! |---|---|---|
//! | takes values over 4 KB and 8 KB, `{{ }}`, names of any characters and depth | refuses them | refused before a request: `writing`, and the tests of `names` |
//! | takes another type, a lower tier, an unknown KMS key, a value that `AllowedPattern` excludes | refuses them | answers of our own: `refusals` |
//! | takes `PutParameter` of a name that is gone, without a type, with overwriting | refuses it | not relied on |
//! | a full last page has a next one, which is empty | it may | counted with it: `reading` |
//! | answers a bad `NextToken` with a page of HTML, status 500 | `InvalidNextToken` | answers of our own: `refusals` |
//! | shows `kms:KEY:` and the plaintext where nothing is decrypted | ciphertext | dropped unread: `reading` |
//! | denies nothing, and never for one name of a batch | a denied KMS key fails the batch | answers of our own: `refusals` |
//! | never throttles, is never late | does, and is | answers of our own: `refusals` |
//!
//! The "answers of our own" come from the forwarder in front of moto, in the service's protocol (JSON 1.1).

mod contract;
mod reading;
mod refusals;
mod scene;
mod writing;
