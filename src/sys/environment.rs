//! hinit's environment, which becomes the server's.
//!
//! Not by setenv(3) and getenv(3): those link malloc, and free and change what was read before. Here neither a
//! variable nor a list of them changes or goes once it is there; each change makes a new list. So what was read stays
//! valid, also for the child that shares hinit's memory.

use std::ffi::{CStr, OsStr};
use std::os::unix::ffi::OsStrExt;
use std::ptr;

use nix::libc::c_char;

use super::own_process::{pidfd_number, process_id};

/// The address of each variable (`NAME=VALUE`), and a null pointer: as execve(2) takes them.
type List = *const *const c_char;

unsafe extern "C" {
    /// `environ(7)`.
    static mut environ: List;
}

/// Each variable of a list.
///
/// # Safety
/// The list must be hinit's environment, the current one or an earlier one.
unsafe fn variables(mut list: List) -> impl Iterator<Item = *const c_char> {
    std::iter::from_fn(move || {
        // SAFETY: it ends with a null pointer. A caller that clears the whole environment leaves no list at all.
        unsafe {
            let variable = list.as_ref().copied().filter(|it| !it.is_null())?;
            list = list.add(1);
            Some(variable)
        }
    })
}

/// What follows in a variable that begins with `start`.
///
/// # Safety
/// It must be a variable of hinit's environment.
unsafe fn after(mut variable: *const c_char, start: &[u8]) -> Option<*const c_char> {
    for byte in start {
        // SAFETY: the string ends with a NUL, and this goes no further.
        unsafe {
            if *byte == 0 || variable.cast::<u8>().read() != *byte {
                return None;
            }
            variable = variable.add(1);
        }
    }
    Some(variable)
}

/// The value of a variable, if it has this name.
///
/// # Safety
/// It must be a variable of hinit's environment.
unsafe fn value(variable: *const c_char, name: &[u8]) -> Option<*const c_char> {
    // SAFETY: the caller guarantees the variable.
    unsafe { after(after(variable, name)?, b"=") }
}

/// The value of a variable (`getenv(3)`).
pub(crate) fn environment(name: &[u8]) -> Option<&'static OsStr> {
    // SAFETY: these are hinit's variables, which stay.
    unsafe {
        let value = variables(environ).find_map(|variable| value(variable, name))?;
        Some(OsStr::from_bytes(CStr::from_ptr(value).to_bytes()))
    }
}

/// Calls `call` with each variable (`NAME=VALUE`) that begins with `prefix`.
pub(crate) fn each_variable(prefix: &[u8], call: &mut dyn FnMut(&'static [u8])) {
    // SAFETY: these are hinit's variables, which stay.
    unsafe {
        for variable in variables(environ) {
            if after(variable, prefix).is_some() {
                call(CStr::from_ptr(variable).to_bytes());
            }
        }
    }
}

/// Sets a variable, for the server.
pub(crate) fn set_environment(name: &CStr, value: &CStr) {
    let variable = [name.to_bytes(), b"=", value.to_bytes_with_nul()].concat();
    // SAFETY: hinit has one thread, and the new list is one of C strings that stay.
    unsafe { environ = changed(environ, name, Vec::leak(variable).as_ptr().cast()) };
}

/// Removes a variable, for the server.
pub(crate) fn unset_environment(name: &CStr) {
    if environment(name.to_bytes()).is_some() {
        // SAFETY: hinit has one thread, and the new list is one of C strings that stay.
        unsafe { environ = changed(environ, name, ptr::null()) };
    }
}

/// A new list, in which the variables of this name are replaced by this one, or by none.
///
/// # Safety
/// The list must be hinit's environment, the current one or an earlier one.
unsafe fn changed(list: List, name: &CStr, new: *const c_char) -> List {
    let mut changed = Vec::new();
    // SAFETY: the caller guarantees the list.
    unsafe {
        changed
            .extend(variables(list).filter(|variable| value(*variable, name.to_bytes()).is_none()));
    }
    changed.extend((!new.is_null()).then_some(new));
    changed.push(ptr::null());
    Vec::leak(changed).as_ptr()
}

/// The server's environment: hinit's current one, with the child's own numbers, which the child itself writes.
pub(crate) struct ServerEnvironment {
    list: List,
    own_pid: Option<NumberVariable>,
    own_pidfd: Option<NumberVariable>,
}

impl ServerEnvironment {
    /// Makes room for the PID and for the number of the pidfd, in the variables of these names.
    pub(crate) fn new(own_pid: Option<&CStr>, own_pidfd: Option<&CStr>) -> Self {
        // SAFETY: hinit has one thread.
        let mut list = unsafe { environ };
        let mut room = |name| NumberVariable::new(name, &mut list);
        Self {
            own_pid: own_pid.map(&mut room),
            own_pidfd: own_pidfd.map(room),
            list,
        }
    }

    /// Writes the caller's numbers.
    ///
    /// # Safety
    /// The caller must be the child: no other process reads or writes this list meanwhile.
    pub(super) unsafe fn complete(&self) {
        // SAFETY: the caller guarantees the memory.
        unsafe {
            if let Some(variable) = &self.own_pid {
                variable.set(process_id() as u64);
            }
            if let Some(variable) = &self.own_pidfd {
                match pidfd_number() {
                    Ok(number) => variable.set(number),
                    Err(_) => variable.unset(),
                }
            }
        }
    }

    pub(super) fn list(&self) -> List {
        self.list
    }
}

/// A variable with room for a number. It is in no list but one, so hinit itself never reads it.
struct NumberVariable {
    name: *mut u8,
    value: *mut u8,
}

impl NumberVariable {
    /// As many digits as a number of 64 bits can have.
    const DIGITS: usize = 20;

    fn new(name: &CStr, list: &mut List) -> Self {
        let room = [0; Self::DIGITS + 1];
        let variable = Vec::leak([name.to_bytes(), b"=", &room].concat()).as_mut_ptr();
        // SAFETY: the list is the environment.
        *list = unsafe { changed(*list, name, variable.cast()) };
        Self {
            name: variable,
            value: variable.wrapping_add(name.count_bytes() + 1),
        }
    }

    /// Leaves an empty string in the list, which has no name.
    ///
    /// # Safety
    /// As for `ServerEnvironment::complete`.
    unsafe fn unset(&self) {
        // SAFETY: the caller guarantees it.
        unsafe { self.name.write(0) };
    }

    /// # Safety
    /// As for `ServerEnvironment::complete`.
    unsafe fn set(&self, number: u64) {
        let mut digits = [0_u8; Self::DIGITS + 1];
        let (mut rest, mut start) = (number, Self::DIGITS);
        for (at, digit) in digits.iter_mut().enumerate().rev().skip(1) {
            *digit = b'0' + u8::try_from(rest % 10).unwrap_or_default();
            (rest, start) = (rest / 10, at);
            if rest == 0 {
                break;
            }
        }
        let shown = digits.get(start..).unwrap_or_default();
        // SAFETY: the room is for DIGITS bytes and a NUL, and the caller guarantees it.
        unsafe { ptr::copy_nonoverlapping(shown.as_ptr(), self.value, shown.len()) };
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::CString;

    use super::*;

    /// A list of these variables, which stays.
    fn list(variables: &[&str]) -> List {
        let mut list: Vec<_> = variables
            .iter()
            .map(|text| CString::new(*text).unwrap().into_raw().cast_const())
            .collect();
        list.push(ptr::null());
        Vec::leak(list).as_ptr()
    }

    fn texts(list: List) -> Vec<&'static str> {
        // SAFETY: `list` and `changed` made it.
        let texts = unsafe { variables(list).map(|it| CStr::from_ptr(it).to_str().unwrap()) };
        texts.collect()
    }

    #[test]
    fn a_change_replaces_every_variable_of_that_name_and_leaves_the_old_list() {
        let before = ["A=1", "AB=2", "A=3", "A", "B=A=4", ""];
        let old = list(&before);
        // SAFETY: the lists and variables stay.
        unsafe {
            let set = changed(old, c"A", c"A=5".as_ptr());
            assert_eq!(texts(set), ["AB=2", "A", "B=A=4", "", "A=5"]);
            assert_eq!(
                texts(changed(set, c"A", ptr::null())),
                ["AB=2", "A", "B=A=4", ""]
            );
            assert_eq!(texts(changed(ptr::null(), c"A", ptr::null())), [""; 0]);
        }
        assert_eq!(texts(old), before);
    }

    #[test]
    fn a_prefix_is_compared_up_to_the_end_of_the_variable() {
        let text = c"HINIT_X=1";
        for (start, rest) in [
            (&b"HINIT_"[..], Some("X=1")),
            (b"", Some("HINIT_X=1")),
            (b"HINIT_X=1", Some("")),
            (b"HINIT_X=1\0", None),
            (b"HINIT_X=12", None),
            (b"hinit", None),
        ] {
            // SAFETY: it is a C string.
            let found = unsafe { after(text.as_ptr(), start).map(|it| CStr::from_ptr(it)) };
            assert_eq!(found.map(|it| it.to_str().unwrap()), rest, "{start:?}");
        }
    }

    #[test]
    fn the_child_writes_its_numbers_into_a_list_of_its_own() {
        let environment = ServerEnvironment::new(Some(c"OWN_PID"), Some(c"OWN_PIDFD"));
        let Some(pidfd) = &environment.own_pidfd else {
            panic!("there is room for it")
        };
        for (number, shown) in [
            (u64::MAX, "OWN_PIDFD=18446744073709551615"),
            (7, "OWN_PIDFD=7"),
            (0, "OWN_PIDFD=0"),
        ] {
            // SAFETY: no other process has this list.
            unsafe { pidfd.set(number) };
            assert!(texts(environment.list).ends_with(&["OWN_PID=", shown]));
        }
        // SAFETY: as above.
        unsafe {
            environment.complete();
            pidfd.unset();
        }
        let own_pid = format!("OWN_PID={}", std::process::id());
        assert!(texts(environment.list).ends_with(&[&own_pid, ""]));
        assert_eq!(super::environment(b"OWN_PID"), None);
    }
}
