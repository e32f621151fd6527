//! Tables as calicoctl draws them, byte for byte, for scripts that cut them apart.

use super::table::{Column, one_line};

/// Returns rows below a header, each cell padded to its column's width and three blanks, and an empty line: `get`.
pub(crate) fn padded(titles: &[&str], rows: &[Vec<String>]) -> String {
    let header = titles.iter().map(|title| (*title).to_owned()).collect();
    let rows = safe(header, rows);
    let widths = widths(&rows);
    let mut text = String::new();
    for row in &rows {
        for (cell, width) in row.iter().zip(&widths) {
            text += &format!("{cell:<0$}", width + 3);
        }
        text.push('\n');
    }
    text + "\n"
}

/// Returns rows below a header, in a frame: `ipam show`.
pub(crate) fn framed(columns: &[Column], rows: &[Vec<String>]) -> String {
    let rows = safe(columns.iter().map(|column| column.title()).collect(), rows);
    let widths = widths(&rows);
    let dashes: Vec<String> = widths.iter().map(|width| "-".repeat(width + 2)).collect();
    let line = format!("+{}+\n", dashes.join("+"));
    let mut text = line.clone();
    for (index, row) in rows.iter().enumerate() {
        let cells = row.iter().zip(columns).zip(&widths);
        let cells = cells.map(|((cell, column), width)| match index {
            0 => Column::Left("").pad(cell, *width),
            _ => column.pad(cell, *width),
        });
        text += &format!("| {} |\n", cells.collect::<Vec<_>>().join(" | "));
        if index == 0 {
            text += &line;
        }
    }
    text + &line
}

fn safe(header: Vec<String>, rows: &[Vec<String>]) -> Vec<Vec<String>> {
    let rows = rows
        .iter()
        .map(|row| row.iter().map(|cell| one_line(cell)).collect());
    std::iter::once(header).chain(rows).collect()
}

fn widths(rows: &[Vec<String>]) -> Vec<usize> {
    let columns = 0..rows.first().map_or(0, Vec::len);
    let width = |column: usize| {
        rows.iter()
            .map(|row| row[column].chars().count())
            .max()
            .unwrap_or(0)
    };
    columns.map(width).collect()
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::{Column, framed, padded};

    #[test]
    fn cells_are_padded_and_framed() {
        let rows = [
            vec!["a".to_owned(), "12".to_owned()],
            vec!["löng".to_owned(), "\u{1b}".to_owned()],
        ];
        expect![[r#"
            NAME   N        
            a      12       
            löng   \u{1b}   

        "#]]
        .assert_eq(&padded(&["NAME", "N"], &rows));
        expect![[r#"
            +------+--------+
            | NAME | N      |
            +------+--------+
            | a    |     12 |
            | löng | \u{1b} |
            +------+--------+
        "#]]
        .assert_eq(&framed(&[Column::Left("NAME"), Column::Right("N")], &rows));
    }
}
