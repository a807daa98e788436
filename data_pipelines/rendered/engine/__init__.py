"""What all rendered data sets share: drawing at random, filling, film, processes and files."""
