//! How several values are written into one variable.

/// What separates the values in an option's variable.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::cli) enum Separators {
    /// Nothing: the option may be given only once.
    None,
    BlanksOrCommas,
    Blanks,
    /// For values that may contain blanks and commas.
    Lines,
}

impl Separators {
    pub(in crate::cli) fn contain(self, byte: u8) -> bool {
        match self {
            Self::None => false,
            Self::BlanksOrCommas => matches!(byte, b' ' | b'\t' | b'\n' | b','),
            Self::Blanks => matches!(byte, b' ' | b'\t' | b'\n'),
            Self::Lines => byte == b'\n',
        }
    }
}
