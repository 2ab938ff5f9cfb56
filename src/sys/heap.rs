//! The heap: a small arena first, libc's malloc when that is full.
//!
//! hinit needs little memory, and gives nearly all of it back in the reverse order. malloc sets
//! up its heap with half a dozen system calls and several pages; an arena in .bss costs the one
//! page that is touched.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::UnsafeCell;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

struct Heap(UnsafeCell<[u8; Self::SIZE]>);

#[cfg_attr(not(any(test, fuzzing)), global_allocator)]
static HEAP: Heap = Heap(UnsafeCell::new([0; Heap::SIZE]));

/// How many bytes at the end of the arena are free. (Counted like that it is not zero at first, and
/// lies on a page that is in use already. Atomic only because a static must be Sync.)
static FREE: AtomicUsize = AtomicUsize::new(Heap::SIZE);

impl Heap {
    const SIZE: usize = 3 * 1024;

    /// Where in the arena an allocation begins; None if it is malloc's.
    fn offset(&self, allocation: *mut u8) -> Option<usize> {
        let offset = allocation.addr().wrapping_sub(self.0.get().addr());
        (offset < Self::SIZE).then_some(offset)
    }
}

// SAFETY: hinit has one thread, and its signal handler allocates nothing: no two calls overlap.
unsafe impl Sync for Heap {}

// SAFETY: each part of the arena is handed out once, until it is given back: FREE shrinks by what
// is handed out, and grows only by what was handed out last.
unsafe impl GlobalAlloc for Heap {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let base = self.0.get().cast::<u8>();
        let used = Self::SIZE - FREE.load(Relaxed);
        let padding = base.wrapping_add(used).align_offset(layout.align());
        let start = used.saturating_add(padding);
        let end = start.saturating_add(layout.size());
        if end > Self::SIZE {
            // SAFETY: the layout is the caller's.
            return unsafe { System.alloc(layout) };
        }
        FREE.store(Self::SIZE - end, Relaxed);
        base.wrapping_add(start)
    }

    unsafe fn dealloc(&self, allocation: *mut u8, layout: Layout) {
        match self.offset(allocation) {
            Some(start) if start + layout.size() == Self::SIZE - FREE.load(Relaxed) => {
                FREE.store(Self::SIZE - start, Relaxed);
            }
            // Not the last one: its place stays unused.
            Some(_) => {}
            // SAFETY: what is not in the arena came from `System`, with this layout.
            None => unsafe { System.dealloc(allocation, layout) },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Allocates, writes all of it, and tells where it begins.
    fn allocate(heap: &Heap, size: usize, align: usize) -> (*mut u8, Layout) {
        let layout = Layout::from_size_align(size, align).unwrap();
        // SAFETY: the layout is not of size zero, and what is written is what was asked for.
        unsafe {
            let allocation = heap.alloc(layout);
            allocation.write_bytes(0xa5, size);
            (allocation, layout)
        }
    }

    #[test]
    fn the_arena_is_used_and_used_again_and_malloc_takes_the_rest() {
        // This program's own allocator is another one: FREE is this test's alone.
        let free = || FREE.load(Relaxed);
        let (one, one_layout) = allocate(&HEAP, 3, 1);
        let (two, two_layout) = allocate(&HEAP, 64, 64);
        assert_eq!(two.addr() % 64, 0);
        assert!(HEAP.offset(one).unwrap() + 3 <= HEAP.offset(two).unwrap());
        let (big, big_layout) = allocate(&HEAP, Heap::SIZE, 1);
        assert_eq!(HEAP.offset(big), None);
        // SAFETY: each is given back once, with its layout.
        unsafe {
            HEAP.dealloc(big, big_layout);
            let before = free();
            HEAP.dealloc(two, two_layout);
            assert_eq!(free(), before + 64);
            let (again, layout) = allocate(&HEAP, 64, 64);
            assert_eq!(again, two);
            HEAP.dealloc(one, one_layout);
            assert_eq!(free(), before, "what was not handed out last stays unused");
            HEAP.dealloc(again, layout);
        }
    }
}
