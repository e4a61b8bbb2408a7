//! The `chatroom` command; all of it stands in [`chatroom::cli`].

fn main() -> std::process::ExitCode {
    chatroom::cli::run()
}
