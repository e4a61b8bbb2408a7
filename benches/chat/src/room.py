"""A chat room on Python's ThreadingTCPServer: a thread for each member, who
says each line to everybody under a lock."""

import json
import socketserver
import threading

members = set()
lock = threading.Lock()


class Member(socketserver.StreamRequestHandler):
    disable_nagle_algorithm = True

    def setup(self):
        super().setup()
        with lock:
            members.add(self.request)

    def handle(self):
        for line in self.rfile:
            message = json.loads(line)
            assert {"name", "msg", "time"} <= message.keys()
            with lock:
                for member in members:
                    member.sendall(line)

    def finish(self):
        with lock:
            members.discard(self.request)
        super().finish()


class Room(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 1024


with Room(("127.0.0.1", 0), Member) as room:
    print("listening on 127.0.0.1:%d" % room.server_address[1], flush=True)
    room.serve_forever()
