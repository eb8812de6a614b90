//! `AssumeRoleWithWebIdentity`: exchanges a cluster's token for a session of a role.
//!
//! Source: the AWS STS API reference; error messages from users' reports.

use std::sync::Arc;

use http::StatusCode;

use super::accounts::{Account, Role};
use super::cloud::Aws;
use super::error::{Error, success};
use super::policy::{Caller, Decision, PolicyDocument, RequestContext};
use super::sessions::Session;
use super::xml::escape;
use crate::clock::Timestamp;
use crate::config::OidcProvider;
use crate::events::{Detail, RoleAssumed};
use crate::fields::Fields;
use crate::oidc::{Jwt, WebIdentity};
use crate::wire::Response;

const ACTION: &str = "AssumeRoleWithWebIdentity";
/// Maximum length of an inline session policy, in characters.
const MAX_POLICY_CHARS: usize = 2048;

/// Parameters that satisfy the service's model.
struct Parameters<'a> {
    role_arn: &'a str,
    session_name: &'a str,
    token: &'a str,
    duration: i64,
    policy: Option<(&'a str, PolicyDocument)>,
}

impl Aws {
    pub(super) fn assume_role_with_web_identity(
        &self,
        fields: &Fields,
        now: Timestamp,
    ) -> Result<Response, Error> {
        let parameters = Parameters::parse(fields)?;
        let (account, role) = self.role(parameters.role_arn)?;
        if !account.sts_activated {
            let message = format!(
                "STS is not activated in this region for account:{}. Your account administrator can activate STS in this \
                 region using the IAM Console.",
                account.id
            );
            return Err(Error::new(StatusCode::FORBIDDEN, "RegionDisabledException", message));
        }
        let (token, provider) = self.verify(&account, parameters.token, now)?;
        check_trust(&account, &role, &token)?;
        if parameters.duration > role.max_session_seconds {
            return Err(Error::validation(
                "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
            ));
        }
        let (policy_text, policy) = parameters.policy.unzip();
        let expires = now.plus(role.session_seconds.unwrap_or(parameters.duration));
        let session = Session::new(role.clone(), parameters.session_name, policy, expires);
        let session = self.sessions.add(session);
        let result = result(&session, &token, &account.provider_arn(&provider.url), policy_text);
        Ok(success(ACTION, &result).with_detail(Detail::RoleAssumed(RoleAssumed {
            role_arn: role.arn.clone(),
            session_arn: session.arn(),
            access_key_id: session.access_key.clone(),
            subject: token.sub,
            session_policy: policy_text.map(ToOwned::to_owned),
            expires,
        })))
    }

    /// Finds a role. A missing role gets the same error as one that does not trust the caller, as at AWS.
    pub(super) fn role(&self, arn: &str) -> Result<(Arc<Account>, Arc<Role>), Error> {
        let parts: Vec<_> = arn.splitn(6, ':').collect();
        let ["arn", _, "iam", "", account, resource] = parts[..] else {
            return Err(Error::validation(format!("{arn} is invalid")));
        };
        let name = resource.strip_prefix("role/").and_then(|path| path.rsplit('/').next());
        let name = name.ok_or_else(|| Error::validation(format!("{arn} is invalid")))?;
        let account = self.account(account).ok_or_else(not_authorized)?;
        let role = account.roles.get(name).filter(|role| role.arn == arn).cloned();
        let role = role.ok_or_else(not_authorized)?;
        Ok((account, role))
    }

    /// Verifies the token itself: signature, issuer, time, audience.
    fn verify<'a>(
        &self,
        account: &'a Account,
        token: &str,
        now: Timestamp,
    ) -> Result<(WebIdentity, &'a OidcProvider), Error> {
        let not_a_jwt = || {
            Error::identity(
                "The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)",
            )
        };
        let jwt = Jwt::parse(token).ok_or_else(not_a_jwt)?;
        let token: WebIdentity = jwt.claims().ok_or_else(not_a_jwt)?;
        let url = token.iss.as_str();
        let provider = account.oidc_providers.iter().find(|provider| provider.url == url);
        let provider = provider.ok_or_else(|| {
            Error::identity(format!("No OpenIDConnect provider found in your account for {url}"))
        })?;
        let issuer = self.issuers.find(url);
        let thumbprints = &provider.thumbprints;
        if !thumbprints.is_empty() && issuer.is_some_and(|issuer| !issuer.has_thumbprint(thumbprints)) {
            return Err(Error::identity(
                "OpenIDConnect provider's HTTPS certificate doesn't match configured thumbprint",
            ));
        }
        let signed = issuer.is_some_and(|issuer| issuer.verify(&jwt).is_ok());
        if !signed {
            return Err(Error::identity(
                "Couldn't retrieve verification key from your identity provider,  please reference \
                 AssumeRoleWithWebIdentity documentation for requirements",
            ));
        }
        if now.0 >= token.exp {
            return Err(expired(now, Timestamp(token.exp)));
        }
        // This fake's own message.
        if let Some(start) = token.nbf.filter(|start| now.0 < *start) {
            return Err(Error::identity(format!(
                "Token not yet valid: current date/time {} must be after the not before date/time {start}",
                now.0
            )));
        }
        if !token.aud.as_slice().iter().any(|audience| provider.client_ids.contains(audience)) {
            return Err(Error::identity("Incorrect token audience"));
        }
        Ok((token, provider))
    }
}

/// Checks the token against the role's trust policy.
fn check_trust(account: &Account, role: &Role, token: &WebIdentity) -> Result<(), Error> {
    let issuer = token.iss.strip_prefix("https://").unwrap_or(&token.iss);
    let subject = std::slice::from_ref(&token.sub);
    let keys = [(format!("{issuer}:sub"), subject), (format!("{issuer}:aud"), token.aud.as_slice())];
    let provider = account.provider_arn(&token.iss);
    let context = RequestContext {
        action: "sts:AssumeRoleWithWebIdentity",
        resource: &role.arn,
        caller: Some(Caller::Federated(&provider)),
        keys: &keys,
    };
    if role.trust.evaluate(&context) == Decision::Allow { Ok(()) } else { Err(not_authorized()) }
}

pub(super) fn not_authorized() -> Error {
    Error::denied("Not authorized to perform sts:AssumeRoleWithWebIdentity")
}

pub(super) fn expired(now: Timestamp, expiry: Timestamp) -> Error {
    let message = format!(
        "Token expired: current date/time {} must be before the expiration date/time {}",
        now.0, expiry.0
    );
    Error::new(StatusCode::BAD_REQUEST, "ExpiredTokenException", message)
}

impl<'a> Parameters<'a> {
    fn parse(fields: &'a Fields) -> Result<Self, Error> {
        let required = |name: &str, parameter: &str| {
            fields.value(name).ok_or_else(|| {
                Error::validation(format!(
                    "1 validation error detected: Value null at '{parameter}' failed to satisfy constraint: Member \
                     must not be null"
                ))
            })
        };
        let role_arn = required("RoleArn", "roleArn")?;
        check_length(role_arn, "roleArn", 20, 2048)?;
        let session_name = required("RoleSessionName", "roleSessionName")?;
        check_length(session_name, "roleSessionName", 2, 64)?;
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_+=,.@-".contains(&byte);
        if !session_name.bytes().all(allowed) {
            let constraint = "satisfy regular expression pattern: [\\w+=,.@-]*";
            return Err(Error::constraint(session_name, "roleSessionName", constraint));
        }
        let token = required("WebIdentityToken", "webIdentityToken")?;
        check_length(token, "webIdentityToken", 4, 20_000)?;
        check_number(fields, "MinimumSessionTokenSize", "minimumSessionTokenSize", 0, 4096)?;
        // This fake's own message; AWS has no such provider either.
        if let Some(provider) = fields.value("ProviderId") {
            check_length(provider, "providerId", 4, 2048)?;
            return Err(Error::identity(format!(
                "ProviderId {provider} is for OAuth 2.0 access tokens: omit it for an OpenID Connect token"
            )));
        }
        let policy = fields.value("Policy").map(parse_policy).transpose()?;
        Ok(Self { role_arn, session_name, token, duration: duration(fields)?, policy })
    }
}

fn check_length(value: &str, parameter: &str, min: usize, max: usize) -> Result<(), Error> {
    let len = value.chars().count();
    if len < min {
        let constraint = format!("have length greater than or equal to {min}");
        return Err(Error::constraint(value, parameter, &constraint));
    }
    if len > max {
        return Err(Error::constraint(value, parameter, &format!("have length less than or equal to {max}")));
    }
    Ok(())
}

fn duration(fields: &Fields) -> Result<i64, Error> {
    Ok(check_number(fields, "DurationSeconds", "durationSeconds", 900, 43_200)?.unwrap_or(3600))
}

/// Returns the number in a field, if there is one and if it is within the limits.
fn check_number(
    fields: &Fields,
    name: &str,
    parameter: &str,
    min: i64,
    max: i64,
) -> Result<Option<i64>, Error> {
    let Some(text) = fields.value(name) else { return Ok(None) };
    let number: i64 = text
        .parse()
        .map_err(|_| Error::new(StatusCode::BAD_REQUEST, "MalformedInput", "Invalid Argument"))?;
    if number < min {
        let constraint = format!("have value greater than or equal to {min}");
        return Err(Error::constraint(text, parameter, &constraint));
    }
    if number > max {
        return Err(Error::constraint(text, parameter, &format!("have value less than or equal to {max}")));
    }
    Ok(Some(number))
}

fn parse_policy(text: &str) -> Result<(&str, PolicyDocument), Error> {
    check_length(text, "policy", 1, MAX_POLICY_CHARS)?;
    if !text.chars().all(|char| matches!(char, '\t' | '\n' | '\r' | ' '..='\u{ff}')) {
        let constraint = r"satisfy regular expression pattern: [\u0009\u000A\u000D\u0020-\u00FF]+";
        return Err(Error::constraint(text, "policy", constraint));
    }
    let malformed = |message: &str| Error::new(StatusCode::BAD_REQUEST, "MalformedPolicyDocument", message);
    let json = serde_json::from_str(text).map_err(|_| malformed("This policy contains invalid Json"))?;
    let document = PolicyDocument::identity(&json).map_err(|_| malformed("Syntax errors in policy."))?;
    Ok((text, document))
}

fn result(session: &Session, token: &WebIdentity, provider: &str, policy: Option<&str>) -> String {
    let audience = token.aud.as_slice().first().map_or("", String::as_str);
    let packed = policy.map_or(String::new(), |policy| {
        // A percentage of the limit, at least 1.
        format!(
            "    <PackedPolicySize>{}</PackedPolicySize>\n",
            (policy.len() * 100).div_ceil(MAX_POLICY_CHARS)
        )
    });
    format!(
        "    <Audience>{}</Audience>\n    <AssumedRoleUser>\n      <AssumedRoleId>{}</AssumedRoleId>\n      \
         <Arn>{}</Arn>\n    </AssumedRoleUser>\n    <Provider>{}</Provider>\n    <Credentials>\n      \
         <AccessKeyId>{}</AccessKeyId>\n      <SecretAccessKey>{}</SecretAccessKey>\n      \
         <SessionToken>{}</SessionToken>\n      <Expiration>{}</Expiration>\n    </Credentials>\n{packed}    \
         <SubjectFromWebIdentityToken>{}</SubjectFromWebIdentityToken>\n",
        escape(audience),
        escape(&session.user_id()),
        escape(&session.arn()),
        escape(provider),
        session.access_key,
        session.secret.expose(),
        session.token.expose(),
        session.expires,
        escape(&token.sub),
    )
}
