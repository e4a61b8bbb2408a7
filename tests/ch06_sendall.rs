//! Chapter 06: everything is sent, or it fails.

#[macro_use]
mod fixtures;
subject!(socket::sendall = "../my/socket/sendall.rs",
    tests = "../my/tests/sendall.rs" or "../lessons/06-sendall/answer_tests.rs");

use fixtures::*;
use sendall::{send, sendall, sendall_to};
use std::io::{self, ErrorKind, Write};
use std::time::{Duration, Instant};

const MIB: usize = 1 << 20;

/// Bytes that do not look like themselves a power of two further on.
fn many(count: usize) -> Vec<u8> {
    (0..=250).cycle().take(count).collect()
}

mod step_1 {
    use super::*;

    #[test]
    fn a_short_message_is_taken_whole() {
        let (socket, mut peer) = connected();
        let count = send(&socket, b"hello").expect("there is room");
        assert_eq!(count, 5, "how many bytes were taken");
        drop(socket);
        peer.hears(b"hello");
    }

    #[cfg(unix)]
    #[test]
    fn send_takes_a_part_where_there_is_room_for_a_part() {
        let (socket, _peer) = narrow();
        socket.set_nonblocking(true).expect("it can");
        let count = send(&socket, &many(MIB)).expect("there is room for some");
        assert!(
            0 < count && count < MIB,
            "nobody reads, and a mebibyte is more than fits on the way; taken: {count}"
        );
    }

    #[cfg(unix)]
    #[test]
    fn the_part_that_was_taken_is_the_beginning() {
        let (socket, mut peer) = narrow();
        socket.set_nonblocking(true).expect("it can");
        let bytes = many(MIB);
        let count = send(&socket, &bytes).expect("there is room for some");
        drop(socket);
        let heard = peer.hears_to_the_end();
        same_bytes(&heard, &bytes[..count], "what the peer heard");
    }
}

mod step_2 {
    use super::*;

    #[test]
    fn a_message_arrives() {
        let (socket, mut peer) = connected();
        sendall(&socket, b"hello", None).expect("the peer is there");
        drop(socket);
        peer.hears(b"hello");
    }

    #[test]
    fn four_mebibytes_arrive_whole() {
        let (socket, peer) = connected();
        let peer = reads_aside(peer);
        let bytes = many(4 * MIB);
        sendall(&socket, &bytes, None).expect("the peer reads");
        drop(socket);
        same_bytes(&peer.heard(), &bytes, "what the peer heard");
    }
}

mod step_3 {
    use super::*;

    #[test]
    fn what_is_taken_in_parts_is_sent_whole() {
        // The last failure only ends a loop that would never end.
        let mut sip = Sip::new(3).failing_at(99, ErrorKind::Other);
        let offer = |rest: &[u8], _| sip.write(rest);
        let result = sendall_to(offer, b"hello, world", None, Instant::now);
        same_bytes(&sip.took, b"hello, world", "three bytes at a time");
        result.expect("all of it was taken");
    }

    #[test]
    fn an_error_after_a_part_is_an_error() {
        let mut sip = Sip::new(3).failing_at(1, ErrorKind::ConnectionReset);
        let offer = |rest: &[u8], _| sip.write(rest);
        let result = sendall_to(offer, b"hello, world", None, Instant::now);
        let error = refused(result, "three bytes were taken, and then no more");
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    }

    #[test]
    fn nothing_taken_is_neither_done_nor_tried_for_ever() {
        let mut sip = Sip::new(0).failing_at(1, ErrorKind::Other);
        let offer = |rest: &[u8], _| sip.write(rest);
        let result = sendall_to(offer, b"hello, world", None, Instant::now);
        let error = refused(result, "not one byte was taken");
        assert_eq!(
            sip.writes, 1,
            "it took nothing and gave no reason; ask again?"
        );
        assert_eq!(error.kind(), ErrorKind::WriteZero);
    }

    #[test]
    fn nothing_to_send_is_sent() {
        let mut sip = Sip::new(3);
        let offer = |rest: &[u8], _| sip.write(rest);
        let result = sendall_to(offer, b"", None, Instant::now);
        result.expect("all of nothing was taken");
    }
}

mod step_4 {
    use super::*;

    #[test]
    fn an_interrupted_send_is_tried_again() {
        let mut sip = Sip::new(99).failing_at(0, ErrorKind::Interrupted);
        let offer = |rest: &[u8], _| sip.write(rest);
        let result = sendall_to(offer, b"hello", None, Instant::now);
        result.expect("a signal came in between, that was all");
        same_bytes(&sip.took, b"hello", "what was taken");
    }

    #[test]
    fn it_is_tried_again_as_often_as_it_is_interrupted() {
        let mut sip = Sip::new(99);
        for write in 0..10 {
            sip = sip.failing_at(write, ErrorKind::Interrupted);
        }
        let offer = |rest: &[u8], _| sip.write(rest);
        let result = sendall_to(offer, b"hello", None, Instant::now);
        result.expect("ten signals came in between, that was all");
        same_bytes(&sip.took, b"hello", "what was taken");
    }
}

mod step_5 {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn every_piece_gets_what_is_left_of_one_timeout() {
        let (clock, mut sip) = (Clock::new(), Sip::new(3));
        let mut waits = Vec::new();
        let offer = |rest: &[u8], wait| {
            waits.push((clock.elapsed(), wait));
            clock.passes(20 * MS);
            sip.write(rest)
        };
        let result = sendall_to(offer, b"hello, world", Some(100 * MS), || clock.now());
        result.expect("four pieces of 20 ms are done in 100 ms");
        for (elapsed, wait) in waits {
            let left = Some(100 * MS - elapsed);
            assert_eq!(wait, left, "how long the piece after {elapsed:?} may wait");
        }
    }

    #[test]
    fn a_deadline_that_has_passed_is_timed_out_without_another_try() {
        let (clock, mut sip) = (Clock::new(), Sip::new(3));
        let offer = |rest: &[u8], _| {
            clock.passes(60 * MS);
            sip.write(rest)
        };
        let result = sendall_to(offer, b"hello, world", Some(100 * MS), || clock.now());
        let error = refused(result, "after two pieces 120 ms of 100 ms are gone");
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        same_bytes(&sip.took, b"hello,", "at 0 ms and at 60 ms, then no more");
    }

    #[test]
    fn what_was_taken_whole_is_done_even_if_it_took_too_long() {
        let (clock, mut sip) = (Clock::new(), Sip::new(99));
        let offer = |rest: &[u8], _| {
            clock.passes(120 * MS);
            sip.write(rest)
        };
        let result = sendall_to(offer, b"hello", Some(100 * MS), || clock.now());
        result.expect("nothing is left to wait for");
    }

    #[test]
    fn an_interruption_buys_no_time() {
        let (clock, mut tries) = (Clock::new(), 0);
        let offer = |_: &[u8], _| {
            tries += 1;
            clock.passes(60 * MS);
            match tries {
                ..99 => Err(ErrorKind::Interrupted.into()),
                _ => Err(io::Error::other("still trying after six seconds")),
            }
        };
        let result = sendall_to(offer, b"hello", Some(100 * MS), || clock.now());
        let error = refused(result, "it was interrupted every time");
        assert_eq!(error.kind(), ErrorKind::TimedOut, "{error}");
    }

    #[test]
    fn the_last_nanosecond_is_not_taken_for_no_timeout() {
        let (clock, mut sip) = (Clock::new(), Sip::new(99));
        let mut waits = Vec::new();
        let offer = |rest: &[u8], wait: Option<Duration>| {
            waits.extend(wait);
            sip.write(rest)
        };
        let timeout = Some(Duration::from_nanos(1));
        let _ = sendall_to(offer, b"hello", timeout, || clock.now());
        for wait in waits {
            let least = Duration::from_micros(1);
            assert!(wait >= least, "a socket takes {wait:?} for no timeout");
        }
    }

    #[test]
    fn without_a_timeout_there_is_no_deadline() {
        let (clock, mut sip) = (Clock::new(), Sip::new(3));
        let mut waits = Vec::new();
        let offer = |rest: &[u8], wait| {
            waits.push(wait);
            clock.passes(Duration::from_secs(86_400));
            sip.write(rest)
        };
        let result = sendall_to(offer, b"hello, world", None, || clock.now());
        result.expect("a day for each piece is not too long");
        assert!(waits.iter().all(Option::is_none), "it may wait: {waits:?}");
    }

    #[test]
    fn the_longest_timeout_there_is_can_be_given() {
        let (clock, mut sip) = (Clock::new(), Sip::new(99));
        let offer = |rest: &[u8], _| sip.write(rest);
        let result = sendall_to(offer, b"hello", Some(Duration::MAX), || clock.now());
        result.expect("its deadline is later than any clock can tell");
    }

    #[test]
    fn would_block_is_timed_out_where_there_was_a_timeout() {
        let mut sip = Sip::new(3).failing_at(1, ErrorKind::WouldBlock);
        let offer = |rest: &[u8], _| sip.write(rest);
        let result = sendall_to(offer, b"hello", Some(GUARD), Instant::now);
        let error = refused(result, "it waited as long as it was told to");
        assert_eq!(error.kind(), ErrorKind::TimedOut, "Linux' word for it");
    }

    #[test]
    fn would_block_stays_would_block_where_there_was_none() {
        let mut sip = Sip::new(3).failing_at(1, ErrorKind::WouldBlock);
        let offer = |rest: &[u8], _| sip.write(rest);
        let result = sendall_to(offer, b"hello", None, Instant::now);
        let error = refused(result, "there is no room, and nobody waits for it");
        assert_eq!(error.kind(), ErrorKind::WouldBlock, "no time was set");
    }
}

mod step_6 {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn a_peer_that_never_reads_is_not_waited_for_for_ever() {
        let (socket, peer) = narrow();
        let _peer = never_reads(peer);
        let timeout = Some(Duration::from_millis(200));
        let result = sendall(&socket, &many(MIB), timeout);
        let error = refused(result, "a mebibyte is more than fits on the way");
        // Which of the two it must be is the claim of step 5.
        let in_time = matches!(error.kind(), ErrorKind::TimedOut | ErrorKind::WouldBlock);
        assert!(in_time, "the peer hung up before sendall did: {error}");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn without_a_timeout_the_sockets_own_does_not_count() {
        let (socket, peer) = narrow();
        let own = Some(Duration::from_millis(1));
        socket.set_write_timeout(own).expect("it can have one");
        let clone = socket.try_clone().expect("a second handle");
        let bytes = many(MIB);
        let waiter = Waiter::start(move || sendall(&socket, &bytes, None));
        let waiter = waiter.blocks().unwrap_or_else(|answer| {
            panic!("nobody reads yet, and sendall came back with {answer:?}")
        });
        assert_eq!(clone.write_timeout().unwrap(), None, "it may wait");
        peer.closes();
        // What it says then is the claim of another test.
        let _ = waiter.answer();
    }

    #[test]
    fn the_socket_has_its_own_write_timeout_back() {
        let (socket, _peer) = connected();
        let own = Some(Duration::from_secs(7));
        socket.set_write_timeout(own).expect("it can have one");
        sendall(&socket, b"hello", Some(GUARD)).expect("there is room");
        assert_eq!(socket.write_timeout().unwrap(), own, "set before sendall");
    }

    /// A socket that knows of its peer's reset: `recv` has come back with it.
    #[cfg(unix)]
    fn abandoned() -> socket2::Socket {
        let (socket, peer) = connected();
        peer.resets();
        let mut answer = [std::mem::MaybeUninit::uninit()];
        let _ = socket.recv(&mut answer);
        socket
    }

    #[cfg(unix)]
    #[test]
    fn it_has_it_back_after_a_failure_too() {
        let socket = abandoned();
        let own = socket.write_timeout().expect("a socket can tell");
        let result = sendall(&socket, b"hello", Some(GUARD));
        refused(result, "the peer is gone");
        assert_eq!(socket.write_timeout().unwrap(), own, "set before sendall");
    }

    #[cfg(unix)]
    #[test]
    fn a_peer_that_hangs_up_while_we_send_is_an_error() {
        let (socket, peer) = narrow();
        peer.closes();
        let result = sendall(&socket, &many(MIB), None);
        let error = refused(result, "nobody is there to read a mebibyte");
        let gone = matches!(
            error.kind(),
            ErrorKind::BrokenPipe | ErrorKind::ConnectionReset
        );
        assert!(gone, "the peer is gone, and the error says: {error}");
    }

    #[cfg(unix)]
    #[test]
    fn a_peer_that_is_gone_is_a_broken_pipe_and_no_dead_process() {
        let socket = abandoned();
        let result = sendall(&socket, b"hello", None);
        let error = refused(result, "the peer is gone, and the socket knows");
        assert_eq!(error.kind(), ErrorKind::BrokenPipe);
    }
}
