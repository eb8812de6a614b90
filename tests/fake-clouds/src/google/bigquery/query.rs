//! The queries that this fake understands: `SELECT COLUMNS FROM TABLE [LIMIT N]`.

use crate::google::error::ApiError;

/// A parsed query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Query {
    /// The selected columns; `None` for `*`.
    pub(super) columns: Option<Vec<String>>,
    pub(super) project: Option<String>,
    pub(super) dataset: String,
    pub(super) table: String,
    pub(super) limit: Option<usize>,
}

impl Query {
    /// Parses a query in `GoogleSQL`.
    pub(super) fn parse(sql: &str) -> Result<Self, ApiError> {
        let sql = sql.trim().trim_end_matches(';');
        let words: Vec<_> = sql.split_whitespace().collect();
        let is_keyword = |index: usize, keyword: &str| {
            words.get(index).is_some_and(|word: &&str| word.eq_ignore_ascii_case(keyword))
        };
        let from = (1..words.len()).find(|&index| is_keyword(index, "from"));
        let (Some(from), true) = (from, is_keyword(0, "select")) else {
            return Err(syntax_error("Expected SELECT ... FROM ..."));
        };
        let limit = match &words[(from + 2).min(words.len())..] {
            [] => None,
            [limit, count] if limit.eq_ignore_ascii_case("limit") => {
                Some(count.parse().map_err(|_| syntax_error(&format!("Unexpected \"{count}\"")))?)
            }
            [word, ..] => return Err(syntax_error(&format!("Unexpected \"{word}\""))),
        };
        let columns = words[1..from].join(" ");
        let columns = match columns.trim() {
            "" => return Err(syntax_error("SELECT list must not be empty")),
            "*" => None,
            list => Some(list.split(',').map(|column| column.trim().trim_matches('`').to_owned()).collect()),
        };
        let name = words.get(from + 1).ok_or_else(|| syntax_error("Unexpected end of script"))?;
        let name = name.replace('`', "");
        let parts: Vec<_> = name.split('.').map(ToOwned::to_owned).collect();
        let (project, dataset, table) = match &parts[..] {
            [dataset, table] => (None, dataset, table),
            [project, dataset, table] => (Some(project.clone()), dataset, table),
            _ => {
                return Err(ApiError::invalid(
                    "invalid",
                    format!("Table \"{name}\" must be qualified with a dataset (e.g. dataset.table)."),
                ));
            }
        };
        Ok(Self { columns, project, dataset: dataset.clone(), table: table.clone(), limit })
    }
}

fn syntax_error(problem: &str) -> ApiError {
    ApiError::invalid("invalidQuery", format!("Syntax error: {problem}"))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("")]
    #[case("DROP TABLE a.b")]
    #[case("SELECT * FROM")]
    #[case("SELECT FROM a.b")]
    #[case("SELECT * FROM b")]
    #[case("SELECT * FROM a.b WHERE x")]
    #[case("SELECT * FROM a.b LIMIT x")]
    fn parse_rejects_other_statements(#[case] sql: &str) {
        assert!(Query::parse(sql).is_err(), "{sql}");
    }

    #[rstest]
    #[case("SELECT * FROM sales.orders", None, None, None)]
    #[case("select id, total\n from `shop.sales.orders`\n limit 2;", Some(vec!["id", "total"]), Some("shop"), Some(2))]
    #[case("SELECT `id` FROM `shop`.`sales`.`orders` ", Some(vec!["id"]), Some("shop"), None)]
    fn parse_reads_select(
        #[case] sql: &str,
        #[case] columns: Option<Vec<&str>>,
        #[case] project: Option<&str>,
        #[case] limit: Option<usize>,
    ) {
        let expected = Query {
            columns: columns.map(|columns| columns.into_iter().map(ToOwned::to_owned).collect()),
            project: project.map(ToOwned::to_owned),
            dataset: "sales".to_owned(),
            table: "orders".to_owned(),
            limit,
        };
        assert_eq!(Query::parse(sql), Ok(expected), "{sql}");
    }
}
