"""The caller: plays recorded speech over many connections to a server, in real time, and checks what it stored."""
