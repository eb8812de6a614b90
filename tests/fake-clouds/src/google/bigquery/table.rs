//! Tables: schemas and rows in BigQuery's JSON.

use serde_json::{Value, json};

use super::query::Query;
use crate::config::{Column, Table};
use crate::error::ConfigError;
use crate::google::error::ApiError;

/// The rows of a query's result.
#[derive(Debug, Clone)]
pub(super) struct Rows {
    pub(super) schema: Value,
    /// The rows as `{"f": [{"v": …}]}`.
    pub(super) rows: Vec<Value>,
}

/// Checks that every row matches the schema.
pub(super) fn check(location: &str, table: &Table) -> Result<(), ConfigError> {
    for (row, number) in table.rows.iter().zip(1..) {
        if row.len() != table.schema.len() {
            let problem =
                format!("row {number}: expected {} values, found {}", table.schema.len(), row.len());
            return Err(ConfigError::new(location, problem));
        }
        if let Some(value) = row.iter().find(|value| value.is_array() || value.is_object()) {
            return Err(ConfigError::new(
                location,
                format!("row {number}: expected scalar values, found {value}"),
            ));
        }
    }
    Ok(())
}

impl Rows {
    pub(super) fn select(table: &Table, query: &Query) -> Result<Self, ApiError> {
        let indices: Vec<usize> = match &query.columns {
            None => (0..table.schema.len()).collect(),
            Some(names) => {
                names.iter().map(|name| column_index(&table.schema, name)).collect::<Result<_, _>>()?
            }
        };
        let fields = indices.iter().filter_map(|&index| table.schema.get(index));
        let fields: Vec<_> = fields
            .map(|column| json!({"name": column.name, "type": column.r#type, "mode": "NULLABLE"}))
            .collect();
        let rows = table.rows.iter().take(query.limit.unwrap_or(usize::MAX)).map(|row| {
            let cells = indices.iter().filter_map(|&index| row.get(index));
            json!({"f": cells.map(|cell| json!({"v": cell_value(cell)})).collect::<Vec<_>>()})
        });
        Ok(Self { schema: json!({"fields": fields}), rows: rows.collect() })
    }
}

fn column_index(schema: &[Column], name: &str) -> Result<usize, ApiError> {
    let found = schema.iter().position(|column| column.name.eq_ignore_ascii_case(name));
    found.ok_or_else(|| ApiError::invalid("invalidQuery", format!("Unrecognized name: {name}")))
}

/// Converts a value: BigQuery writes every value except null as a string.
fn cell_value(cell: &Value) -> Value {
    match cell {
        Value::Null => Value::Null,
        Value::String(text) => Value::String(text.clone()),
        other => Value::String(other.to_string()),
    }
}
