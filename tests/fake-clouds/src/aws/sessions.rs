//! Sessions: the temporary credentials that STS issued, and their permissions.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::accounts::Role;
use super::policy::{Decision, PolicyDocument, RequestContext};
use crate::clock::Timestamp;
use crate::secret::{self, Secret};

/// A session of a role.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) access_key: String,
    pub(super) secret: Secret,
    pub(super) token: Secret,
    pub(super) role: Arc<Role>,
    pub(super) name: String,
    pub(super) policy: Option<PolicyDocument>,
    /// Session tags.
    pub(super) tags: Vec<(String, String)>,
    pub(super) expires: Timestamp,
}

impl Session {
    pub(super) fn new(
        role: Arc<Role>,
        name: &str,
        policy: Option<PolicyDocument>,
        expires: Timestamp,
    ) -> Self {
        Self {
            access_key: format!("ASIA{}", secret::unique_id(16)),
            secret: Secret::new(secret::base64(30)),
            // As long as AWS's tokens and with every character of base64, which breaks careless encoders.
            token: Secret::new(format!("IQoJb3JpZ2luX2VjE+/{}", secret::base64(450))),
            role,
            name: name.to_owned(),
            policy,
            tags: Vec::new(),
            expires,
        }
    }

    /// Sets the session tags.
    pub(super) fn with_tags(self, tags: Vec<(String, String)>) -> Self {
        Self { tags, ..self }
    }

    /// Returns `arn:aws:sts::ACCOUNT:assumed-role/ROLE/SESSION`, without the role's path.
    pub(super) fn arn(&self) -> String {
        let Role { partition, account, name, .. } = &*self.role;
        format!("arn:{partition}:sts::{account}:assumed-role/{name}/{}", self.name)
    }

    /// Returns the unique ID, `AROA…:SESSION`.
    pub(super) fn user_id(&self) -> String {
        format!("{}:{}", self.role.id, self.name)
    }

    /// Returns the error message if the session may not perform an action under these condition keys. The session
    /// policy can only remove permissions.
    pub(super) fn denial_message(&self, action: &str, keys: &[(String, &[String])]) -> Option<String> {
        let context = RequestContext { action, resource: "*", caller: None, keys };
        let decisions = self.role.policies.iter().map(|policy| policy.evaluate(&context));
        let role = decisions.fold(Decision::ImplicitDeny, |combined, decision| match (combined, decision) {
            (Decision::ExplicitDeny, _) | (_, Decision::ExplicitDeny) => Decision::ExplicitDeny,
            (Decision::Allow, _) | (_, Decision::Allow) => Decision::Allow,
            _ => Decision::ImplicitDeny,
        });
        let session = self.policy.as_ref().map_or(Decision::Allow, |policy| policy.evaluate(&context));
        let reason = match (role, session) {
            (Decision::ExplicitDeny, _) => "with an explicit deny in an identity-based policy".to_owned(),
            (_, Decision::ExplicitDeny) => "with an explicit deny in a session policy".to_owned(),
            (Decision::ImplicitDeny, _) => {
                format!("because no identity-based policy allows the {action} action")
            }
            (_, Decision::ImplicitDeny) => format!("because no session policy allows the {action} action"),
            (Decision::Allow, Decision::Allow) => return None,
        };
        Some(format!("User: {} is not authorized to perform: {action} on resource: * {reason}", self.arn()))
    }
}

/// All issued sessions. Expired ones are kept, because AWS reports them as expired.
#[derive(Debug, Default)]
pub(super) struct Sessions(Mutex<HashMap<String, Arc<Session>>>);

impl Sessions {
    pub(super) fn add(&self, session: Session) -> Arc<Session> {
        let session = Arc::new(session);
        let mut sessions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        sessions.insert(session.access_key.clone(), Arc::clone(&session));
        session
    }

    pub(super) fn find(&self, access_key: &str) -> Option<Arc<Session>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(access_key).cloned()
    }
}
