//! Values that both programs parse, and lines of a diagnosis.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rolebridge_core::diagnostics::StepResult;
use rolebridge_core::redact::{Quoted, redact_userinfo};
use rolebridge_core::service_accounts::{MAX_ACCOUNTS, ServiceAccounts};
use rolebridge_core::{parse, token_outputs};

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(provider) = parse::audience(text) {
        assert!(text.ends_with(provider.as_str()));
    }
    if let Ok(role) = parse::role(text) {
        assert!(text.ends_with(role.name()) && text.contains(role.account()));
    }
    if let Ok(proxy) = parse::proxy_variable(text) {
        assert!(parse::proxy(&proxy).is_ok());
    }
    let _ = (parse::email(text), parse::emails(text), parse::project(text), parse::universe(text));
    let _ =
        (parse::region(text), parse::session_name(text), parse::identity(text), parse::aws_credentials(text));
    let _ = (
        parse::endpoint(text),
        parse::endpoints(text),
        parse::issuer(text),
        parse::port(text),
        parse::pod_identity_uri(text),
    );
    let _ = (parse::startup_timeout(text), parse::token_lifetime(text), parse::log_level(text));
    if let Ok(outputs) = token_outputs::parse(text) {
        assert!(outputs.iter().all(|file| !file.name.contains('/')));
    }
    if let Ok(accounts) = ServiceAccounts::parse(text) {
        assert!(accounts.accounts().len() <= MAX_ACCOUNTS);
        let displayed = accounts.to_string();
        assert_eq!(ServiceAccounts::parse(&displayed).as_ref(), Ok(&accounts));
    }
    assert!(!Quoted(text).to_string().contains('\n'));
    let _ = redact_userinfo(text);
    let _ = serde_json::from_str::<StepResult>(text);
});
