//! Cloud Storage's JSON and XML APIs.

use serde_json::json;

use super::*;
use crate::events::Detail;
use crate::service::Service;
use crate::testing::*;

#[tokio::test]
async fn objects_are_read_through_both_apis() {
    let fixture = Fixture::new();
    let account = impersonated(&fixture).await;
    let direct = federated(&fixture).await;
    for token in [&account, &direct] {
        let path = "/storage/v1/b/reports/o/2026%2F11%2F24.txt?alt=media";
        let response = get(&fixture, Service::Storage, path, token).await;
        let found = response.error.clone();
        assert_eq!((body_text(&response).as_str(), found), ("all sold\n", None));
        assert_eq!(response.headers["content-type"], "text/plain");
        assert_eq!(response.headers["x-goog-hash"], "crc32c=dIgxYg==");
    }
    let Detail::ObjectRead { principal, object } = last_detail(&fixture) else { panic!("no object read") };
    assert_eq!(object, "gs://reports/2026/11/24.txt");
    assert!(principal.starts_with("principal://iam.googleapis.com/"), "{principal}");
    let path = "/reports/2026%2F11%2F24%2Etxt"; // XML API
    assert_eq!(get(&fixture, Service::Storage, path, &account).await.body, "all sold\n");
    let response = get(&fixture, Service::Storage, "/storage/v1/b/reports/o/2026%2Freadme", &account).await;
    let metadata = json_body(&response);
    assert_eq!((&metadata["size"], &metadata["contentType"]), (&"10".into(), &"text/markdown".into()));
    assert_eq!(metadata["crc32c"], "wc8qyw==");
    let response = get(&fixture, Service::Storage, "/storage/v1/b/reports/o?prefix=2026%2F1", &account).await;
    assert_eq!(json_body(&response)["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn the_media_link_of_an_object_downloads_it() {
    let fixture = Fixture::new();
    let account = impersonated(&fixture).await;
    let mut request =
        http::Request::get("/storage/v1/b/reports/o/2026%2F11%2F24.txt").body("".into()).unwrap();
    request.headers_mut().insert("host", "storage.googleapis.com".parse().unwrap());
    set_bearer_token(&mut request, &account);
    let metadata = json_body(&fixture.call(Service::Storage, request).await);
    let link = metadata["mediaLink"].as_str().unwrap();
    let path = link.strip_prefix("https://storage.googleapis.com").unwrap();
    assert_eq!(get(&fixture, Service::Storage, path, &account).await.body, "all sold\n");
}

#[tokio::test]
async fn object_errors_have_the_format_of_the_api() {
    let fixture = Fixture::new();
    let account = impersonated(&fixture).await;
    let principal = format!(
        "principal://iam.googleapis.com/projects/123456/locations/global/workloadIdentityPools/aws-pool/subject/{SUBJECT}"
    );
    for (path, token, error) in [
        ("/storage/v1/b/reports/o/absent", &account, "NOT_FOUND: No such object: reports/absent".to_owned()),
        ("/storage/v1/b/absent/o/x", &account, "NOT_FOUND: The specified bucket does not exist.".to_owned()),
        (
            "/storage/v1/b/reports",
            &account,
            "NOT_FOUND: This fake of Google has no GET /storage/v1/b/reports.".to_owned(),
        ),
        (
            "/storage/v1/b/reports/o/x",
            &"ya29.d.forged".to_owned(),
            "UNAUTHENTICATED: Invalid Credentials".to_owned(),
        ),
    ] {
        assert_eq!(error_message(&get(&fixture, Service::Storage, path, token).await), error, "{path}");
    }
    let mut config = config();
    config.google.buckets[0].bindings.clear();
    let closed = Fixture::with(&config);
    for (path, permission, resource) in [
        ("/storage/v1/b/reports/o/x", "storage.objects.get", "object"),
        ("/storage/v1/b/reports/o", "storage.objects.list", "bucket"),
    ] {
        let direct = federated(&closed).await;
        let response = get(&closed, Service::Storage, path, &direct).await;
        let message = format!(
            "{principal} does not have {permission} access to the Google Cloud Storage {resource}. Permission '{permission}' denied on resource (or it may not exist)."
        );
        assert_eq!(
            json_body(&response)["error"],
            json!({
                "code": 403, "message": message, "status": "PERMISSION_DENIED",
                "errors": [{"message": message, "domain": "global", "reason": "forbidden"}],
            })
        );
    }
}
