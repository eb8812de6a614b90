//! Operations of the fake clouds, the unit in which calls are counted.

use serde::Serialize;

/// An operation that the fakes count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
pub enum Operation {
    /// AWS STS.
    AssumeRoleWithWebIdentity,
    /// AWS STS, by any caller: requests that Google replays count too.
    GetCallerIdentity,
    /// AWS STS: outbound identity federation.
    GetWebIdentityToken,
    /// EKS Pod Identity agent, `GET /v1/credentials`.
    PodCredentials,
    /// Any other action of AWS STS.
    OtherAwsAction,
    /// Google STS, `POST /v1/token`.
    ExchangeToken,
    /// Google STS, `POST /v1/introspect`.
    IntrospectToken,
    /// IAM Credentials.
    GenerateAccessToken,
    /// IAM Credentials.
    GenerateIdToken,
    /// IAM Credentials.
    SignBlob,
    /// IAM Credentials, `GET …/allowedLocations`.
    AllowedLocations,
    /// Cloud Storage, an object or its metadata.
    GetObject,
    /// Cloud Storage, an object by its signed URL.
    GetSignedObject,
    /// Cloud Storage.
    ListObjects,
    /// Cloud Storage, an object through its gRPC API.
    ReadObject,
    /// BigQuery, `jobs.query`.
    Query,
    /// BigQuery, `jobs.insert`.
    InsertJob,
    /// BigQuery, `jobs.get`.
    GetJob,
    /// BigQuery, `jobs.getQueryResults`.
    GetQueryResults,
    /// IAM, Resource Manager or Service Usage.
    Administer,
    /// Cloud Run, a call of a service.
    InvokeService,
    /// Identity-Aware Proxy, a call of an application behind it.
    CallThroughIap,
    /// An API that an emulator serves.
    CallEmulator,
    /// A request that no service recognizes.
    Unknown,
}
