"""One file for each published layout: from its files to `Pictures` or `Pairs`.

A reader, mostly `read(folder, split)`, takes the folder that holds the published files, or the one
above it where their archive has a folder of its own. It checks the lists and the annotations;
pictures are read later. Nothing is ever downloaded. It raises DataError for what is missing, with
where to get it, and for what is not as published, by file and line.

A new data set is a reader here, an entry of datasets.toml, a line in `load` and, if `make data` is
to write its records, one in `preparation.READERS`.
"""
