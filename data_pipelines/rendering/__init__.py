"""What all rendered data sets share: drawing, filling, film, processes and files."""
