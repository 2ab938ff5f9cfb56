//! How several values are written into one variable.

/// What separates the values in an option's variable.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::cli) enum Separators {
    /// Nothing: the option may be given only once.
    None,
    BlanksOrCommas,
    /// The same, and a value on the command line is a list too.
    List,
    Blanks,
    /// For values that may contain blanks and commas.
    Lines,
}

impl Separators {
    /// What separates the values on the command line.
    pub(in crate::cli) fn of_argument(self) -> Self {
        match self {
            Self::List => Self::List,
            _ => Self::None,
        }
    }

    pub(in crate::cli) fn contain(self, byte: u8) -> bool {
        match self {
            Self::None => false,
            Self::BlanksOrCommas | Self::List => matches!(byte, b' ' | b'\t' | b'\n' | b','),
            Self::Blanks => matches!(byte, b' ' | b'\t' | b'\n'),
            Self::Lines => byte == b'\n',
        }
    }
}
