//! Tables: two spaces between columns, numbers to the right, nothing cut off, no blanks at the end of a line.

/// A column.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Column {
    Left(&'static str),
    Right(&'static str),
}

/// Rows below a header.
#[derive(Debug)]
pub(crate) struct Table {
    columns: Vec<Column>,
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(crate) fn new(columns: impl IntoIterator<Item = Column>) -> Table {
        Table {
            columns: columns.into_iter().collect(),
            rows: Vec::new(),
        }
    }

    /// Adds a row with a cell for each column.
    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        let cells: Vec<String> = cells.into_iter().map(|cell| one_line(&cell)).collect();
        assert_eq!(cells.len(), self.columns.len(), "a cell for each column");
        self.rows.push(cells);
    }

    /// Returns the text.
    pub(crate) fn render(&self) -> String {
        let header: Vec<String> = self.columns.iter().map(|column| column.title()).collect();
        let lines: Vec<&Vec<String>> = std::iter::once(&header).chain(&self.rows).collect();
        let width = |index: usize| {
            let cells = lines.iter().map(|line| line[index].chars().count());
            cells.max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..self.columns.len()).map(width).collect();
        let mut text = String::new();
        for line in &lines {
            let cells = line.iter().zip(&self.columns).zip(&widths);
            let cells = cells.map(|((cell, column), width)| column.pad(cell, *width));
            let line = cells.collect::<Vec<_>>().join("  ");
            text.push_str(line.trim_end());
            text.push('\n');
        }
        text
    }
}

impl Column {
    pub(super) fn title(self) -> String {
        match self {
            Column::Left(title) | Column::Right(title) => title.to_owned(),
        }
    }

    pub(super) fn pad(self, cell: &str, width: usize) -> String {
        match self {
            Column::Left(_) => format!("{cell:<width$}"),
            Column::Right(_) => format!("{cell:>width$}"),
        }
    }
}

/// What others wrote may hold line ends and escapes; a terminal must not act on them.
pub(crate) fn one_line(cell: &str) -> String {
    if cell.chars().any(char::is_control) {
        cell.escape_debug().to_string()
    } else {
        cell.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::{Column, Table};

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let mut table = Table::new([
            Column::Left("NAME"),
            Column::Right("FREE"),
            Column::Left("OF"),
        ]);
        table.row(["a".to_owned(), "1".to_owned(), "p".to_owned()]);
        table.row(["lönger".to_owned(), "12345".to_owned(), String::new()]);
        expect![[r#"
            NAME     FREE  OF
            a           1  p
            lönger  12345
        "#]]
        .assert_eq(&table.render());
    }

    #[test]
    fn what_a_terminal_would_act_on_is_escaped() {
        let mut table = Table::new([Column::Left("A")]);
        table.row(["x\u{1b}[31m\n".to_owned()]);
        expect![[r#"
            A
            x\u{1b}[31m\n
        "#]]
        .assert_eq(&table.render());
    }
}
