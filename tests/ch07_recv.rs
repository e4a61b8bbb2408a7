//! Chapter 07: what has arrived, the end, and a goodbye that loses nothing.

#[macro_use]
mod fixtures;
subject!(socket::recv = "../my/socket/recv.rs",
    tests = "../my/tests/recv.rs" or "../lessons/07-recv/answer_tests.rs");

use fixtures::peer::text;
use fixtures::*;
use recv::{close, read_some, recv, recv_exactly, shutdown};
use socket2::{SockRef, Socket};
use std::io::{self, ErrorKind, Write};
use std::mem::MaybeUninit;
use std::net::Shutdown;
use std::thread;
use std::time::Duration;

/// A wait that is certain to be in vain: its length decides nothing.
const A_WHILE: Duration = Duration::from_millis(20);

/// A connection whose socket waits, but not for ever.
#[track_caller]
fn connection() -> (Socket, Peer) {
    let (socket, peer) = connected();
    socket.set_read_timeout(Some(GUARD)).expect("a guard");
    (socket, peer)
}

/// Fails unless `result` is `expected`; `why` says what is the matter.
#[track_caller]
fn got(result: io::Result<Vec<u8>>, expected: &[u8], why: &str) {
    match result {
        Ok(bytes) => same_bytes(&bytes, expected, why),
        Err(error) => panic!("{error}, instead of \"{}\": {why}", text(expected)),
    }
}

/// The error of a `recv` that has to fail, and otherwise what it gave, as text.
#[track_caller]
fn fails(result: io::Result<Vec<u8>>, why: &str) -> io::Error {
    refused(result.map(|bytes| text(&bytes)), why)
}

mod step_1 {
    use super::*;

    #[test]
    fn what_was_sent_is_what_is_received() {
        let (socket, mut peer) = connection();
        peer.sends(b"hello");
        got(recv(&socket, 10), b"hello", "five bytes came, and no more");
    }

    #[test]
    fn what_was_not_asked_for_stays_for_the_next_recv() {
        let (socket, mut peer) = connection();
        peer.sends(b"hello");
        got(recv(&socket, 2), b"he", "two bytes were asked for");
        got(recv(&socket, 20), b"llo", "the rest is still there");
    }
}

mod step_2 {
    use super::*;

    #[test]
    fn the_end_is_an_empty_answer() {
        let (socket, peer) = connection();
        peer.closes();
        got(recv(&socket, 20), b"", "the peer hung up in good order");
    }

    #[test]
    fn what_was_sent_before_the_end_comes_before_the_end() {
        let (socket, mut peer) = connection();
        peer.sends(b"bye");
        peer.closes();
        got(recv(&socket, 20), b"bye", "the peer said something first");
        got(recv(&socket, 20), b"", "and then it hung up");
    }

    #[test]
    fn the_end_is_told_again_and_again() {
        let (socket, peer) = connection();
        peer.closes();
        for time in 1..=3 {
            let why = format!("the end stays the end, when asked for time {time}");
            got(recv(&socket, 20), b"", &why);
        }
    }

    #[test]
    fn recv_of_0_bytes_asks_nobody() {
        // A silent peer would keep the one who asks waiting for ever. Without
        // a peer the kernel has to say so at once, and so the test does too.
        let socket = tcp();
        let why = "nothing was asked for, so there is nothing to ask the kernel";
        got(recv(&socket, 0), b"", why);
    }
}

mod step_3 {
    use super::*;

    #[test]
    fn an_interrupted_read_is_tried_again() {
        let source = Chop::new(&[]).then_fails(ErrorKind::Interrupted);
        let why = "a signal came while we waited, and then the bytes did";
        got(read_some(source.then(b"hello"), 20), b"hello", why);
    }

    #[test]
    fn a_timeout_by_the_name_of_would_block_is_timed_out() {
        let source = Chop::new(&[]).then_fails(ErrorKind::WouldBlock);
        let error = fails(read_some(source, 20), "nothing came");
        let why = "this is how Linux and macOS call a timeout";
        assert_eq!(error.kind(), ErrorKind::TimedOut, "{why}");
    }

    #[test]
    fn a_timeout_by_the_name_of_timed_out_is_timed_out() {
        let source = Chop::new(&[]).then_fails(ErrorKind::TimedOut);
        let error = fails(read_some(source, 20), "nothing came");
        let why = "this is how Windows calls a timeout";
        assert_eq!(error.kind(), ErrorKind::TimedOut, "{why}");
    }

    #[test]
    fn a_silent_peer_is_a_timeout_and_not_the_end() {
        let (socket, _silent) = connection();
        socket.set_read_timeout(Some(A_WHILE)).expect("a timeout");
        let error = fails(recv(&socket, 20), "the peer is there, and silent");
        let why = "one name for it on every system";
        assert_eq!(error.kind(), ErrorKind::TimedOut, "{why}");
    }

    #[test]
    fn after_a_timeout_the_connection_is_still_good() {
        let (socket, mut peer) = connection();
        socket.set_read_timeout(Some(A_WHILE)).expect("a timeout");
        fails(recv(&socket, 20), "nothing has been sent yet");
        socket.set_read_timeout(Some(GUARD)).expect("a guard");
        peer.sends(b"late");
        got(recv(&socket, 20), b"late", "only the waiting had an end");
    }

    #[test]
    fn a_non_blocking_socket_with_nothing_says_would_block() {
        let (socket, _silent) = connected();
        socket.set_nonblocking(true).expect("non-blocking");
        let error = fails(recv(&socket, 20), "nothing has been sent");
        let why = "it did not wait, so no time was up";
        assert_eq!(error.kind(), ErrorKind::WouldBlock, "{why}");
    }

    #[test]
    fn a_reset_is_an_error_and_not_the_end() {
        let (socket, peer) = connection();
        peer.resets();
        let error = fails(recv(&socket, 20), "the peer did not end, it broke off");
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    }
}

mod step_4 {
    use super::*;

    #[test]
    fn a_message_in_pieces_is_put_together() {
        let source = Chop::new(&[b"he", b"l", b"lo"]);
        got(recv_exactly(source, 5), b"hello", "it came in three pieces");
    }

    #[test]
    fn two_messages_in_one_piece_are_two_messages() {
        let mut source = Chop::new(&[b"helloworld"]);
        let why = "five bytes are the first message; the rest is the next one's";
        got(recv_exactly(&mut source, 5), b"hello", why);
        got(recv_exactly(&mut source, 5), b"world", "the second message");
    }

    #[test]
    fn a_message_of_no_bytes_is_there_already() {
        let why = "nothing is missing, so there is nothing to ask for";
        got(recv_exactly(Chop::new(&[]), 0), b"", why);
    }

    #[test]
    fn a_message_byte_by_byte_crosses_a_connection_whole() {
        let (socket, mut peer) = connection();
        peer.sends_byte_by_byte(b"hello, world");
        let why = "each byte was a segment of its own";
        got(recv_exactly(&socket, 12), b"hello, world", why);
    }

    #[test]
    fn an_end_in_the_middle_says_how_much_came() {
        let source = Chop::new(&[b"hel", b"lo"]);
        let error = fails(recv_exactly(source, 12), "the stream ended too early");
        assert_eq!(error.kind(), ErrorKind::UnexpectedEof);
        let told = error.to_string();
        assert!(
            told.contains('5') && told.contains("12"),
            "5 of 12 bytes had come. The error says only: {told}"
        );
    }

    #[test]
    fn a_silence_in_the_middle_is_timed_out() {
        let source = Chop::new(&[b"hel"]).then_fails(ErrorKind::WouldBlock);
        let error = fails(recv_exactly(source, 5), "two bytes never came");
        let why = "step 3 has one name for it";
        assert_eq!(error.kind(), ErrorKind::TimedOut, "{why}");
    }

    #[test]
    fn a_huge_recv_costs_what_arrives() {
        let (socket, mut peer) = connection();
        peer.sends(b"hello");
        let why = "there is no memory for that many, and no need";
        got(recv(&socket, usize::MAX), b"hello", why);
    }

    #[test]
    fn a_huge_message_costs_what_arrives() {
        let source = Chop::new(&[b"hello"]).then_fails(ErrorKind::ConnectionReset);
        let error = fails(recv_exactly(source, usize::MAX), "only 5 bytes came");
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    }
}

mod step_5 {
    use super::*;

    #[test]
    fn after_a_half_close_nothing_can_be_sent() {
        let (socket, _peer) = connection();
        shutdown(&socket, Shutdown::Write).expect("it is connected");
        refused((&socket).write(b"more"), "we said that we send no more");
    }

    #[test]
    fn after_a_half_close_the_other_direction_still_flows() {
        let (socket, mut peer) = connection();
        shutdown(&socket, Shutdown::Write).expect("it is connected");
        peer.sends(b"answer");
        let why = "we ended our direction only";
        got(recv(&socket, 20), b"answer", why);
    }

    #[test]
    fn what_was_said_before_a_half_close_arrives() {
        let (socket, mut peer) = connection();
        (&socket).write_all(b"question").expect("it is connected");
        shutdown(&socket, Shutdown::Write).expect("it is connected");
        let heard = peer.hears_to_the_end();
        same_bytes(&heard, b"question", "what the peer heard before the end");
    }

    #[test]
    fn dropping_one_of_two_clones_closes_nothing() {
        let (socket, mut peer) = connection();
        drop(socket.try_clone().expect("a second handle"));
        peer.sends(b"still there?");
        let why = "one handle is left, so the connection is";
        got(recv(&socket, 20), b"still there?", why);
    }

    #[test]
    fn shutdown_of_one_of_two_clones_ends_both() {
        let (socket, _peer) = connection();
        let clone = socket.try_clone().expect("a second handle");
        shutdown(&clone, Shutdown::Both).expect("it is connected");
        let why = "shutdown ends the connection, not the handle";
        refused((&socket).write(b"more"), why);
        got(recv(&socket, 20), b"", why);
    }

    #[test]
    fn shutdown_after_the_peer_is_gone_is_harmless() {
        let (socket, peer) = connection();
        peer.resets();
        fails(recv(&socket, 20), "now we know that the peer is gone");
        if let Err(error) = shutdown(&socket, Shutdown::Both) {
            panic!("what we want has happened already: {error}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn any_other_error_of_shutdown_is_an_error() {
        let file = std::fs::File::open("/dev/null").expect("every Unix has one");
        let no_socket = Socket::from(std::os::fd::OwnedFd::from(file));
        let result = shutdown(&no_socket, Shutdown::Both);
        refused(result, "this is no socket at all");
    }
}

mod step_6 {
    use super::*;

    /// Waits until something has arrived, and leaves it unread.
    #[track_caller]
    fn has_unread_input(socket: &Socket) {
        let count = socket.peek(&mut [MaybeUninit::uninit()]);
        assert_eq!(count.expect("the peer has sent something"), 1);
    }

    #[test]
    fn the_last_answer_survives_unread_input() {
        let (socket, mut peer) = connection();
        peer.sends(b"question, and chatter that nobody reads");
        peer.half_closes();
        has_unread_input(&socket);
        (&socket).write_all(b"answer").expect("it is connected");
        close(socket, 1024, GUARD).expect("the peer has ended, too");
        let mut heard = Vec::new();
        if let Err(error) = peer.reads_into(&mut heard) {
            let heard = text(&heard);
            panic!("the peer heard {heard:?}, and then not the end but: {error}");
        }
        same_bytes(&heard, b"answer", "what the peer heard");
    }

    #[test]
    fn close_gives_up_on_a_peer_that_does_not_end() {
        let (socket, _silent) = connection();
        let error = refused(close(socket, 1024, A_WHILE), "the peer never hangs up");
        assert_eq!(error.kind(), ErrorKind::TimedOut);
    }

    #[test]
    fn close_has_patience_for_the_whole_and_not_for_each_piece() {
        let (socket, peer) = connection();
        // With little on the way nothing is dropped, and sent again after a pause.
        let buffer = SockRef::from(peer.stream()).set_send_buffer_size(4096);
        buffer.expect("a small buffer");
        let talks = thread::spawn(move || while peer.stream().write_all(&[b'.'; 1000]).is_ok() {});
        let waiter = Waiter::start(move || close(socket, usize::MAX, 25 * A_WHILE));
        let why = "the peer never stops talking";
        let error = refused(waiter.answer(), why);
        // Which of the two it must be is the claim of step 3.
        let in_time = matches!(error.kind(), ErrorKind::TimedOut | ErrorKind::WouldBlock);
        assert!(in_time, "{why}, and close says: {error}");
        talks.join().expect("its line is cut");
    }

    #[test]
    fn close_without_patience_does_not_wait_for_ever() {
        let (socket, _silent) = connection();
        let waiter = Waiter::start(move || close(socket, 1024, Duration::ZERO));
        let error = refused(waiter.answer(), "the peer has not hung up");
        assert_eq!(error.kind(), ErrorKind::TimedOut);
    }

    #[test]
    fn close_says_goodbye_before_it_waits() {
        let (socket, _waits_for_our_end) = connection();
        let clone = socket.try_clone().expect("a second handle");
        refused(close(socket, 1024, A_WHILE), "the peer waits for our end");
        let why = "both sides waited for the other's end, as polite people at a door";
        refused((&clone).write(b"more"), why);
    }

    #[test]
    fn close_of_a_non_blocking_socket_waits_too() {
        let (socket, _silent) = connection();
        socket.set_nonblocking(true).expect("non-blocking");
        let error = refused(close(socket, 1024, A_WHILE), "the peer never hangs up");
        let why = "it had patience, and did not use it";
        assert_eq!(error.kind(), ErrorKind::TimedOut, "{why}");
    }

    #[test]
    fn close_forgets_as_many_bytes_as_it_may() {
        let (socket, mut peer) = connection();
        peer.sends(b"chatter");
        peer.half_closes();
        has_unread_input(&socket);
        if let Err(error) = close(socket, 7, GUARD) {
            panic!("seven bytes were allowed, and seven came: {error}");
        }
    }

    #[test]
    fn close_forgets_no_more_bytes_than_it_may() {
        let (socket, mut peer) = connection();
        peer.sends(b"chatter");
        peer.half_closes();
        has_unread_input(&socket);
        let why = "six bytes were allowed, and seven came";
        let error = refused(close(socket, 6, GUARD), why);
        assert_eq!(error.kind(), ErrorKind::QuotaExceeded, "{why}");
    }
}
