"""A TCP relay that keeps every byte, to prove what crossed a leg and what did not."""
import socket
import threading
import time


class Relay:
    """Listens on `port` and connects each client to `target`. `room`: so many bytes still go there; None: all."""

    def __init__(self, target, host="127.0.0.1", port=0):
        self.target = target
        self.room = None
        self.connections = []
        self.sockets = []
        self.listener = socket.create_server((host, port))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
                server = socket.create_connection(("127.0.0.1", self.target))
            except OSError:
                return
            sent, answered = bytearray(), bytearray()
            self.connections.append((sent, answered))
            self.sockets += [client, server]
            for one, other, kept in ((client, server, sent), (server, client, answered)):
                threading.Thread(target=self._pump, args=(one, other, kept), daemon=True).start()

    def _pass(self, data, target):
        while self.room is not None and data:
            part, data = data[:self.room], data[self.room:]
            self.room -= len(part)
            target.sendall(part)
            while data and self.room == 0:
                time.sleep(0.01)
        target.sendall(data)

    def _pump(self, one, other, kept):
        try:
            while data := one.recv(65536):
                kept += data
                if other.getpeername()[1] == self.target:
                    self._pass(data, other)
                else:
                    other.sendall(data)
        except OSError:
            pass
        try:
            other.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def take(self):
        """What the connections that were made since the last call have (sent, been answered)."""
        taken, self.connections = self.connections, []
        return [(bytes(sent), bytes(answered)) for sent, answered in taken]

    def close(self):
        """New connections are refused."""
        self.listener.shutdown(socket.SHUT_RDWR)  # wakes accept, which would keep it open
        self.listener.close()

    def cut(self):
        """Those that are there end, on both sides."""
        for one in self.sockets:
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
