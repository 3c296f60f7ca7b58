"""Pictures and what is printed: figures, their style, tables and progress bars in the terminal."""
