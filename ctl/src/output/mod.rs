//! From values to text: tables for people, JSON and YAML for programs. Nothing here prints.

mod calico;
mod document;
mod format;
mod number;
mod table;

pub(crate) use calico::{framed, padded};
pub(crate) use document::{json, yaml};
pub(crate) use format::Format;
pub(crate) use number::{five_digits, share};
pub(crate) use table::{Column, Table, one_line};
