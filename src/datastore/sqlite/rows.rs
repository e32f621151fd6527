//! Ranges, guards and writes as SQL. Runs inside a transaction of the caller's.

use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, Params, Result, Row, ToSql, params};

use crate::datastore::{Entry, Found, Order, Range, Snapshot, Write};
use crate::revision::Revision;

/// Returns the revision of the store.
pub(super) fn revision(connection: &Connection) -> Result<Revision> {
    let sql = "SELECT value FROM meta WHERE name = 'revision'";
    let revision: i64 = connection
        .prepare_cached(sql)?
        .query_row([], |row| row.get(0))?;
    Ok(Revision(revision.unsigned_abs()))
}

/// Returns what the ranges find.
pub(super) fn snapshot(
    connection: &Connection,
    cluster: u64,
    ranges: &[Range],
) -> Result<Snapshot> {
    let found = ranges.iter().map(|range| find(connection, range));
    Ok(Snapshot {
        revision: revision(connection)?,
        cluster,
        found: found.collect::<Result<_>>()?,
    })
}

/// Writes everything at the next revision, which it returns; the present one if nothing changed.
pub(super) fn apply(connection: &Connection, writes: &[Write]) -> Result<Revision> {
    let present = revision(connection)?;
    let next = Revision(present.0 + 1);
    let mut changed = 0;
    for write in writes {
        changed += match write {
            Write::Put(key, value) => put(connection, key, value, next)?,
            Write::Delete(key) => delete(connection, key)?,
        };
    }
    if changed == 0 {
        return Ok(present);
    }
    let sql = "UPDATE meta SET value = ?1 WHERE name = 'revision'";
    connection.prepare_cached(sql)?.execute([signed(next)])?;
    Ok(next)
}

fn put(connection: &Connection, key: &str, value: &[u8], next: Revision) -> Result<usize> {
    let sql = "INSERT INTO kv(key, value, create_revision, mod_revision) VALUES (?1, ?2, ?3, ?3)
        ON CONFLICT(key) DO UPDATE SET value = ?2, mod_revision = ?3";
    connection
        .prepare_cached(sql)?
        .execute(params![key, Value(value), signed(next)])
}

fn delete(connection: &Connection, key: &str) -> Result<usize> {
    connection
        .prepare_cached("DELETE FROM kv WHERE key = ?1")?
        .execute([key])
}

fn find(connection: &Connection, range: &Range) -> Result<Found> {
    // One more than the limit tells whether there is more; a negative limit is none.
    let limit = match range.limit {
        0 => -1,
        limit => i64::from(limit) + 1,
    };
    let value = if range.keys_only { "''" } else { "value" };
    let order = match range.order {
        Order::Key => "key",
        Order::Newest => "mod_revision DESC",
    };
    let (from, to) = range.span.bounds();
    let inside = inside(to.as_ref());
    let sql = format!(
        "SELECT key, {value}, create_revision, mod_revision FROM kv WHERE {inside} ORDER BY {order} LIMIT ?3"
    );
    let mut entries = query(connection, &sql, params![from, to, limit])?;
    let limit = usize::try_from(range.limit).unwrap_or(usize::MAX);
    let more = 0 < limit && limit < entries.len();
    let mut count = entries.len();
    if more {
        entries.truncate(limit);
        let sql = format!("SELECT count(*) FROM kv WHERE {inside}");
        let counted: i64 = connection
            .prepare_cached(&sql)?
            .query_row(params![from, to], |row| row.get(0))?;
        count = usize::try_from(counted).unwrap_or(count);
    }
    Ok(Found {
        entries,
        more,
        count,
    })
}

/// Keys from the first parameter on, and below the second unless that is NULL.
const fn inside(to: Option<&String>) -> &'static str {
    match to {
        Some(_) => "?1 <= key AND key < ?2",
        None => "?1 <= key AND ?2 IS NULL",
    }
}

fn query(connection: &Connection, sql: &str, params: impl Params) -> Result<Vec<Entry>> {
    let mut statement = connection.prepare_cached(sql)?;
    statement.query_map(params, entry)?.collect()
}

fn entry(row: &Row<'_>) -> Result<Entry> {
    let value = match row.get_ref(1)? {
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => bytes.to_owned(),
        // Nobody but a hand with `sqlite3` leaves these.
        ValueRef::Null => Vec::new(),
        ValueRef::Integer(number) => number.to_string().into_bytes(),
        ValueRef::Real(number) => number.to_string().into_bytes(),
    };
    Ok(Entry {
        key: row.get(0)?,
        value,
        created: Revision(row.get::<_, i64>(2)?.unsigned_abs()),
        modified: Revision(row.get::<_, i64>(3)?.unsigned_abs()),
    })
}

fn signed(revision: Revision) -> i64 {
    i64::try_from(revision.0).unwrap_or(i64::MAX)
}

/// A value as `sqlite3` shows it best: text where it is text, else a blob. A NUL would cut the text off on the screen.
struct Value<'a>(&'a [u8]);

impl ToSql for Value<'_> {
    fn to_sql(&self) -> Result<ToSqlOutput<'_>> {
        let text = !self.0.contains(&0) && std::str::from_utf8(self.0).is_ok();
        Ok(ToSqlOutput::Borrowed(if text {
            ValueRef::Text(self.0)
        } else {
            ValueRef::Blob(self.0)
        }))
    }
}
