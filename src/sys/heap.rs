//! The heap: blocks of a few dozen sizes, and for each size a list of the free blocks.
//!
//! hinit needs little memory, and the same amounts again and again. malloc makes half a dozen system calls at its
//! start, takes several pages, and is a large part of a small binary. Here the first blocks lie in .bss, and begin on
//! a page that is in use anyway. They are enough as a rule: so if the kernel is out of memory, that shows before hinit
//! starts, and not while a server runs. A free block serves the next request of its size, so that a long life needs no
//! more memory than its busiest moment did.
//!
//! If the kernel has no more memory all the same, [`try_reserve`] returns an error to callers that can continue without;
//! the others need little, and for them there is a reserve. When the reserve is used up too, see [`failure`].
//!
//! This is Rust's heap alone. Nothing in hinit calls malloc, so the binary contains none: there is no second allocator
//! whose blocks could be given to this one.
#![allow(
    clippy::cast_ptr_alignment,
    reason = "all blocks are aligned to more than a pointer"
)]

use std::alloc::{GlobalAlloc, Layout};
use std::cell::UnsafeCell;
use std::ptr;

use nix::libc;

mod failure;

use failure::FailurePolicy;
pub(crate) use failure::{OnAllocFailure, on_alloc_failure, try_reserve};

/// The alignment of all blocks. Their sizes are multiples of it.
const UNIT: usize = 16;
/// Up to this size there are blocks of each multiple of [`UNIT`]; above, of each power of two.
const SMALL: usize = 512;
/// A request above this size gets pages of its own from the kernel, and gives them back.
const LARGE: usize = 16 * 1024;
const SIZES: usize = SMALL / UNIT + (LARGE / SMALL).ilog2() as usize;

/// The first blocks are cut from the arena, which is in .bss, and later ones from chunks, which are mapped.
const ARENA: usize = 64 * 1024;
const CHUNK: usize = 64 * 1024;
/// For allocations that may not fail. As long as it is not used it takes no memory.
const RESERVE: usize = 32 * 1024;

/// The state comes before the blocks, so that the first blocks are on the same page.
#[repr(C)]
struct Heap {
    state: UnsafeCell<State>,
    policy: FailurePolicy,
    arena: Arena<ARENA>,
    reserve: Arena<RESERVE>,
}

/// Memory that blocks are cut from, aligned as they are.
#[repr(align(16))]
struct Arena<const SIZE: usize>(UnsafeCell<[u8; SIZE]>);

struct State {
    /// For each size the block that was freed last. A free block contains the address of the one freed before it.
    free: [*mut u8; SIZES],
    /// The chunk that blocks are cut from. Null: the arena.
    chunk: *mut u8,
    /// How many bytes of the chunk or the arena are in blocks, and how many of the reserve.
    used: usize,
    reserve_used: usize,
}

#[cfg_attr(not(any(test, fuzzing)), global_allocator)]
static HEAP: Heap = Heap::new();

// SAFETY: hinit has one thread, and its signal handler allocates nothing: no two calls overlap.
unsafe impl Sync for Heap {}

impl Heap {
    #[allow(
        clippy::large_stack_arrays,
        reason = "it is static and never on a stack"
    )]
    const fn new() -> Self {
        Self {
            state: UnsafeCell::new(State {
                free: [ptr::null_mut(); SIZES],
                chunk: ptr::null_mut(),
                used: 0,
                reserve_used: 0,
            }),
            policy: FailurePolicy::new(),
            arena: Arena(UnsafeCell::new([0; ARENA])),
            reserve: Arena(UnsafeCell::new([0; RESERVE])),
        }
    }

    /// Cuts a new block off the arena, a chunk or the reserve.
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
            // The rest of the last chunk stays unused: it is less than one block.
            (state.chunk, state.used) = (chunk, 0);
        }
        state.used += size;
        state.chunk.wrapping_add(state.used - size)
    }

    fn cut_reserve(&self, state: &mut State, size: usize) -> *mut u8 {
        let start = state.reserve_used;
        // Small allocations, such as a path, may use it even if their callers could continue without.
        if self.policy.may_fail() && size > SMALL || start + size > RESERVE {
            return ptr::null_mut();
        }
        state.reserve_used += size;
        self.reserve.0.get().cast::<u8>().wrapping_add(start)
    }

    /// Returns a block, or null if there is no memory.
    fn allocate(&self, layout: Layout) -> *mut u8 {
        // SAFETY: no two calls overlap.
        let state = unsafe { &mut *self.state.get() };
        let Some((size, number)) = block(layout) else {
            return map(layout);
        };
        match state.free.get_mut(number) {
            Some(last) if !last.is_null() => {
                let block = *last;
                // SAFETY: the block is free, and `dealloc` wrote this pointer to it.
                *last = unsafe { block.cast::<*mut u8>().read() };
                block
            }
            _ => self.cut(state, size),
        }
    }
}

/// The size of the blocks for this layout, and that size's number. None, if the kernel's pages are to serve it.
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

/// Maps whole pages. Null, if there is no memory, or if the layout's alignment is above a page.
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
    // SAFETY: the pages are new, so nothing else uses them.
    let pages = unsafe { libc::mmap(ptr::null_mut(), layout.size(), protection, flags, -1, 0) };
    if pages == libc::MAP_FAILED {
        return ptr::null_mut();
    }
    pages.cast()
}

// SAFETY: each block belongs to one caller from `alloc` to `dealloc`: it is either new, or taken off the list of free
// blocks. It has at least the size of its layout, and its alignment: UNIT, or that of a page; `map` refuses more.
unsafe impl GlobalAlloc for Heap {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        loop {
            let block = self.allocate(layout);
            if !block.is_null() || self.policy.may_fail() {
                return block;
            }
            // A null pointer would make Rust's library abort.
            self.policy.apply();
        }
    }

    unsafe fn dealloc(&self, allocation: *mut u8, layout: Layout) {
        // SAFETY: no two calls overlap.
        let state = unsafe { &mut *self.state.get() };
        let Some((_, number)) = block(layout) else {
            // If the kernel refuses (`vm.max_map_count`), the pages stay unused.
            // SAFETY: the caller owns these pages and frees them.
            unsafe { libc::munmap(allocation.cast(), layout.size()) };
            return;
        };
        if let Some(last) = state.free.get_mut(number) {
            // SAFETY: the caller owns the block and frees it, and it has room for a pointer.
            unsafe { allocation.cast::<*mut u8>().write(*last) };
            *last = allocation;
        }
    }

    unsafe fn realloc(&self, allocation: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: the caller guarantees that the new size is valid.
        let wanted = unsafe { Layout::from_size_align_unchecked(size, layout.align()) };
        if block(wanted).is_some() && block(wanted) == block(layout) {
            return allocation;
        }
        // SAFETY: the new block is another one, and no more is copied than both have room for; the caller guarantees
        // the rest.
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
