"""An auditor of Kerbstone logs that shares no code with Kerbstone: written from docs/formats.md alone."""
