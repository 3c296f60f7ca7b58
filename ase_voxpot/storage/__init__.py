"""Atomic writing of files, and arrays with a checksum."""
