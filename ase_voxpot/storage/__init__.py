"""Files that appear whole or not at all, and arrays with a checksum."""
