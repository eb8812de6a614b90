//! The YAML and JSON input of the command line: its documents, their objects and their pods.
#![no_main]

#[allow(dead_code, unused_imports, reason = "the command line uses the rest")]
#[path = "../../../src/cli/src/error.rs"]
mod error;
#[allow(dead_code, unused_imports, reason = "the command line uses the rest")]
#[path = "../../../src/cli/src/input/mod.rs"]
mod input;
#[allow(dead_code, unused_imports, reason = "the command line uses the rest")]
#[path = "../../../src/cli/src/limits/mod.rs"]
mod limits;
#[allow(dead_code, unused_imports, reason = "the command line uses the rest")]
#[path = "../../../src/cli/src/options.rs"]
mod options;
#[allow(dead_code, unused_imports, reason = "the command line uses the rest")]
#[path = "../../../src/cli/src/output/mod.rs"]
mod output;

use libfuzzer_sys::fuzz_target;

use crate::input::document::Document;
use crate::input::object_pod::ObjectPod;

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Ok(documents) = Document::read_all("input", text) else { return };
    // What is not changed is written as it was read.
    let written: String = documents.iter().map(|document| &*document.text).collect();
    assert_eq!(written, text);
    for object in documents.iter().flat_map(Document::objects) {
        let Ok(found) = ObjectPod::all(&object) else { continue };
        for pod in &found.pods {
            let _ = pod.parse();
        }
        let _ = found.object_warnings();
    }
});
