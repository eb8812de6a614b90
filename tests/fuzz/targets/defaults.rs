//! The platform team's `defaults.yaml`.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rolebridge_inject::Defaults;

fuzz_target!(|data: &[u8]| {
    if let Ok(text) = std::str::from_utf8(data)
        && let Err(error) = Defaults::from_yaml(text)
    {
        assert!(!error.to_string().is_empty());
    }
});
