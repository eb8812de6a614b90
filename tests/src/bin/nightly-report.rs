//! The app as a program of its own, for the tests.

fn main() -> std::process::ExitCode {
    rolebridge_tests::app::main()
}
