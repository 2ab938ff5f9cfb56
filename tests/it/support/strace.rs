//! System calls in strace's options and output.

/// A system call by its names on machines of 64 bits and of 32, for `trace=` and `inject=`. The names that a machine
/// does not have are no error.
pub fn of_any_width(call: &str) -> String {
    format!("?{call},?{call}64,?{call}32")
}

/// Whether it is that call, on machines of 64 bits or of 32.
pub fn is_call(name: &str, call: &str) -> bool {
    matches!(name.strip_prefix(call), Some("" | "64" | "32"))
}
