//! The heap: blocks of a few dozen sizes, each with a list of those that were given back.
//!
//! hinit needs little memory, and the same little again and again. malloc sets itself up with half a
//! dozen system calls and several pages, and is a large part of a small binary; here the first blocks
//! lie in .bss, from a page on that is in use anyway. What hinit needs as a rule fits in there: so where
//! the kernel has no more memory to give, it says so before hinit starts, and not in its midst. What was
//! given back serves the next of its size, so that a long life needs no more than its busiest moment did.
//!
//! Where the kernel gives no more all the same, [`try_reserve`] says so to those who can do without, and
//! there is a reserve for the others, who need little. When that is used up too, see [`shortage`].
#![allow(
    clippy::cast_ptr_alignment,
    reason = "all blocks are aligned to more than a pointer"
)]

use std::alloc::{GlobalAlloc, Layout};
use std::cell::UnsafeCell;
use std::ptr;

use nix::libc;

mod failure;

use failure::Plan;
pub(crate) use failure::{
    OnAllocFailure, on_alloc_failure, on_alloc_failure_of_command, try_reserve,
};

/// All blocks are aligned to this, and their sizes are multiples of it.
const UNIT: usize = 16;
/// Up to here each multiple is a size of its own; above, each power of two.
const SMALL: usize = 512;
/// Larger ones the kernel gives, and gets back, by themselves.
const LARGE: usize = 16 * 1024;
const SIZES: usize = SMALL / UNIT + (LARGE / SMALL).ilog2() as usize;

/// What the first blocks are cut from, and then the others.
const ARENA: usize = 64 * 1024;
const CHUNK: usize = 64 * 1024;
/// For what cannot be refused. As long as it is not used it takes no memory.
const RESERVE: usize = 32 * 1024;

/// The state before the blocks, so that the first of them are on its page.
#[repr(C)]
struct Heap {
    state: UnsafeCell<State>,
    plan: Plan,
    arena: Arena<ARENA>,
    reserve: Arena<RESERVE>,
}

/// Aligned as the first blocks are to be.
#[repr(align(16))]
struct Arena<const SIZE: usize>(UnsafeCell<[u8; SIZE]>);

struct State {
    /// Of each size the block that was given back last; in it stands where the one before is.
    free: [*mut u8; SIZES],
    /// What blocks are cut from: the arena at first.
    chunk: *mut u8,
    /// How much of it is cut off, and of the reserve.
    used: usize,
    reserve_used: usize,
}

#[cfg_attr(not(any(test, fuzzing)), global_allocator)]
static HEAP: Heap = Heap::new();

// SAFETY: hinit has one thread, and its signal handler allocates nothing: no two calls overlap.
unsafe impl Sync for Heap {}

impl Heap {
    #[allow(clippy::large_stack_arrays, reason = "it is on no stack, but static")]
    const fn new() -> Self {
        Self {
            state: UnsafeCell::new(State {
                free: [ptr::null_mut(); SIZES],
                chunk: ptr::null_mut(),
                used: 0,
                reserve_used: 0,
            }),
            plan: Plan::new(),
            arena: Arena(UnsafeCell::new([0; ARENA])),
            reserve: Arena(UnsafeCell::new([0; RESERVE])),
        }
    }

    /// A block that was never used.
    fn cut(&self, state: &mut State, size: usize) -> *mut u8 {
        let (arena, end) = (self.arena.0.get().cast::<u8>(), state.used + size);
        if state.chunk.is_null() && end <= ARENA {
            state.used = end;
            return arena.wrapping_add(end - size);
        }
        if state.chunk.is_null() || end > CHUNK {
            let chunk = map(Layout::new::<[u8; CHUNK]>());
            if chunk.is_null() {
                return self.cut_reserve(state, size);
            }
            // The rest of the one before stays unused: less than one block.
            (state.chunk, state.used) = (chunk, 0);
        }
        state.used += size;
        state.chunk.wrapping_add(state.used - size)
    }

    fn cut_reserve(&self, state: &mut State, size: usize) -> *mut u8 {
        let start = state.reserve_used;
        // A path takes little, also where it could be refused.
        if self.plan.is_refusable() && size > SMALL || start + size > RESERVE {
            return ptr::null_mut();
        }
        state.reserve_used += size;
        self.reserve.0.get().cast::<u8>().wrapping_add(start)
    }

    /// A block, or null.
    fn allocate(&self, layout: Layout) -> *mut u8 {
        // SAFETY: no two calls overlap.
        let state = unsafe { &mut *self.state.get() };
        let Some((size, number)) = block(layout) else {
            return map(layout);
        };
        match state.free.get_mut(number) {
            Some(last) if !last.is_null() => {
                let block = *last;
                // SAFETY: it was given back, and then this was written to it.
                *last = unsafe { block.cast::<*mut u8>().read() };
                block
            }
            _ => self.cut(state, size),
        }
    }
}

/// The size of the blocks that so much fits into, and its number. None for what the kernel gives.
fn block(layout: Layout) -> Option<(usize, usize)> {
    let size = layout.size().max(1).next_multiple_of(UNIT);
    if layout.align() > UNIT || size > LARGE {
        return None;
    }
    if size <= SMALL {
        return Some((size, size / UNIT - 1));
    }
    let size = size.next_power_of_two();
    let above = (size / SMALL).ilog2() as usize;
    Some((size, SMALL / UNIT - 1 + above))
}

/// Whole pages. Null, if there are none left, or if this is to be aligned to more than a page.
fn map(layout: Layout) -> *mut u8 {
    // The smallest page of any architecture that hinit is built for.
    const PAGE: usize = 4096;
    if layout.align() > PAGE {
        return ptr::null_mut();
    }
    let (protection, flags) = (
        libc::PROT_READ | libc::PROT_WRITE,
        libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
    );
    // SAFETY: new pages are nobody else's.
    let pages = unsafe { libc::mmap(ptr::null_mut(), layout.size(), protection, flags, -1, 0) };
    if pages == libc::MAP_FAILED {
        return ptr::null_mut();
    }
    pages.cast()
}

// SAFETY: each block is one caller's from `alloc` to `dealloc`: it is either cut off what nobody has
// had, or taken off the list of those given back. It has at least the size of its layout, and its
// alignment: UNIT, or that of a page, which is more than any type of hinit's has.
unsafe impl GlobalAlloc for Heap {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        loop {
            let block = self.allocate(layout);
            if !block.is_null() || self.plan.is_refusable() {
                return block;
            }
            // Rust's library would abort.
            self.plan.follow();
        }
    }

    unsafe fn dealloc(&self, allocation: *mut u8, layout: Layout) {
        // SAFETY: no two calls overlap.
        let state = unsafe { &mut *self.state.get() };
        let Some((_, number)) = block(layout) else {
            // Should the kernel refuse (`vm.max_map_count`), they stay unused.
            // SAFETY: these pages are the caller's, who gives them back.
            unsafe { libc::munmap(allocation.cast(), layout.size()) };
            return;
        };
        if let Some(last) = state.free.get_mut(number) {
            // SAFETY: the block is the caller's, who gives it back, and has room for a pointer.
            unsafe { allocation.cast::<*mut u8>().write(*last) };
            *last = allocation;
        }
    }

    unsafe fn realloc(&self, allocation: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: the caller vouches for the new size.
        let wanted = unsafe { Layout::from_size_align_unchecked(size, layout.align()) };
        if block(wanted).is_some() && block(wanted) == block(layout) {
            return allocation;
        }
        // SAFETY: the new block is another, and as much is copied as both have; all else is the caller's.
        unsafe {
            let moved = self.alloc(wanted);
            if !moved.is_null() {
                allocation.copy_to_nonoverlapping(moved, size.min(layout.size()));
                self.dealloc(allocation, layout);
            }
            moved
        }
    }
}

#[cfg(test)]
mod tests;
