"""What passed between tern and a server, read from a proxy's record."""
import re
import time


class Talk:
    """The record of a proxy that ends TLS itself. Counts what a connection paid
    for after it had logged in; a round trip is a flight of commands that was
    sent after something had come."""

    LOGIN = re.compile(rb"^\S+ (LOGIN|AUTHENTICATE) ", re.I | re.M)

    def __init__(self, proxy):
        self.proxy = proxy
        self.since = 0.0

    def mark(self):
        """Count from here on."""
        self.since = time.time()

    def events(self):
        return [e for e in self.proxy.recorded() if e[0] >= self.since]

    def until(self, needle):
        """(round trips, bytes down) on the connection that brought `needle`, from
        its login, or from mark(), to the piece that had it."""
        conn = self._who_brought(needle)
        trips, down, last_was_down, seen = 0, 0, True, b""
        for _, c, way, data in self.events():
            if c != conn:
                continue
            if way == "up":
                if self.LOGIN.search(data):
                    trips, down = 0, 0
                elif last_was_down:
                    trips += 1
            else:
                down += len(data)
                seen = seen[-200:] + data
                if needle in seen:
                    return trips, down
            last_was_down = way == "down"
        raise AssertionError("%r did not come" % needle)

    def flights_until(self, needle):
        """What the client sent without waiting counts once, from the greeting on."""
        conn, flights, last_was_down, seen = self._who_brought(needle), 0, True, b""
        for _, c, way, data in self.events():
            if c != conn:
                continue
            if way == "up":
                flights += last_was_down
            else:
                seen = seen[-200:] + data
                if needle in seen:
                    return flights
            last_was_down = way == "down"
        raise AssertionError("%r did not come" % needle)

    def _who_brought(self, needle):
        tails = {}
        for _, c, way, data in self.events():
            if way == "down":
                tails[c] = tails.get(c, b"")[-200:] + data
                if needle in tails[c]:
                    return c
        raise AssertionError("%r did not come" % needle)

    def down(self):
        """All bytes that came, over all connections."""
        return sum(len(data) for _, _, way, data in self.events() if way == "down")

    def said(self):
        """What the client said, without passwords, for a failing run."""
        return b"".join(d for _, _, way, d in self.events() if way == "up" and not self.LOGIN.search(d))
