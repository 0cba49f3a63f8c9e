"""The servers: what takes audio messages over WebSockets and leaves a recording per call (docs/server.md)."""
