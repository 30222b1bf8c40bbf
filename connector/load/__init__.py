"""Items become requests, and requests become acknowledgements."""
