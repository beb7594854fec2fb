"""Names the options for columns of labeled text, for hints."""

from emotion.reader import for_reader


def column_options() -> str:
    """Name the options of `emotion train` and `data check`, or of `emotion submit`."""
    return for_reader(
        "--text-column and --label-column", "--set data.text_column=NAME and --set data.label_column=NAME"
    )
