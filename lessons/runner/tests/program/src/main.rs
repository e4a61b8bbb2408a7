fn main() -> std::process::ExitCode {
    greeter::cli::run()
}
