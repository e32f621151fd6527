//! Reading the blocks inside a CIDR page by page, in bounded memory.
//!
//! A page is meant to bring at most [`MAX_PAGE_BYTES`]: a store limits entries, not bytes, so the number is
//! chosen by the size of what was read before. Full blocks are counted and not kept.

use std::collections::VecDeque;

use crate::blocks::{BlockCidr, Cidr};
use crate::datastore::port::{Found, MAX_PAGE_BYTES, Range, Span};
use crate::datastore::{codec, keys};
use crate::plan::{Pages, RecordId, Seen, View};

/// Most blocks of a page.
const MOST_BLOCKS: usize = 2_000;
/// Bytes of a record without its addresses, and of each address with the attributes of a container.
const BYTES_OF_BLOCK: usize = 400;
const BYTES_OF_ADDRESS: usize = 280;

/// Returns the range of the next page, and notes what is left to read where this is the first.
pub(super) fn next(view: &mut View, inside: Cidr, start: BlockCidr) -> Option<Range> {
    let pages = view.pages.entry(inside).or_insert_with(|| Pages {
        left: segments(inside, start),
        ..Pages::default()
    });
    let (from, to) = pages.left.first()?.clone();
    let limit = u32::try_from(page_limit(pages, start)).unwrap_or(u32::MAX);
    Some(Range::of(Span::Between(from, to)).limit(limit))
}

/// Takes a page into the view.
pub(super) fn absorb(view: &mut View, inside: Cidr, found: &Found) {
    let Some(pages) = view.pages.get_mut(&inside) else {
        return;
    };
    pages.blocks += found.entries.len();
    pages.bytes += found
        .entries
        .iter()
        .map(|entry| entry.value.len())
        .sum::<usize>();
    match found.entries.last() {
        Some(last) if found.more => pages.left[0].0 = format!("{}\0", last.key),
        Some(_) | None => {
            pages.left.remove(0);
        }
    }
    for entry in &found.entries {
        let Some(RecordId::Block(block)) = keys::parse(&entry.key) else {
            continue;
        };
        view.existing.insert(block);
        let seen = super::wants::seen(Some(entry), |value| codec::decode_block(block, value));
        let is_full = |seen: &Seen<crate::blocks::Block>| {
            let record = seen.present();
            record.is_some_and(|record| {
                let block = &record.value;
                block.free_count() == 0 && block.cooling_count() == 0
            })
        };
        if inside.covers(block.cidr()) && !is_full(&seen) {
            view.blocks.insert(block, seen);
        }
    }
}

/// Returns the spans of keys to read, beginning at the starting point and ending before it.
fn segments(inside: Cidr, start: BlockCidr) -> Vec<(String, String)> {
    let start = keys::key_of(&RecordId::Block(start));
    let spans = keys::block_spans_inside(inside).into_iter();
    let mut ordered: Vec<(String, String)> = spans.filter_map(|span| bounded(&span)).collect();
    ordered.sort_unstable();
    let mut before = VecDeque::new();
    let mut after = VecDeque::new();
    for (from, to) in ordered {
        if to <= start {
            before.push_back((from, to));
        } else if start <= from {
            after.push_back((from, to));
        } else {
            before.push_back((from, start.clone()));
            after.push_front((start.clone(), to));
        }
    }
    after.into_iter().chain(before).collect()
}

fn bounded(span: &Span) -> Option<(String, String)> {
    let (from, to) = span.bounds();
    to.map(|to| (from, to))
}

fn page_limit(pages: &Pages, block: BlockCidr) -> usize {
    let expected = BYTES_OF_BLOCK + BYTES_OF_ADDRESS * usize::from(block.size());
    let size = pages.bytes.checked_div(pages.blocks).unwrap_or(expected);
    (MAX_PAGE_BYTES / size.max(1)).clamp(1, MOST_BLOCKS)
}
