//! Chapter 00: a host and a port, and the loop of red, green and refactor.

#[macro_use]
mod fixtures;
subject!(address = "../my/address.rs",
    tests = "../my/tests/address.rs" or "../lessons/00-address/answer_tests.rs");

use crate::address::{parse, parse_port};
use fixtures::*;
use std::io::ErrorKind;

/// `parse` has to refuse `text`, with an error that has `word` in it.
#[track_caller]
fn assert_refused(text: &str, word: &str) {
    let error = refused(parse(text), &format!("{text:?} is no host:port"));
    let said = error.to_string();
    assert!(
        said.contains(word),
        "what is wrong with {text:?}? The error should say the word {word:?}; it says: {said}"
    );
}

mod step_1 {
    use super::*;

    #[test]
    fn a_host_and_a_port_come_out() {
        let address = parse("127.0.0.1:80").expect("this is host:port");
        assert_eq!(address, ("127.0.0.1", 80));
    }
}

mod step_2 {
    use super::*;

    #[test]
    fn another_text_gives_another_host_and_port() {
        let address = parse("localhost:7878").expect("this is host:port");
        assert_eq!(address, ("localhost", 7878));
    }
}

mod step_3 {
    use super::*;

    #[test]
    fn digits_are_a_port() {
        assert_eq!(parse_port("8080"), Some(8080));
    }

    #[test]
    fn a_word_is_no_port() {
        assert_eq!(parse_port("http"), None, "no digits at all");
    }

    #[test]
    fn an_empty_text_is_no_port() {
        assert_eq!(parse_port(""), None, "there is nothing to read");
    }

    #[test]
    fn there_is_no_port_65536() {
        for text in ["65536", "65616", "4294967376"] {
            assert_eq!(parse_port(text), None, "{text} does not fit into 16 bits");
        }
    }

    #[test]
    fn a_port_has_no_sign() {
        for text in ["+80", "-80"] {
            assert_eq!(parse_port(text), None, "{text:?} is more than digits");
        }
    }

    #[test]
    fn a_port_has_no_space() {
        for text in [" 80", "80 ", "80\n"] {
            assert_eq!(parse_port(text), None, "{text:?} is more than digits");
        }
    }
}

mod step_4 {
    use super::*;

    #[test]
    fn a_missing_port_is_named() {
        for text in ["localhost", "localhost:"] {
            assert_refused(text, "port");
        }
    }

    #[test]
    fn a_port_that_is_none_is_named() {
        for text in ["localhost:65536", "localhost:+80", "localhost: 80"] {
            assert_refused(text, "port");
        }
    }

    #[test]
    fn a_missing_host_is_named() {
        assert_refused(":80", "host");
    }

    #[test]
    fn an_empty_text_is_refused() {
        let error = refused(parse(""), "it holds neither host nor port");
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
    }

    #[test]
    fn a_missing_host_and_a_missing_port_are_told_apart() {
        let host = refused(parse(":80"), "there is no host").to_string();
        let port = refused(parse("localhost"), "there is no port").to_string();
        let (host, port) = (host.replace(":80", ""), port.replace("localhost", ""));
        assert_ne!(host, port, "one is to be told what to change, not to guess");
    }

    #[test]
    fn an_error_quotes_the_text() {
        for text in ["localhost", "localhost:65536", ":80"] {
            let error = refused(parse(text), &format!("{text:?} is no host:port"));
            let said = error.to_string();
            assert!(
                said.contains(text),
                "{text:?} is not to be found in: {said}"
            );
        }
    }

    #[test]
    fn an_error_is_of_the_kind_invalid_input() {
        for text in ["localhost", "localhost:65536", ":80"] {
            let error = refused(parse(text), &format!("{text:?} is no host:port"));
            assert_eq!(
                error.kind(),
                ErrorKind::InvalidInput,
                "the kind for {text:?}"
            );
        }
    }
}

mod step_5 {
    use super::*;

    #[test]
    fn brackets_hold_an_ipv6_address() {
        let address = parse("[::1]:80").expect("this is [host]:port");
        assert_eq!(address, ("::1", 80));
    }

    #[test]
    fn an_ipv6_address_without_brackets_is_told_to_use_them() {
        for text in ["::1:80", "2001:db8::1:80"] {
            assert_refused(text, "bracket");
        }
    }

    #[test]
    fn a_bracket_that_is_not_closed_is_named() {
        assert_refused("[::1:80", "bracket");
    }

    #[test]
    fn only_the_port_may_follow_the_bracket() {
        for text in ["[::1]80", "[::1] :80", "[::1]0:80"] {
            assert_refused(text, "bracket");
        }
    }

    #[test]
    fn a_port_is_missing_after_brackets_too() {
        for text in ["[::1]", "[::1]:"] {
            assert_refused(text, "port");
        }
    }

    #[test]
    fn a_port_after_brackets_is_read_as_strictly() {
        for text in ["[::1]:65536", "[::1]:+80", "[::1]: 80"] {
            assert_refused(text, "port");
        }
    }

    #[test]
    fn empty_brackets_hold_no_host() {
        assert_refused("[]:80", "host");
    }

    #[test]
    fn an_error_about_brackets_quotes_the_text() {
        for text in ["::1:80", "[::1:80", "[::1]0:80"] {
            let error = refused(parse(text), &format!("{text:?} is no host:port"));
            let said = error.to_string();
            assert!(
                said.contains(text),
                "{text:?} is not to be found in: {said}"
            );
        }
    }

    #[test]
    fn an_error_about_brackets_is_of_the_kind_invalid_input() {
        for text in ["::1:80", "[::1:80", "[::1]0:80", "[::1]", "[]:80"] {
            let error = refused(parse(text), &format!("{text:?} is no host:port"));
            assert_eq!(
                error.kind(),
                ErrorKind::InvalidInput,
                "the kind for {text:?}"
            );
        }
    }
}
