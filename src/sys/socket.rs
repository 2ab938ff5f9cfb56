//! Datagrams with their senders, and connections.

use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

use nix::errno::Errno;
use nix::libc;
use nix::unistd::Pid;

use super::raw::{call, int};

/// A datagram that was read.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Datagram {
    /// How many bytes of it there are, or there would be if it had fitted.
    pub(crate) length: usize,
    /// The sender; None: a process outside of the PID namespace.
    pub(crate) sender: Option<Pid>,
    /// The sender's UID; if the kernel passes none, `u32::MAX`, which no user has.
    pub(crate) user: u32,
}

/// Reads a datagram, if there is one, from a socket that passes credentials (`SO_PASSCRED`, unix(7)).
///
/// Not nix's: that returns an error where descriptors were sent along. Here there is room for the credentials, which
/// come first, and for nothing else, so the kernel itself closes the descriptors: hinit never gets them.
pub(crate) fn receive(socket: BorrowedFd, bytes: &mut [u8]) -> nix::Result<Datagram> {
    /// A `cmsghdr` and the `ucred` behind it, as Linux lays them out: with the length of the whole in a `long`, and
    /// aligned to one.
    #[repr(C)]
    struct Control {
        header: libc::cmsghdr,
        credentials: libc::ucred,
        #[cfg(target_pointer_width = "64")]
        padding: u32,
    }
    let mut control = MaybeUninit::<Control>::zeroed();
    let mut data = libc::iovec {
        iov_base: bytes.as_mut_ptr().cast(),
        iov_len: bytes.len(),
    };
    let flags = libc::MSG_DONTWAIT | libc::MSG_TRUNC | libc::MSG_CMSG_CLOEXEC;
    // SAFETY: all zeros is a value of each of these types. The kernel writes to `bytes` and `control`,
    // within the sizes given, and keeps no pointer.
    let (length, control) = unsafe {
        let mut message = MaybeUninit::<libc::msghdr>::zeroed().assume_init();
        message.msg_iov = &raw mut data;
        message.msg_iovlen = 1;
        message.msg_control = control.as_mut_ptr().cast();
        #[allow(
            clippy::useless_conversion,
            reason = "glibc has another type than musl"
        )]
        let length = size_of::<Control>().try_into();
        message.msg_controllen = length.unwrap_or_default();
        let length = libc::recvmsg(socket.as_raw_fd(), &raw mut message, flags);
        (Errno::result(length)?, control.assume_init())
    };
    let is_credentials = control.header.cmsg_level == libc::SOL_SOCKET
        && control.header.cmsg_type == libc::SCM_CREDENTIALS;
    Ok(Datagram {
        length: usize::try_from(length).unwrap_or_default(),
        sender: (is_credentials && control.credentials.pid > 0)
            .then(|| Pid::from_raw(control.credentials.pid)),
        user: if is_credentials {
            control.credentials.uid
        } else {
            u32::MAX
        },
    })
}

/// Accepts a connection, if there is one, that neither blocks nor is inherited (accept4(2)).
///
/// Not nix's: that returns a number, and not an owned descriptor.
pub(crate) fn accept(listener: BorrowedFd) -> nix::Result<OwnedFd> {
    let flags = libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK;
    let no_address = 0;
    let arguments = [
        int(listener.as_raw_fd()),
        no_address,
        no_address,
        int(flags),
    ];
    // SAFETY: without an address to write to the kernel writes none; it makes this descriptor for us.
    unsafe {
        let accepted = RawFd::try_from(call(libc::SYS_accept4, arguments)?);
        accepted
            .map(|fd| OwnedFd::from_raw_fd(fd))
            .map_err(|_| Errno::EBADF)
    }
}

#[cfg(test)]
mod tests {
    use std::io::{IoSlice, pipe};
    use std::os::fd::AsFd;
    use std::os::unix::net::UnixDatagram;

    use nix::sys::socket::{ControlMessage, MsgFlags, sendmsg, setsockopt, sockopt};
    use nix::unistd::getpid;

    use super::*;
    use crate::sys::effective_user;

    fn pair() -> (UnixDatagram, UnixDatagram) {
        let (ours, theirs) = UnixDatagram::pair().unwrap();
        setsockopt(&ours, sockopt::PassCred, &true).unwrap();
        (ours, theirs)
    }

    #[test]
    fn a_datagram_has_its_sender_and_its_whole_length() {
        let (ours, theirs) = pair();
        let mut bytes = [0; 8];
        assert_eq!(receive(ours.as_fd(), &mut bytes), Err(Errno::EAGAIN));
        for (sent, length) in [(&b"READY=1"[..], 7), (b"", 0), (&[b'x'; 5000], 5000)] {
            theirs.send(sent).unwrap();
            let sender = Some(getpid());
            assert_eq!(
                receive(ours.as_fd(), &mut bytes),
                Ok(Datagram {
                    length,
                    sender,
                    user: effective_user()
                })
            );
        }
        assert_eq!(&bytes, b"xxxxxxxx");
    }

    #[test]
    fn descriptors_sent_along_are_closed() {
        let (ours, theirs) = pair();
        let (mut reader, writer) = pipe().unwrap();
        let fds = [writer.as_raw_fd(); 100];
        let rights = [ControlMessage::ScmRights(&fds)];
        let bytes = [IoSlice::new(b"BARRIER=1")];
        let to = theirs.as_raw_fd();
        sendmsg::<()>(to, &bytes, &rights, MsgFlags::empty(), None).unwrap();
        drop(writer);
        let datagram = receive(ours.as_fd(), &mut [0; 16]).unwrap();
        assert_eq!(datagram.sender, Some(getpid()));
        // No process has the other end any more.
        assert_eq!(std::io::Read::read(&mut reader, &mut [0]).unwrap(), 0);
    }
}
