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

#[test]
fn an_alignment_above_a_page_is_refused() {
    assert!(Heap::new().allocate(layout(1, 8192)).is_null());
    assert!(Heap::new().allocate(layout(64 * 1024, 8192)).is_null());
    let page = Given::new(&Heap::new(), layout(1, 4096), 1);
    page.give_back(&Heap::new());
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
fn the_reserve_is_for_what_cannot_be_refused() {
    let heap = Heap::new();
    // SAFETY: nobody allocates meanwhile.
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
