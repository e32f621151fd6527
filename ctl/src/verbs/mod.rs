//! One verb, one file. A verb asks the library for a value and renders it.

pub(crate) mod check_words;
pub(crate) mod completion;
pub(crate) mod delete;
pub(crate) mod get;
pub(crate) mod ipam_address;
pub(crate) mod ipam_check;
pub(crate) mod ipam_configure;
pub(crate) mod ipam_explain;
pub(crate) mod ipam_release;
pub(crate) mod ipam_repair;
pub(crate) mod ipam_show;
pub(crate) mod kinds;
pub(crate) mod node_show;
pub(crate) mod release_report;
pub(crate) mod version;
pub(crate) mod write;
