"""The experiment `server`: what a message costs a whole server, and how many calls one core carries."""
