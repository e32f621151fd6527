//! Reading the blocks inside a CIDR page by page, in bounded memory.
//!
//! A page is meant to bring at most [`MAX_PAGE_BYTES`]: a store limits entries, not bytes, so the number is
//! chosen by the size of what was read before. Full blocks are counted and not kept.

use std::collections::VecDeque;

use crate::allocator::wants::seen;
use crate::blocks::{Block, BlockCidr, Cidr};
use crate::datastore::port::{Entry, Found, MAX_PAGE_BYTES, Range, Span};
use crate::datastore::{codec, keys};
use crate::plan::{Pages, RecordId, Seen, View};
use crate::revision::Revision;

/// Most spans of keys that one page covers.
const MOST_SEGMENTS: usize = 16;
/// Most blocks of a page.
const MOST_BLOCKS: usize = 2_000;
/// Bytes of a record without its addresses, and of each address with the attributes of a container.
const BYTES_OF_BLOCK: usize = 400;
const BYTES_OF_ADDRESS: usize = 280;

/// Returns the ranges of the next page, and notes what is left to read where this is the first.
pub(super) fn next(view: &mut View, inside: Cidr, start: BlockCidr) -> Vec<Range> {
    let pages = view.pages.entry(inside).or_insert_with(|| Pages {
        left: segments(inside, start),
        ..Pages::default()
    });
    let count = pages.left.len().min(MOST_SEGMENTS);
    let limit = (page_limit(pages, start) / count.max(1)).max(1);
    let limit = u32::try_from(limit).unwrap_or(u32::MAX);
    let segments = pages.left.iter().take(count).cloned();
    segments
        .map(|(from, to)| Range::of(Span::Between(from, to)).limit(limit))
        .collect()
}

/// Takes a page into the view.
pub(super) fn absorb(view: &mut View, inside: Cidr, found: &[Found], revision: Revision) {
    let Some(pages) = view.pages.get_mut(&inside) else {
        return;
    };
    let rest = pages.left.split_off(found.len().min(pages.left.len()));
    let read = std::mem::replace(&mut pages.left, rest);
    let mut unfinished = Vec::new();
    for ((_, to), found) in read.into_iter().zip(found) {
        pages.blocks += found.entries.len();
        pages.bytes += found
            .entries
            .iter()
            .map(|entry| entry.value.len())
            .sum::<usize>();
        if let Some(last) = found.entries.last().filter(|_| found.more) {
            unfinished.push((format!("{}\0", last.key), to));
        }
    }
    pages.left.splice(0..0, unfinished);
    for entry in found.iter().flat_map(|found| &found.entries) {
        absorb_block(view, inside, entry, revision);
    }
}

fn absorb_block(view: &mut View, inside: Cidr, entry: &Entry, revision: Revision) {
    let Some(RecordId::Block(block)) = keys::parse(&entry.key) else {
        return;
    };
    view.existing.insert(block);
    let seen = seen(Some(entry), |value| codec::decode_block(block, value));
    if inside.covers(block.cidr()) && !is_full(&seen) {
        view.blocks.insert(block, seen);
        view.blocks_at.insert(block, revision);
    }
}

fn is_full(seen: &Seen<Block>) -> bool {
    let block = seen.present().map(|record| &record.value);
    block.is_some_and(|block| block.free_count() == 0 && block.cooling_count() == 0)
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
