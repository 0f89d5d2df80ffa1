//! A buffer that leaves nothing behind.

use std::io::{self, Write};
use zeroize::Zeroizing;

/// Grows like a `Vec`, but wipes what it grew out of: a `Vec` gives its old memory back as it is.
#[derive(Default)]
pub(super) struct WipedBuffer(Zeroizing<Vec<u8>>);

impl WipedBuffer {
    /// What was written.
    pub(super) fn into_inner(self) -> Zeroizing<Vec<u8>> {
        self.0
    }
}

impl Write for WipedBuffer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let needed = self.0.len() + bytes.len();
        if needed > self.0.capacity() {
            let mut larger = Zeroizing::new(Vec::with_capacity(needed.max(4096).next_power_of_two()));
            larger.extend_from_slice(&self.0);
            self.0 = larger;
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_in_pieces_comes_out_whole() {
        let mut buffer = WipedBuffer::default();
        let text: Vec<u8> = (0..10_000_u32).map(|number| (number % 251) as u8).collect();
        for piece in text.chunks(77) {
            buffer.write_all(piece).unwrap();
        }
        assert_eq!(*buffer.into_inner(), text);
    }
}
