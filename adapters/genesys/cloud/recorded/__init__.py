"""What Genesys Cloud has on record of holds, made into recordings of the hold machine.

Files become documents (`reading`), documents become legs (`documents` and what it calls), legs of
one conversation become stories (`resolving`), stories become records by the machine's own steps
(`stepping`), and what comes out is compared with Genesys's own figures (`oracle`). `importing` puts
it together. All but `reading`, `gathering` and `importing` are pure functions.

A *leg* is one agent's part in a conversation: Genesys calls it a session in analytics, a
communication in REST and notifications.
"""
