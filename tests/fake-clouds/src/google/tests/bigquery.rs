//! Queries and jobs.

use serde_json::json;

use super::*;
use crate::events::Detail;
use crate::service::Service;
use crate::testing::*;

#[tokio::test]
async fn query_returns_rows() {
    let fixture = Fixture::new();
    let token = impersonated(&fixture).await;
    let body = json!({"query": "SELECT * FROM `shop.sales.orders` LIMIT 2", "useLegacySql": false});
    let mut response = json_body(&post(&fixture, QUERIES, &token, &body).await);
    assert!(response["jobReference"]["jobId"].take().as_str().unwrap().starts_with("job_"));
    assert_eq!(
        response,
        json!({
            "kind": "bigquery#queryResponse",
            "schema": {"fields": [
                {"name": "id", "type": "INTEGER", "mode": "NULLABLE"},
                {"name": "item", "type": "STRING", "mode": "NULLABLE"},
                {"name": "total", "type": "FLOAT", "mode": "NULLABLE"},
                {"name": "paid", "type": "BOOLEAN", "mode": "NULLABLE"},
            ]},
            "jobReference": {"projectId": "shop", "jobId": null, "location": "US"},
            "totalRows": "2",
            "rows": [
                {"f": [{"v": "1"}, {"v": "tea"}, {"v": "3.5"}, {"v": "true"}]},
                {"f": [{"v": "2"}, {"v": "\"cake\""}, {"v": "12"}, {"v": "false"}]},
            ],
            "totalBytesProcessed": "0",
            "jobComplete": true,
            "cacheHit": false,
        })
    );
    let (principal, table) = (format!("serviceAccount:{ACCOUNT}"), "shop.sales.orders".to_owned());
    assert_eq!(last_detail(&fixture), Detail::TableRead { principal, table, rows: 2 });
}

#[tokio::test]
async fn job_results_are_paged() {
    let fixture = Fixture::new();
    let token = impersonated(&fixture).await;
    let body = json!({
        "jobReference": {"projectId": "shop", "jobId": "mine"},
        "configuration": {"query": {"query": "SELECT item, id FROM sales.orders", "useLegacySql": false}},
    });
    let jobs = "/bigquery/v2/projects/shop/jobs";
    assert_eq!(json_body(&post(&fixture, jobs, &token, &body).await)["status"], json!({"state": "DONE"}));
    assert_eq!(
        error_message(&post(&fixture, jobs, &token, &body).await),
        "ALREADY_EXISTS: Already Exists: Job shop:US.mine"
    );
    let job = get(&fixture, Service::BigQuery, "/bigquery/v2/projects/shop/jobs/mine", &token).await;
    assert_eq!(json_body(&job)["user_email"], ACCOUNT);
    for (query, rows, next) in [
        ("maxResults=0", None, Some("0")),
        ("maxResults=2", Some(2), Some("2")),
        ("maxResults=2&pageToken=2", Some(1), None),
        ("startIndex=1", Some(2), None),
        ("", Some(3), None),
    ] {
        let page = get(&fixture, Service::BigQuery, &format!("{QUERIES}/mine?{query}"), &token).await;
        let page = json_body(&page);
        assert_eq!(page["rows"].as_array().map(Vec::len), rows, "{query}");
        assert_eq!(page["pageToken"].as_str(), next, "{query}");
        assert_eq!(page["totalRows"], "3");
    }
    let direct = federated(&fixture).await;
    let other = get(&fixture, Service::BigQuery, &format!("{QUERIES}/mine"), &direct).await;
    assert_eq!(
        error_message(&other),
        "PERMISSION_DENIED: Access Denied: Job shop:US.mine: User does not have bigquery.jobs.get permission for job shop:US.mine."
    );
}

#[tokio::test]
async fn invalid_queries_are_rejected() {
    let fixture = Fixture::new();
    let token = impersonated(&fixture).await;
    let unreadable = "PERMISSION_DENIED: Access Denied: Table shop:hr.pay: User does not have permission to query table shop:hr.pay, or perhaps it does not exist.";
    for (query, error) in [
        ("SELECT * FROM hr.pay", unreadable),
        (
            "SELECT * FROM sales.absent",
            "NOT_FOUND: Not found: Table shop:sales.absent was not found in location US",
        ),
        ("SELECT nothing FROM sales.orders", "INVALID_ARGUMENT: Unrecognized name: nothing"),
        (
            "SELECT * FROM orders",
            "INVALID_ARGUMENT: Table \"orders\" must be qualified with a dataset (e.g. dataset.table).",
        ),
        ("SELECT * FROM sales.orders WHERE id = 1", "INVALID_ARGUMENT: Syntax error: Unexpected \"WHERE\""),
        ("DELETE sales.orders", "INVALID_ARGUMENT: Syntax error: Expected SELECT ... FROM ..."),
    ] {
        let response = post(&fixture, QUERIES, &token, &json!({"query": query, "useLegacySql": false})).await;
        assert_eq!(error_message(&response), error, "{query}");
    }
    let legacy = post(&fixture, QUERIES, &token, &json!({"query": "SELECT * FROM `sales.orders`"})).await;
    assert_eq!(
        error_message(&legacy),
        "INVALID_ARGUMENT: Syntax error: backticks are GoogleSQL: set useLegacySql to false"
    );
    let direct = federated(&fixture).await;
    let response = post(&fixture, QUERIES, &direct, &json!({"query": "SELECT * FROM sales.orders"})).await;
    let message =
        "Access Denied: Project shop: User does not have bigquery.jobs.create permission in project shop.";
    assert_eq!(
        json_body(&response)["error"],
        json!({
            "code": 403, "message": message, "status": "PERMISSION_DENIED",
            "errors": [{"message": message, "domain": "global", "reason": "accessDenied"}],
        })
    );
}
