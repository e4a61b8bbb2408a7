//! The ceiling of the event loop: one thread, readiness, batched writes, and
//! nothing of a chat. What somebody sends goes to everybody, up to the last end
//! mark of it; nobody is asked for a name, and nobody is ever dropped.

use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token};
use std::io::{self, ErrorKind, Read, Write};

const DOOR: Token = Token(usize::MAX);

struct Client {
    stream: TcpStream,
    /// The beginning of a line.
    part: Vec<u8>,
    /// What it has not taken yet.
    rest: Vec<u8>,
    gone: bool,
}

pub fn serve(listener: std::net::TcpListener) -> io::Result<()> {
    listener.set_nonblocking(true)?;
    let mut listener = TcpListener::from_std(listener);
    let (mut poll, mut events) = (Poll::new()?, Events::with_capacity(1024));
    poll.registry()
        .register(&mut listener, DOOR, Interest::READABLE)?;
    let mut clients: Vec<Client> = Vec::new();
    let (mut buffer, mut said) = (vec![0; 64 * 1024], Vec::new());
    loop {
        poll.poll(&mut events, None)?;
        for event in &events {
            if event.token() == DOOR {
                while let Ok((mut stream, _)) = listener.accept() {
                    stream.set_nodelay(true)?;
                    let (token, both) = (Token(clients.len()), Interest::READABLE);
                    let both = both | Interest::WRITABLE;
                    poll.registry().register(&mut stream, token, both)?;
                    let (part, rest) = (Vec::new(), Vec::new());
                    clients.push(Client {
                        stream,
                        part,
                        rest,
                        gone: false,
                    });
                }
                continue;
            }
            let client = &mut clients[event.token().0];
            if event.is_writable() && !client.rest.is_empty() {
                let rest = std::mem::take(&mut client.rest);
                client.write(&rest);
            }
            if event.is_readable() {
                client.read(&mut buffer, &mut said);
            }
        }
        if !said.is_empty() {
            for client in &mut clients {
                client.write(&said);
            }
            said.clear();
        }
    }
}

impl Client {
    fn read(&mut self, buffer: &mut [u8], said: &mut Vec<u8>) {
        loop {
            match self.stream.read(buffer) {
                Ok(count) if count > 0 => {
                    let bytes = &buffer[..count];
                    let whole = bytes.iter().rposition(|byte| *byte == b'\n');
                    let (lines, part) = bytes.split_at(whole.map_or(0, |at| at + 1));
                    if !lines.is_empty() {
                        said.append(&mut self.part);
                        said.extend(lines);
                    }
                    self.part.extend(part);
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Ok(_) | Err(_) => {
                    self.gone = true;
                    return;
                }
            }
        }
    }

    fn write(&mut self, bytes: &[u8]) {
        if self.gone {
            return;
        }
        if !self.rest.is_empty() {
            return self.rest.extend(bytes);
        }
        match self.stream.write(bytes) {
            Ok(count) => self.rest.extend(&bytes[count..]),
            Err(error) if error.kind() == ErrorKind::WouldBlock => self.rest.extend(bytes),
            Err(_) => self.gone = true,
        }
    }
}
