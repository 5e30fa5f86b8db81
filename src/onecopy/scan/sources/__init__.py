"""Lists of a bucket's objects that others have made: what an index learns without listing.

opening     from an address to a source: a table of formats
interface   what a source is
files       the files of a source, on this machine or in a bucket
manifests   the manifests of S3 Inventory and of S3 Batch Operations
listing     files of rows as a source
tables      Parquet, ORC and CSV files, read by columns
columns     what the names of columns mean
values      the values of columns
entries     rows, sorted into listed copies, what is left out, and what is rejected
sorting     rows in the order of keys, whatever their number
entering    listed copies, merged into an index that forgets nothing
loading     a source, loaded into an index
report      the completion report of a job that computed checksums
proving     what its digests are worth, and recording them
mark        where an interrupted loading resumes
figures     the figures of a loading
"""
