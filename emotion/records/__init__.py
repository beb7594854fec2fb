"""Records of CSV, TSV and JSONL files, each with its own bytes."""
