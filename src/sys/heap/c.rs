//! C's four, for what libc itself allocates: the environment that was changed, a directory's entries.
//! Before each block stands its size.

use std::alloc::{GlobalAlloc, Layout};
use std::ffi::c_void;
use std::ptr;

use super::{HEAP, UNIT};

fn layout(size: usize) -> Option<Layout> {
    Layout::from_size_align(size.checked_add(UNIT)?, UNIT).ok()
}

#[unsafe(no_mangle)]
extern "C" fn malloc(size: usize) -> *mut c_void {
    let Some(layout) = layout(size) else {
        return ptr::null_mut();
    };
    // libc looks what it got.
    let block = HEAP.allocate(layout);
    if block.is_null() {
        return ptr::null_mut();
    }
    // SAFETY: the block's first bytes are this function's.
    unsafe {
        block.cast::<usize>().write(size);
        block.add(UNIT).cast()
    }
}

#[unsafe(no_mangle)]
extern "C" fn calloc(count: usize, size: usize) -> *mut c_void {
    let size = count.saturating_mul(size);
    let block = malloc(size);
    if !block.is_null() {
        // SAFETY: it has this size.
        unsafe { block.cast::<u8>().write_bytes(0, size) };
    }
    block
}

#[unsafe(no_mangle)]
unsafe extern "C" fn free(block: *mut c_void) {
    if block.is_null() {
        return;
    }
    // SAFETY: the caller got it from one of these, which all write its size before it.
    unsafe {
        let block = block.cast::<u8>().sub(UNIT);
        if let Some(layout) = layout(block.cast::<usize>().read()) {
            HEAP.dealloc(block, layout);
        }
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn realloc(block: *mut c_void, size: usize) -> *mut c_void {
    let moved = malloc(size);
    // SAFETY: as for `free`; as much is copied as both have.
    unsafe {
        if !moved.is_null() && !block.is_null() {
            let old = block.cast::<u8>().sub(UNIT).cast::<usize>().read();
            moved
                .cast::<u8>()
                .copy_from_nonoverlapping(block.cast(), old.min(size));
            free(block);
        }
    }
    moved
}
