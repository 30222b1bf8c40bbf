"""How databases are read: one reader a dialect, and above them one way to page, to stop and to go on."""
