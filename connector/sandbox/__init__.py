"""The sandbox: a local Track API, a real HTTP server that can be told to misbehave.

Start it from a program with ``connector.sandbox.process.Sandbox``, in the foreground with
``connector.sandbox.server.serve``, or from a shell with ``python -m connector.sandbox``.
It knows nothing of the connector's own mapping and loading: it holds the connector to the API's rules.
"""
