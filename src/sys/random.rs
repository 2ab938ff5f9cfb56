//! Random bytes for keys.

use nix::errno::Errno;
use nix::libc;

/// Fills the buffer from the kernel's generator (getrandom(2)).
///
/// By libc's function, and not without libc: std names it as a weak symbol, which is linked only if something else needs
/// it, and docker/build's direct access to symbols takes a missing one for a function at address 0 of the binary.
pub(crate) fn fill_with_random(mut bytes: &mut [u8]) -> nix::Result<()> {
    while !bytes.is_empty() {
        // SAFETY: the kernel writes at most that many bytes, and keeps no pointer.
        let filled = unsafe { libc::getrandom(bytes.as_mut_ptr().cast(), bytes.len(), 0) };
        let filled = usize::try_from(filled).map_err(|_| Errno::last())?;
        bytes = bytes.get_mut(filled..).ok_or(Errno::EIO)?;
    }
    Ok(())
}
