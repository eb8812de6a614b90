//! The app as its own program, for the tests.

fn main() -> std::process::ExitCode {
    rolebridge_tests::app::main()
}
