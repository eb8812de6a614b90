//! The kinds of Google tokens.

use crate::scopes::Scopes;

/// The kind of a Google token. Each kind is one entry of the token cache.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum TokenKind {
    /// An access token: the service account's if there is one, else the federated token.
    Access(Scopes),
    /// The federated token with which a service account is impersonated.
    Federated,
    /// The service account's ID token, which contains its email.
    Id {
        /// The audience.
        audience: String,
    },
}

impl TokenKind {
    /// Returns the access token that Google's libraries request by default.
    #[must_use]
    pub fn default_access() -> Self {
        Self::Access(Scopes::cloud_platform())
    }

    /// Returns true if the token is renewed before it is requested again.
    #[must_use]
    pub const fn is_renewed_ahead(&self) -> bool {
        !matches!(self, Self::Id { .. })
    }

    /// Returns the class, which metrics and logs name.
    #[must_use]
    pub const fn class(&self) -> TokenClass {
        match self {
            Self::Access(_) => TokenClass::Access,
            Self::Federated => TokenClass::Federated,
            Self::Id { .. } => TokenClass::Id,
        }
    }
}

/// A Google token's kind without its parameters, as metrics and logs name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenClass {
    /// An access token for an app.
    Access,
    /// The federated token with which a service account is impersonated.
    Federated,
    /// An ID token.
    Id,
}

impl TokenClass {
    /// All classes, in the order of the enum.
    pub const ALL: [Self; 3] = [Self::Access, Self::Federated, Self::Id];

    /// Returns the name in metrics and logs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Access => "access",
            Self::Federated => "federated",
            Self::Id => "id",
        }
    }
}
