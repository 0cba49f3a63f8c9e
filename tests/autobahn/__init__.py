"""The front ends of the servers under the Autobahn test suite for WebSockets."""
