//! The heap: blocks of a few dozen sizes, each with a list of those that were given back.
//!
//! hinit needs little memory, and the same little again and again. malloc sets itself up with half a
//! dozen system calls and several pages, and is a large part of a small binary; here the first blocks
//! lie in .bss, from a page on that is in use anyway. What hinit needs as a rule fits in there: so where
//! the kernel has no more memory to give, it says so before hinit starts, and not in its midst. What was
//! given back serves the next of its size, so that a long life needs no more than its busiest moment did.
#![allow(
    clippy::cast_ptr_alignment,
    reason = "all blocks are aligned to more than a pointer"
)]

use std::alloc::{GlobalAlloc, Layout};
use std::cell::UnsafeCell;
use std::ptr;

use nix::libc;

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

/// The state before the blocks, so that the first of them are on its page.
#[repr(C)]
struct Heap {
    state: UnsafeCell<State>,
    arena: Arena,
}

/// Aligned as the first blocks are to be.
#[repr(align(16))]
struct Arena(UnsafeCell<[u8; ARENA]>);

struct State {
    /// Of each size the block that was given back last; in it stands where the one before is.
    free: [*mut u8; SIZES],
    /// What blocks are cut from: the arena at first.
    chunk: *mut u8,
    /// How much of it is cut off.
    used: usize,
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
            }),
            arena: Arena(UnsafeCell::new([0; ARENA])),
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
            let chunk = map(CHUNK);
            if chunk.is_null() {
                return chunk;
            }
            // The rest of the one before stays unused: less than one block.
            (state.chunk, state.used) = (chunk, 0);
        }
        state.used += size;
        state.chunk.wrapping_add(state.used - size)
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

/// Whole pages. Null, if there are none left.
fn map(size: usize) -> *mut u8 {
    let (protection, flags) = (
        libc::PROT_READ | libc::PROT_WRITE,
        libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
    );
    // SAFETY: new pages are nobody else's.
    let pages = unsafe { libc::mmap(ptr::null_mut(), size, protection, flags, -1, 0) };
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
        // SAFETY: no two calls overlap.
        let state = unsafe { &mut *self.state.get() };
        let Some((size, number)) = block(layout) else {
            return map(layout.size());
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

    unsafe fn dealloc(&self, allocation: *mut u8, layout: Layout) {
        // SAFETY: no two calls overlap.
        let state = unsafe { &mut *self.state.get() };
        let Some((_, number)) = block(layout) else {
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

#[cfg(not(any(test, fuzzing)))]
mod c;

#[cfg(test)]
mod tests {
    use super::*;

    fn layout(size: usize, align: usize) -> Layout {
        Layout::from_size_align(size, align).unwrap()
    }

    #[test]
    fn which_block_so_much_fits_into() {
        for (size, expected) in [
            (0, Some((16, 0))),
            (1, Some((16, 0))),
            (16, Some((16, 0))),
            (17, Some((32, 1))),
            (512, Some((512, 31))),
            (513, Some((1024, 32))),
            (1025, Some((2048, 33))),
            (LARGE, Some((LARGE, SIZES - 1))),
            (LARGE + 1, None),
        ] {
            assert_eq!(block(layout(size, 8)), expected, "{size}");
        }
        assert_eq!(block(layout(1, 64)), None);
    }

    /// What was handed out, and what stands in it.
    struct Given(*mut u8, Layout, u8);

    impl Given {
        fn new(heap: &Heap, layout: Layout, fill: u8) -> Self {
            // SAFETY: the layout is not of size zero, and what is written is what was asked for.
            unsafe {
                let block = heap.alloc(layout);
                assert!(!block.is_null() && block.addr().is_multiple_of(layout.align()));
                block.write_bytes(fill, layout.size());
                Self(block, layout, fill)
            }
        }

        fn resize(self, heap: &Heap, size: usize) -> Self {
            let Self(block, old, fill) = self;
            // SAFETY: the block is this heap's, and all that is written lies in what it has become.
            unsafe {
                let block = heap.realloc(block, old, size);
                assert!(holds(block, size.min(old.size()), fill));
                block.write_bytes(fill, size);
                Self(block, layout(size, old.align()), fill)
            }
        }

        fn give_back(self, heap: &Heap) {
            let Self(block, layout, fill) = self;
            // SAFETY: the block is this heap's, and is given back once.
            unsafe {
                assert!(holds(block, layout.size(), fill), "it is another's as well");
                heap.dealloc(block, layout);
            }
        }
    }

    /// Compared as a whole: byte by byte Miri takes minutes.
    ///
    /// # Safety
    /// As many bytes must be there.
    unsafe fn holds(block: *const u8, size: usize, fill: u8) -> bool {
        // SAFETY: the caller vouches for them.
        unsafe { std::slice::from_raw_parts(block, size) == vec![fill; size] }
    }

    #[test]
    fn what_was_given_back_is_used_again() {
        let heap = Heap::new();
        let one = Given::new(&heap, layout(40, 8), 1);
        let (first, _two) = (one.0, Given::new(&heap, layout(40, 8), 2));
        one.give_back(&heap);
        assert_eq!(Given::new(&heap, layout(33, 1), 3).0, first);
        let used = |heap: &Heap| {
            // SAFETY: nobody allocates meanwhile.
            let state = unsafe { &*heap.state.get() };
            (state.chunk, state.used)
        };
        let before = used(&heap);
        for _ in 0..1000 {
            Given::new(&heap, layout(100, 8), 4).give_back(&heap);
        }
        assert_eq!(used(&heap), (before.0, before.1 + 112));
    }

    #[test]
    fn the_first_blocks_fill_the_arena_and_no_more() {
        let heap = Heap::new();
        let first: Vec<Given> = (0..ARENA / LARGE)
            .map(|_| Given::new(&heap, layout(LARGE, 1), 1))
            .collect();
        let arena = heap.arena.0.get().addr();
        let lies_in_it = |given: &Given| (arena..arena + ARENA).contains(&given.0.addr());
        assert!(first.iter().all(lies_in_it));
        assert!(!lies_in_it(&Given::new(&heap, layout(UNIT, 1), 2)));
        for given in first {
            given.give_back(&heap);
        }
    }

    /// Miri takes its time.
    const ROUNDS: u64 = if cfg!(miri) { 200 } else { 20_000 };

    #[test]
    fn no_two_have_the_same_memory() {
        let heap = Heap::new();
        let mut held: Vec<Given> = Vec::new();
        let mut random = 1_u64;
        for round in 0..ROUNDS {
            random = random
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(round);
            let number = usize::try_from(random >> 40).unwrap();
            let size = 1 + number % [24, 300, 3000, 40_000][number / 7 % 4];
            match (number % 3, held.is_empty()) {
                (0, false) => held.swap_remove(number % held.len()).give_back(&heap),
                (1, false) => {
                    let resized = held.swap_remove(number % held.len()).resize(&heap, size);
                    held.push(resized);
                }
                _ => {
                    let align = [1, 8, 16, 64][number / 11 % 4];
                    let fill = u8::try_from(number % 251).unwrap();
                    held.push(Given::new(&heap, layout(size, align), fill));
                }
            }
            if held.len() > 200 {
                held.remove(0).give_back(&heap);
            }
        }
        for given in held {
            given.give_back(&heap);
        }
    }
}
