//! Chapter 16: the same frames come out, wherever the stream was cut.

#[macro_use]
mod fixtures;
subject!(chat::frame = "../my/chat/frame.rs",
    tests = "../my/tests/frame.rs" or "../lessons/16-frame/answer_tests.rs");
#[path = "fixtures/frame_property.rs"]
mod property;

use arbtest::{arbitrary, arbtest};
use fixtures::*;
use frame::{Decoder, FrameError, FrameReader, Framing};
use std::io::ErrorKind;
use std::net::TcpListener;

const BOTH: [Framing; 2] = [Framing::Line, Framing::Header];
const MIB: usize = 1 << 20;

/// A decoder that was given all of `bytes` at once.
fn given(framing: Framing, limit: usize, bytes: &[u8]) -> Decoder {
    let mut decoder = Decoder::new(framing, limit);
    decoder.push(bytes);
    decoder
}

/// Fails unless the decoder's next frame has this body.
#[track_caller]
fn gives(decoder: &mut Decoder, body: &[u8]) {
    match decoder.next_frame() {
        Ok(Some(frame)) => same_bytes(&frame, body, "the body of the next frame"),
        other => panic!(
            "expected the body \"{}\", got {other:?}",
            body.escape_ascii()
        ),
    }
}

/// Fails unless the decoder needs more bytes.
#[track_caller]
fn waits(decoder: &mut Decoder, why: &str) {
    match decoder.next_frame() {
        Ok(None) => {}
        Ok(Some(body)) => panic!("got the body \"{}\", but {why}", body.escape_ascii()),
        Err(error) => panic!("got {error:?}, but {why}"),
    }
}

/// Fails unless the decoder's next frame is this error.
#[track_caller]
fn breaks(decoder: &mut Decoder, expected: &FrameError, why: &str) {
    match decoder.next_frame() {
        Err(error) => assert_eq!(error, *expected, "{why}"),
        Ok(None) => panic!("it waits for more, but {why}"),
        Ok(Some(body)) => panic!("got the body \"{}\", but {why}", body.escape_ascii()),
    }
}

/// Everything that comes out when `pieces` are pushed one after the other.
#[track_caller]
fn frames(framing: Framing, pieces: &[&[u8]]) -> Vec<String> {
    let most: usize = pieces.iter().map(|piece| piece.len()).sum();
    let mut decoder = Decoder::new(framing, 100);
    let mut frames = Vec::new();
    for piece in pieces {
        decoder.push(piece);
        while let Some(frame) = decoder.next_frame().expect("every frame is right") {
            let frame = String::from_utf8_lossy(&frame).into_owned();
            assert!(
                frames.len() < most,
                "of {most} bytes, again and again: {frame:?}"
            );
            frames.push(frame);
        }
    }
    frames
}

/// "hi", nothing, and two letters that are six bytes: a stream of three frames.
fn three(framing: Framing) -> &'static [u8] {
    match framing {
        Framing::Line => "hi\n\n你好\n".as_bytes(),
        Framing::Header => "\0\0\0\x02hi\n\0\0\0\0\n\0\0\0\x06你好\n".as_bytes(),
    }
}

/// Tries the property in cases which are the same each time: a verdict is no
/// matter of luck.
#[track_caller]
fn holds(property: fn(&mut arbitrary::Unstructured) -> arbitrary::Result<()>) {
    for case in 1..=400 {
        let (seed, size) = (case * 0x9E37_79B9, 8 + case * 2);
        arbtest(property).seed(seed << 32 | size).run();
    }
}

mod step_1 {
    use super::*;

    #[test]
    fn a_line_is_the_body_and_the_end_mark() {
        let frame = Framing::Line.frame(b"hello", 100).expect("it is short");
        same_bytes(&frame, b"hello\n", "the frame of hello");
    }

    #[test]
    fn a_header_stands_before_the_body_and_the_end_mark_behind() {
        let frame = Framing::Header.frame(b"hello", 100).expect("it is short");
        same_bytes(&frame, b"\0\0\0\x05hello\n", "the frame of hello");
    }

    #[test]
    fn the_lengths_first_byte_is_its_greatest() {
        let frame = Framing::Header.frame(&[b'x'; 258], 1000);
        let frame = frame.expect("it is short enough");
        let header = &frame[..4];
        same_bytes(header, b"\0\0\x01\x02", "the header of 258 = 0x102 bytes");
    }

    #[test]
    fn the_length_counts_bytes_and_no_characters() {
        let frame = Framing::Header.frame("张三".as_bytes(), 100);
        let expected = "\0\0\0\x06张三\n".as_bytes();
        same_bytes(&frame.expect("it is short"), expected, "the frame of 张三");
    }

    #[test]
    fn a_body_of_nothing_has_a_frame() {
        let frame = |framing: Framing| framing.frame(b"", 100).expect("it is short");
        same_bytes(&frame(Framing::Line), b"\n", "an empty line");
        same_bytes(&frame(Framing::Header), b"\0\0\0\0\n", "with a header");
    }

    #[test]
    fn the_end_mark_inside_of_a_line_is_refused() {
        let result = Framing::Line.frame(b"one\ntwo", 100);
        assert_eq!(result, Err(FrameError::EndMarkInside), "or it were two");
    }

    #[test]
    fn the_end_mark_behind_a_header_is_a_byte_like_others() {
        let frame = Framing::Header.frame(b"one\ntwo", 100);
        let frame = frame.expect("the length tells where the body ends");
        same_bytes(&frame, b"\0\0\0\x07one\ntwo\n", "the frame");
    }

    #[test]
    fn the_limit_counts_the_bytes_of_the_body() {
        for framing in BOTH {
            let exactly = framing.frame("你好".as_bytes(), 6);
            assert!(
                exactly.is_ok(),
                "{framing:?}: six bytes of six: {exactly:?}"
            );
            let refused = framing.frame("你好!".as_bytes(), 6);
            assert_eq!(
                refused,
                Err(FrameError::TooLong { limit: 6 }),
                "{framing:?}"
            );
        }
    }
}

mod step_2 {
    use super::*;

    #[test]
    fn a_line_comes_out_as_its_body() {
        gives(&mut given(Framing::Line, 100, b"hello\n"), b"hello");
    }

    #[test]
    fn a_body_behind_a_header_comes_out() {
        gives(
            &mut given(Framing::Header, 100, b"\0\0\0\x05hello\n"),
            b"hello",
        );
    }

    #[test]
    fn where_nothing_has_arrived_more_is_needed() {
        for framing in BOTH {
            waits(&mut Decoder::new(framing, 100), "nothing has arrived");
        }
    }

    #[test]
    fn a_frame_comes_out_once() {
        for framing in BOTH {
            let frame = framing.frame(b"hello", 100).expect("it is short");
            let mut decoder = given(framing, 100, &frame);
            gives(&mut decoder, b"hello");
            waits(&mut decoder, "there was one frame");
        }
    }

    #[test]
    fn two_frames_at_once_are_two() {
        let lines = frames(Framing::Line, &[b"one\ntwo\n"]);
        assert_eq!(lines, ["one", "two"]);
        let bodies = frames(Framing::Header, &[b"\0\0\0\x03one\n\0\0\0\x03two\n"]);
        assert_eq!(bodies, ["one", "two"], "with headers");
    }

    #[test]
    fn a_body_of_nothing_is_a_frame() {
        for framing in BOTH {
            assert_eq!(frames(framing, &[three(framing)]), ["hi", "", "你好"]);
        }
    }

    #[test]
    fn the_end_mark_behind_a_header_ends_nothing() {
        let bodies = frames(Framing::Header, &[b"\0\0\0\x07one\ntwo\n"]);
        assert_eq!(bodies, ["one\ntwo"], "seven bytes were declared");
    }

    #[test]
    fn the_length_is_read_with_its_greatest_byte_first() {
        let stream = [b"\0\0\x01\x02", &[b'x'; 258][..], b"\n"].concat();
        gives(&mut given(Framing::Header, 1000, &stream), &[b'x'; 258]);
    }

    #[test]
    fn another_byte_in_the_end_marks_place_is_an_error() {
        let mut decoder = given(Framing::Header, 100, b"\0\0\0\x05hello!");
        let error = FrameError::NoEndMark { found: b'!' };
        breaks(&mut decoder, &error, "5 bytes were declared, and 6 came");
    }
}

mod step_3 {
    use super::*;

    #[test]
    fn half_a_frame_is_none_yet() {
        for framing in BOTH {
            let frame = framing.frame(b"hello", 100).expect("it is short");
            let (half, rest) = frame.split_at(frame.len() / 2);
            let mut decoder = given(framing, 100, half);
            waits(&mut decoder, "the other half is still to come");
            decoder.push(rest);
            gives(&mut decoder, b"hello");
        }
    }

    #[test]
    fn byte_by_byte_the_same_frames_come_out() {
        for framing in BOTH {
            let bytes: Vec<&[u8]> = three(framing).chunks(1).collect();
            assert_eq!(frames(framing, &bytes), ["hi", "", "你好"], "{framing:?}");
        }
    }

    #[test]
    fn cut_at_every_position_the_same_frames_come_out() {
        for framing in BOTH {
            let stream = three(framing);
            for at in 0..=stream.len() {
                let (one, other) = stream.split_at(at);
                let frames = frames(framing, &[one, other]);
                let cut = format!("{framing:?}, cut after {at} bytes");
                assert_eq!(frames, ["hi", "", "你好"], "{cut}");
            }
        }
    }

    #[test]
    fn a_piece_of_nothing_changes_nothing() {
        for framing in BOTH {
            let (one, other) = three(framing).split_at(1);
            let frames = frames(framing, &[b"", one, b"", b"", other, b""]);
            assert_eq!(frames, ["hi", "", "你好"], "{framing:?}");
        }
    }

    #[test]
    fn frames_may_be_taken_later_than_they_came() {
        for framing in BOTH {
            let mut decoder = Decoder::new(framing, 100);
            for _ in 0..3 {
                decoder.push(&framing.frame(b"one", 100).expect("it is short"));
                decoder.push(&framing.frame(b"two", 100).expect("it is short"));
                gives(&mut decoder, b"one");
                gives(&mut decoder, b"two");
                decoder.push(three(framing));
                gives(&mut decoder, b"hi");
                gives(&mut decoder, b"");
                gives(&mut decoder, "你好".as_bytes());
            }
        }
    }

    #[test]
    fn any_bodies_with_any_cuts_come_out_as_they_went_in() {
        holds(property::any_cuts);
    }
}

mod step_4 {
    use super::*;

    #[test]
    fn a_body_as_long_as_the_limit_comes_out() {
        for framing in BOTH {
            let frame = framing.frame(b"hello", 5).expect("five bytes of five");
            // All but the end mark: five bytes, and still not too long.
            let (body, end) = frame.split_at(frame.len() - 1);
            let mut decoder = given(framing, 5, body);
            waits(&mut decoder, "the end mark is still to come");
            decoder.push(end);
            gives(&mut decoder, b"hello");
        }
    }

    #[test]
    fn a_body_one_byte_longer_is_refused() {
        for framing in BOTH {
            let frame = framing.frame(b"hello!", 6).expect("six bytes of six");
            let mut decoder = given(framing, 5, &frame);
            let error = FrameError::TooLong { limit: 5 };
            breaks(&mut decoder, &error, "six bytes are more than five");
        }
    }

    #[test]
    fn a_line_is_refused_before_its_end_has_come() {
        let mut decoder = given(Framing::Line, 5, b"hello!");
        let error = FrameError::TooLong { limit: 5 };
        breaks(&mut decoder, &error, "whatever comes, it is too long");
    }

    #[test]
    fn a_header_that_promises_four_gibibytes_is_refused_at_once() {
        let mut decoder = given(Framing::Header, 100, b"\xff\xff\xff\xff");
        let error = FrameError::TooLong { limit: 100 };
        breaks(&mut decoder, &error, "four bytes say enough");
    }

    #[test]
    fn frames_before_a_fault_come_out_first() {
        let mut decoder = given(Framing::Line, 5, b"one\ntwo\nmuch too long");
        gives(&mut decoder, b"one");
        gives(&mut decoder, b"two");
        let error = FrameError::TooLong { limit: 5 };
        breaks(&mut decoder, &error, "the third is too long");
    }

    #[test]
    fn what_is_broken_stays_broken() {
        let lines = (Framing::Line, "too long".as_bytes());
        let bodies = (Framing::Header, "\0\0\0\x02hi!".as_bytes());
        for (framing, fault) in [lines, bodies] {
            let mut decoder = given(framing, 5, fault);
            let error = decoder.next_frame().expect_err("this is no frame");
            decoder.push(&framing.frame(b"", 5).expect("it is short"));
            decoder.push(&framing.frame(b"later", 5).expect("it is short"));
            let why = format!("{framing:?}: nobody knows where it goes on");
            breaks(&mut decoder, &error, &why);
        }
    }
}

mod step_5 {
    use super::*;

    #[test]
    fn a_stream_may_end_before_its_first_frame() {
        for framing in BOTH {
            let end = Decoder::new(framing, 100).finish();
            assert_eq!(end, Ok(()), "{framing:?}: nothing was begun");
        }
    }

    #[test]
    fn a_stream_may_end_between_two_frames() {
        for framing in BOTH {
            let mut decoder = given(framing, 100, three(framing));
            while decoder.next_frame().expect("these are frames").is_some() {}
            assert_eq!(decoder.finish(), Ok(()), "{framing:?}: all is taken");
        }
    }

    #[test]
    fn inside_of_a_frame_no_stream_may_end() {
        for framing in BOTH {
            let frame = framing.frame(b"hello", 100).expect("it is short");
            for after in 1..frame.len() {
                let stream = [&frame, &frame[..after]].concat();
                let mut decoder = given(framing, 100, &stream);
                gives(&mut decoder, b"hello");
                waits(&mut decoder, "the second frame has only begun");
                let expected = Err(FrameError::Truncated { after });
                assert_eq!(decoder.finish(), expected, "{framing:?}");
            }
        }
    }

    #[test]
    fn after_an_error_the_end_is_that_error() {
        let mut decoder = given(Framing::Line, 5, b"too long");
        let error = decoder.next_frame().expect_err("eight bytes of five");
        assert_eq!(decoder.finish(), Err(error), "the end makes nothing good");
    }
}

mod step_6 {
    use super::*;
    use std::io::{Read, Write};

    #[track_caller]
    fn reads<R: Read>(reader: &mut FrameReader<R>, body: &[u8]) {
        let frame = reader.read_frame().expect("the stream goes on");
        let frame = frame.expect("the stream has not ended");
        same_bytes(&frame, body, "the body of the next frame");
    }

    #[test]
    fn frame_after_frame_comes_from_a_stream() {
        for framing in BOTH {
            let mut reader = FrameReader::new(three(framing), framing, 100);
            reads(&mut reader, b"hi");
            reads(&mut reader, b"");
            reads(&mut reader, "你好".as_bytes());
        }
    }

    #[test]
    fn what_came_behind_a_frame_is_kept_for_the_next_call() {
        let pieces = Chop::new(&[b"one\nt", b"wo\nthree\nfo", b"ur\n"]);
        let mut reader = FrameReader::new(pieces, Framing::Line, 100);
        for body in ["one", "two", "three", "four"] {
            reads(&mut reader, body.as_bytes());
        }
    }

    #[test]
    fn a_frame_that_is_there_is_given_before_more_is_read() {
        let pieces = Chop::new(&[b"one\ntwo\n"]).then_fails(ErrorKind::ConnectionReset);
        let mut reader = FrameReader::new(pieces, Framing::Line, 100);
        reads(&mut reader, b"one");
        reads(&mut reader, b"two");
        let error = refused(reader.read_frame(), "now it had to be read");
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    }

    #[test]
    fn the_end_between_two_frames_is_the_end_again_and_again() {
        let mut reader = FrameReader::new(&b"hello\n"[..], Framing::Line, 100);
        reads(&mut reader, b"hello");
        for _ in 0..2 {
            let end = reader.read_frame().expect("a clean end is no error");
            assert_eq!(end, None, "the stream has ended");
        }
    }

    #[test]
    fn a_tail_without_its_end_mark_is_no_message() {
        let mut reader = FrameReader::new(&b"hello\nwor"[..], Framing::Line, 100);
        reads(&mut reader, b"hello");
        let error = refused(reader.read_frame(), "who knows what was to follow?");
        assert_eq!(error.kind(), ErrorKind::UnexpectedEof, "{error}");
    }

    #[test]
    fn what_is_no_frame_is_invalid_data_with_the_reason_inside() {
        let stream = &b"\xff\xff\xff\xff"[..];
        let mut reader = FrameReader::new(stream, Framing::Header, 100);
        let error = refused(reader.read_frame(), "4 GiB are above the limit");
        assert_eq!(error.kind(), ErrorKind::InvalidData, "{error}");
        let reason = error.downcast::<FrameError>().expect("the reason");
        assert_eq!(reason, FrameError::TooLong { limit: 100 });
    }

    #[test]
    fn an_interruption_is_not_the_end() {
        let pieces = Chop::new(&[b"hel"]).then_fails(ErrorKind::Interrupted);
        let mut reader = FrameReader::new(pieces.then(b"lo\n"), Framing::Line, 100);
        reads(&mut reader, b"hello");
    }

    #[test]
    fn half_a_frame_outlives_a_timeout() {
        let pieces = Chop::new(&[b"hel"]).then_fails(ErrorKind::TimedOut);
        let mut reader = FrameReader::new(pieces.then(b"lo\n"), Framing::Line, 100);
        let error = refused(reader.read_frame(), "the time was up");
        assert_eq!(error.kind(), ErrorKind::TimedOut, "{error}");
        reads(&mut reader, b"hello");
    }

    const PYTHON: &str = r#"import socket, sys

def frame(text):
    body = text.encode()
    return len(body).to_bytes(4, "big") + body + b"\n"

talk = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
talk.sendall(frame("hi") + frame("你好"))
talk.shutdown(socket.SHUT_WR)

stream = talk.makefile("rb")
length = int.from_bytes(stream.read(4), "big")
print(length, stream.read(length), stream.read(1))
for _ in range(3):
    print(stream.readline())
"#;

    #[test]
    fn a_python_client_and_we_understand_each_other() {
        let listener = TcpListener::bind(ANY).expect("a free port");
        let mut words = Framing::Header.frame("再见".as_bytes(), 100).unwrap();
        words.extend(Framing::Line.frame(b"one", 100).unwrap());
        words.extend(b"tw");
        let port = listener.local_addr().expect("it is bound").port();
        let Some(python) = Python::start(PYTHON, &[&port.to_string()]) else {
            return;
        };
        let (stream, _) = listener.accept().expect("the script connects");
        stream.set_read_timeout(Some(GUARD)).expect("a guard");
        let mut reader = FrameReader::new(&stream, Framing::Header, 100);
        reads(&mut reader, b"hi");
        reads(&mut reader, "你好".as_bytes());
        assert_eq!(reader.read_frame().expect("a clean end"), None);
        (&stream).write_all(&words).expect("the script listens");
        drop(stream);
        let printed = python.rest().replace('\r', "");
        let expected = r"6 b'\xe5\x86\x8d\xe8\xa7\x81' b'\n'
b'one\n'
b'tw'
b''
";
        assert_eq!(printed, expected, "what Python heard");
    }
}

mod step_7 {
    use super::*;

    #[test]
    fn a_new_decoder_owns_no_memory() {
        for framing in BOTH {
            let decoder = Decoder::new(framing, MIB);
            assert_eq!(decoder.capacity(), 0, "it has heard nothing");
        }
    }

    #[test]
    fn what_a_header_promises_is_not_reserved() {
        let promise = u32::try_from(64 * MIB).expect("it is 64 MiB");
        let mut decoder = given(Framing::Header, 64 * MIB, &promise.to_be_bytes());
        waits(&mut decoder, "the body is still to come");
        let held = decoder.capacity();
        assert!(held <= 1024, "4 bytes came, and it reserves {held}");
    }

    #[test]
    fn after_a_great_frame_the_memory_is_given_back() {
        for framing in BOTH {
            let frame = framing.frame(&vec![b'x'; MIB], MIB).expect("a mebibyte");
            let mut decoder = given(framing, MIB, &frame);
            gives(&mut decoder, &vec![b'x'; MIB]);
            waits(&mut decoder, "there was one frame");
            assert_eq!(decoder.capacity(), 0, "it holds nothing any more");
        }
    }

    #[test]
    fn what_stays_behind_a_great_frame_owns_little() {
        for framing in BOTH {
            let frame = framing.frame(&vec![b'x'; MIB], MIB).expect("a mebibyte");
            let mut decoder = given(framing, MIB, &[&frame, &frame[..7]].concat());
            gives(&mut decoder, &vec![b'x'; MIB]);
            waits(&mut decoder, "the second frame has only begun");
            let held = decoder.capacity();
            assert!(held <= 1024, "7 bytes stay, and it holds {held}");
        }
    }

    #[test]
    fn a_broken_decoder_takes_nothing_more() {
        let mut decoder = given(Framing::Line, 5, &vec![b'x'; MIB]);
        decoder.next_frame().expect_err("a mebibyte of five bytes");
        for _ in 0..3 {
            decoder.push(&vec![b'x'; MIB]);
        }
        assert_eq!(decoder.capacity(), 0, "who will ever read that?");
    }

    #[test]
    fn frames_that_are_taken_late_do_not_pile_up() {
        let piece = b"one\ntwo\n".repeat(128);
        let mut decoder = given(Framing::Line, 100, &piece);
        for _ in 0..100 {
            decoder.push(&piece);
            // One frame always stays, so it never says that it needs more.
            for _ in 0..128 {
                gives(&mut decoder, b"one");
                gives(&mut decoder, b"two");
            }
        }
        let held = decoder.capacity();
        assert!(held <= 8 * 1024, "it has 1 KiB to give, and holds {held}");
    }

    #[test]
    fn a_long_line_byte_by_byte_costs_no_more_than_its_bytes() {
        let mut decoder = Decoder::new(Framing::Line, MIB);
        for _ in 0..MIB / 2 {
            decoder.push(b"x");
            let frame = decoder.next_frame().expect("it is not too long");
            assert!(frame.is_none(), "it has no end yet");
        }
        decoder.push(b"\n");
        gives(&mut decoder, &vec![b'x'; MIB / 2]);
    }

    #[test]
    fn many_frames_at_once_cost_no_more_than_their_bytes() {
        let mut decoder = given(Framing::Line, 100, &vec![b'\n'; MIB]);
        let mut count = 0;
        while decoder.next_frame().expect("these are frames").is_some() {
            count += 1;
        }
        assert_eq!(count, MIB, "so many frames were pushed");
    }

    #[test]
    fn any_bytes_are_frames_or_an_error_within_bounds() {
        holds(property::any_bytes);
    }
}
