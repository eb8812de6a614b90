//! Variables that containers get from all keys of a `ConfigMap` or a Secret (`envFrom`).
//!
//! A variable in `env` wins over one of the same name in `envFrom`. So Rolebridge's variables hide those of such an object, and
//! the object's other variables may be preferred by libraries. The webhook reads no such object: it warns where the pod looks
//! as if one held other credentials ([`hint()`]). The command line reads them, and names each key ([`findings()`]).

mod findings;
mod hint;
mod source;

pub use self::findings::{Keys, Objects, findings};
pub use self::hint::hint;
pub use self::source::{ObjectKind, Reference, references};
