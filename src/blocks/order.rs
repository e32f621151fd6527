//! The order in which a node tries the blocks of a pool.
