"""Records of CSV, TSV and JSONL files, with their original bytes."""
