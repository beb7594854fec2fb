"""Classification of files with a trained model.

A record is one entry of an input file. A row is a record with its text. One call classifies the rows of a chunk. A
shard is the share I/N of the records that one process classifies; its output is a part.
"""
