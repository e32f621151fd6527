//! Reading the blocks inside a CIDR page by page, in bounded memory.
//!
//! A page is meant to bring at most [`MAX_PAGE_BYTES`]: a store limits entries, not bytes, so the number is
//! chosen by the size of the blocks that were read before, and small enough that full ones can be answered too.
//! Full blocks are counted and not kept.

use std::collections::VecDeque;

use crate::allocator::wants::{note_size, seen};
use crate::blocks::{Block, BlockCidr, Cidr};
use crate::datastore::port::{Entry, Found, MAX_PAGE_BYTES, Range, Span};
use crate::datastore::{codec, keys};
use crate::plan::{Pages, RecordId, Seen, View};
use crate::revision::Revision;

/// Most spans of keys that one page covers: all of a pool, one of them cut in two by the starting point.
const MOST_SEGMENTS: usize = 17;
/// Most blocks of a page.
const MOST_BLOCKS: usize = 2_000;
/// Most bytes of a page all of whose blocks turn out to be full; etcd's client takes twice as many.
const MOST_BYTES: usize = 32_000_000;
/// Bytes of a record without its addresses, and of each address with the attributes of a container.
const BYTES_OF_BLOCK: usize = 400;
const BYTES_OF_ADDRESS: usize = 280;

/// Returns the ranges of the next page, and notes what is left to read where this is the first.
pub(super) fn next(view: &mut View, inside: Cidr, start: BlockCidr) -> Vec<Range> {
    let most = most_blocks(view, start);
    let pages = view.pages.entry(inside).or_insert_with(|| Pages {
        left: segments(inside, start),
        ..Pages::default()
    });
    let count = pages.left.len().min(MOST_SEGMENTS);
    let limit = limit_of_span(inside, start, most, count);
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
    pages.first_at.get_or_insert(revision);
    for ((_, to), found) in read.into_iter().zip(found) {
        pages.read.blocks += found.entries.len();
        for entry in &found.entries {
            pages.read.newest = pages.read.newest.max(entry.modified);
        }
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
    note_size(view, block, Some(entry));
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

/// Returns how many blocks make a page, as large as those that were read.
fn most_blocks(view: &View, block: BlockCidr) -> usize {
    let full = BYTES_OF_BLOCK + BYTES_OF_ADDRESS * usize::from(block.size());
    let read = view
        .block_records
        .get(&(block.family(), block.cidr().length()));
    let size = read.and_then(|read| read.bytes.checked_div(read.records));
    let most = MAX_PAGE_BYTES / size.unwrap_or(full).max(1);
    most.min(MOST_BLOCKS).min(MOST_BYTES / full).max(1)
}

/// Returns how many blocks one of several spans may bring: all, where all that can exist make a page.
fn limit_of_span(inside: Cidr, block: BlockCidr, most: usize, spans: usize) -> u32 {
    let all = inside.subnet_count(block.cidr().length());
    let all = all.and_then(|all| usize::try_from(all).ok());
    let limit = match all {
        Some(all) if all <= most => all,
        Some(_) | None => most / spans.max(1),
    };
    u32::try_from(limit.max(1)).unwrap_or(u32::MAX)
}
