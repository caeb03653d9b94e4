"""Wire recordings: what went over the control socket and HTTP, redacted, and replays of that.

`tap` is what the adapters tell, `recorder` writes it down in lines of `entries`, `reading` reads
them; `playing` lets the recorded gateway answer the engine once more.
"""
