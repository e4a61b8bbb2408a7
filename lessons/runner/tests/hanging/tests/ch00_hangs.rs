mod step_1 {
    use std::io::{Read, Write};
    use std::net::{SocketAddr, TcpListener, TcpStream};
    use std::os::unix::net::UnixStream;
    use std::sync::{Mutex, mpsc};
    use std::thread::{Builder, JoinHandle, park};
    use std::time::Duration;

    fn listener() -> (TcpListener, SocketAddr) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        (listener, address)
    }

    fn pair() -> (TcpStream, TcpStream) {
        let (listener, address) = listener();
        let client = TcpStream::connect(address).unwrap();
        (client, listener.accept().unwrap().0)
    }

    fn write_for_ever(mut stream: TcpStream) {
        while stream.write_all(&[0; 65536]).is_ok() {}
    }

    #[test]
    fn recv_without_a_sender() {
        let (mut client, _server) = pair();
        client.read(&mut [0; 8]).unwrap();
    }

    #[test]
    fn recv_from_a_server_that_never_accepts() {
        let (_listener, address) = listener();
        let mut client = TcpStream::connect(address).unwrap();
        client.read(&mut [0; 8]).unwrap();
    }

    #[test]
    fn recv_on_a_unix_socket() {
        let (mut one, _other) = UnixStream::pair().unwrap();
        one.read_exact(&mut [0; 8]).unwrap();
    }

    #[test]
    fn accept_without_a_client() {
        let (listener, _) = listener();
        let server = Builder::new().name("server".into());
        let server = server.spawn(move || listener.accept().is_ok());
        server.unwrap().join().unwrap();
    }

    #[test]
    fn connect_to_a_full_backlog() {
        let (_listener, address) = listener();
        let mut callers = Vec::new();
        loop {
            callers.push(TcpStream::connect(address).unwrap());
        }
    }

    #[test]
    fn connect_with_a_long_timeout() {
        let (_listener, address) = listener();
        let mut callers = Vec::new();
        loop {
            let caller = TcpStream::connect_timeout(&address, Duration::from_secs(60));
            callers.push(caller.unwrap());
        }
    }

    #[test]
    fn two_writers() {
        let (client, server) = pair();
        let other = Builder::new().name("other writer".into());
        let _other = other.spawn(move || write_for_ever(server));
        write_for_ever(client);
    }

    #[test]
    fn join_a_thread_that_waits_for_it() {
        let (sender, receiver) = mpsc::channel::<()>();
        let worker = Builder::new().name("worker".into());
        let worker = worker.spawn(move || receiver.recv()).unwrap();
        worker.join().unwrap().unwrap();
        drop(sender);
    }

    /// The C library refuses a thread that joins itself, and two that join each
    /// other; three in a circle it does not see.
    #[test]
    fn join_in_a_circle() {
        let (mut givers, mut handles) = (Vec::new(), Vec::new());
        for name in ["first", "second", "third"] {
            let (give, given) = mpsc::channel::<JoinHandle<()>>();
            let thread = Builder::new().name(name.into());
            let thread = thread.spawn(move || given.recv().unwrap().join().unwrap());
            handles.push(thread.unwrap());
            givers.push(give);
        }
        handles.rotate_left(1);
        for (give, handle) in givers.iter().zip(handles) {
            give.send(handle).unwrap();
        }
        park();
    }

    #[test]
    fn a_lock_taken_twice() {
        let lock = Mutex::new(0);
        let first = lock.lock().unwrap();
        let second = lock.lock().unwrap();
        assert_eq!(*first, *second);
    }

    #[test]
    fn a_loop_without_end() {
        loop {
            std::hint::spin_loop();
        }
    }
}
