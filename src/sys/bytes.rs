//! Bytes on the stack that are not set to 0 first.

use std::mem::MaybeUninit;
use std::ptr;

/// Up to N bytes. To set all of them to 0 would take longer than to write the few that a text has.
pub(crate) struct Bytes<const N: usize> {
    /// The first `length` are written.
    bytes: [MaybeUninit<u8>; N],
    length: usize,
}

impl<const N: usize> Bytes<N> {
    pub(crate) const fn new() -> Self {
        Self {
            bytes: [MaybeUninit::uninit(); N],
            length: 0,
        }
    }

    pub(crate) fn as_slice(&self) -> &[u8] {
        let written = self.bytes.get(..self.length).unwrap_or_default();
        // SAFETY: `push` has written these, and a MaybeUninit is laid out as what it holds.
        unsafe { &*(ptr::from_ref(written) as *const [u8]) }
    }

    /// How many bytes more there is room for.
    pub(crate) fn room(&self) -> usize {
        N - self.length
    }

    /// Appends these bytes, if there is room for all of them.
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        let end = self.length + bytes.len();
        if let Some(room) = self.bytes.get_mut(self.length..end) {
            for (place, byte) in room.iter_mut().zip(bytes) {
                place.write(*byte);
            }
            self.length = end;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_finds_no_room_is_left_out() {
        let mut bytes = Bytes::<4>::new();
        for (pushed, all, room) in [
            ("", "", 4),
            ("ab", "ab", 2),
            ("", "ab", 2),
            ("cde", "ab", 2),
            ("cd", "abcd", 0),
            ("f", "abcd", 0),
        ] {
            bytes.push(pushed.as_bytes());
            assert_eq!((bytes.as_slice(), bytes.room()), (all.as_bytes(), room));
        }
    }
}
