"""The wire: messages, and one strict JSON-line codec that the store uses too. Standard library only.

One JSON object a line, both ways. The driver sends requests, a worker answers with events; docs/protocol.md has the order.
"""
