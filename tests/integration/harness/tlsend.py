"""The server's end of a TLS connection, used by two threads at once: OpenSSL's session takes one
call at a time, so none of them waits inside it."""

import select
import socket
import ssl
import threading


class TlsEnd:
    def __init__(self, context, plain):
        plain.settimeout(5)
        self._session = context.wrap_socket(plain, server_side=True)
        self._session.setblocking(False)
        self._turn = threading.Lock()

    def _call(self, operation, *arguments):
        """Calls it until it need not wait for the socket."""
        while True:
            try:
                with self._turn:
                    return operation(*arguments)
            except ssl.SSLWantReadError:
                select.select([self._session], [], [])
            except ssl.SSLWantWriteError:
                select.select([], [self._session], [])

    def recv(self, size):
        return self._call(self._session.recv, size)

    def sendall(self, data):
        while data:
            data = data[self._call(self._session.send, data):]

    def setsockopt(self, *arguments):
        self._session.setsockopt(*arguments)

    def shutdown(self, how):
        socket.socket.shutdown(self._session, how)

    def close(self):
        self._session.close()
