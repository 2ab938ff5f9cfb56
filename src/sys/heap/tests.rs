use super::*;

fn layout(size: usize, align: usize) -> Layout {
    Layout::from_size_align(size, align).unwrap()
}

#[test]
fn a_request_gets_the_smallest_block_that_fits() {
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

#[test]
fn an_alignment_above_a_page_is_refused() {
    assert!(Heap::new().allocate(layout(1, 8192)).is_null());
    assert!(Heap::new().allocate(layout(64 * 1024, 8192)).is_null());
    let page = Block::new(&Heap::new(), layout(1, 4096), 1);
    page.free(&Heap::new());
}

/// An allocated block, its layout, and the byte that fills it.
struct Block(*mut u8, Layout, u8);

impl Block {
    fn new(heap: &Heap, layout: Layout, fill: u8) -> Self {
        // SAFETY: the layout is not of size zero, and no more is written than was allocated.
        unsafe {
            let block = heap.alloc(layout);
            assert!(!block.is_null() && block.addr().is_multiple_of(layout.align()));
            block.write_bytes(fill, layout.size());
            Self(block, layout, fill)
        }
    }

    fn resize(self, heap: &Heap, size: usize) -> Self {
        let Self(block, old, fill) = self;
        // SAFETY: the block is this heap's, and all that is written lies in the resized block.
        unsafe {
            let block = heap.realloc(block, old, size);
            assert!(contains(block, size.min(old.size()), fill));
            block.write_bytes(fill, size);
            Self(block, layout(size, old.align()), fill)
        }
    }

    fn free(self, heap: &Heap) {
        let Self(block, layout, fill) = self;
        // SAFETY: the block is this heap's, and is freed once.
        unsafe {
            assert!(
                contains(block, layout.size(), fill),
                "another block overlaps it"
            );
            heap.dealloc(block, layout);
        }
    }
}

/// Whether the block contains these bytes. Compared as a whole, because byte by byte Miri takes minutes.
///
/// # Safety
/// The block must have that size.
unsafe fn contains(block: *const u8, size: usize, fill: u8) -> bool {
    // SAFETY: the caller guarantees the size.
    unsafe { std::slice::from_raw_parts(block, size) == vec![fill; size] }
}

#[test]
fn a_free_block_is_used_again() {
    let heap = Heap::new();
    let one = Block::new(&heap, layout(40, 8), 1);
    let (first, _two) = (one.0, Block::new(&heap, layout(40, 8), 2));
    one.free(&heap);
    assert_eq!(Block::new(&heap, layout(33, 1), 3).0, first);
    let used = |heap: &Heap| {
        // SAFETY: nothing allocates meanwhile.
        let state = unsafe { &*heap.state.get() };
        (state.chunk, state.used)
    };
    let before = used(&heap);
    for _ in 0..1000 {
        Block::new(&heap, layout(100, 8), 4).free(&heap);
    }
    assert_eq!(used(&heap), (before.0, before.1 + 112));
}

#[test]
fn the_first_blocks_fill_the_arena_and_no_more() {
    let heap = Heap::new();
    let first: Vec<Block> = (0..ARENA / LARGE)
        .map(|_| Block::new(&heap, layout(LARGE, 1), 1))
        .collect();
    let arena = heap.arena.0.get().addr();
    let is_in_arena = |block: &Block| (arena..arena + ARENA).contains(&block.0.addr());
    assert!(first.iter().all(is_in_arena));
    assert!(!is_in_arena(&Block::new(&heap, layout(UNIT, 1), 2)));
    for block in first {
        block.free(&heap);
    }
}

/// Fewer for Miri, which is slow.
const ROUNDS: u64 = if cfg!(miri) { 200 } else { 20_000 };

#[test]
fn the_reserve_serves_allocations_that_may_not_fail() {
    let heap = Heap::new();
    // SAFETY: nothing allocates meanwhile.
    let state = unsafe { &mut *heap.state.get() };
    let reserve = heap.reserve.0.get().addr();
    let first = heap.cut_reserve(state, 512);
    assert_eq!(first.addr(), reserve);
    assert_eq!(heap.cut_reserve(state, LARGE).addr(), reserve + 512);
    assert!(heap.cut_reserve(state, LARGE).is_null());
    assert!(!heap.cut_reserve(state, RESERVE - LARGE - 512).is_null());
    assert!(heap.cut_reserve(state, UNIT).is_null());
}

#[test]
fn no_two_blocks_overlap() {
    let heap = Heap::new();
    let mut held: Vec<Block> = Vec::new();
    let mut random = 1_u64;
    for round in 0..ROUNDS {
        random = random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(round);
        let number = usize::try_from(random >> 40).unwrap();
        let size = 1 + number % [24, 300, 3000, 40_000][number / 7 % 4];
        match (number % 3, held.is_empty()) {
            (0, false) => held.swap_remove(number % held.len()).free(&heap),
            (1, false) => {
                let resized = held.swap_remove(number % held.len()).resize(&heap, size);
                held.push(resized);
            }
            _ => {
                let align = [1, 8, 16, 64][number / 11 % 4];
                let fill = u8::try_from(number % 251).unwrap();
                held.push(Block::new(&heap, layout(size, align), fill));
            }
        }
        if held.len() > 200 {
            held.remove(0).free(&heap);
        }
    }
    for block in held {
        block.free(&heap);
    }
}
