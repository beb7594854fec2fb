"""What is no text: nothing that a person sees, byte order marks, and bytes that are no characters."""

import sys
import unicodedata

import pytest

from emotion.records.text_problem import looks_empty, text_problem, undecodable

VISIBLE = {
    "Latin": "é",
    "Arabic": "سعيد",
    "Arabic with marks": "ع\u064f\u200fم",
    "the Arabic end of a verse": "\u06dd",
    "an Arabic number sign": "\u0600",
    "Hebrew, right to left": "\u202bשמח\u202c",
    "Hebrew points": "ש\u05b8",
    "Devanagari with a joiner": "क\u094d\u200dष",
    "Persian with a non-joiner": "می\u200cشود",
    "Thai": "ดี",
    "Hangul": "한",
    "Hangul of single letters": "\u1112\u1161",
    "Braille": "\u2801",
    "Chinese": "好",
    "a surrogate pair": "\U00020000",
    "emoji": "\U0001f600",
    "a heart with a variation selector": "\u2764\ufe0f",
    "a family": "\U0001f469\u200d\U0001f467",
    "a keycap": "1\ufe0f\u20e3",
    "a flag of tags": "\U0001f3f4\U000e0067\U000e0062\U000e007f",
    "a skin tone": "\U0001f44d\U0001f3fd",
    "one letter among spaces": " \u200b\ufeff a \n",
    "punctuation": "?",
    "digits": "0",
    "a combining mark alone": "\u0301",
    "private use": "\ue000",
    "the replacement character": "\ufffd",
}
EMPTY = {
    "nothing": "",
    "spaces": " \t\r\n\x0b\x0c",
    "all spaces of Unicode": "\xa0\u1680\u2000\u2009\u200a\u202f\u205f\u3000\u2028\u2029\x85",
    "control characters": "\0\x01\x1a\x1b\x7f\x9f",
    "zero width": "\u200b\u200c\u200d\u2060\ufeff",
    "directions": "\u200e\u200f\u061c\u202a\u202e\u2066\u2069",
    "soft hyphen": "\xad",
    "invisible operators": "\u2061\u2062\u2063\u2064",
    "fillers of Hangul": "\u115f\u1160\u3164\uffa0",
    "blank of Braille": "\u2800",
    "grapheme joiner": "\u034f",
    "variation selectors": "\ufe00\ufe0f",
    "more variation selectors": "\U000e0100\U000e01ef",
    "variation selectors of Mongolian": "\u180b\u180c\u180d\u180e\u180f",
    "vowels of Khmer that are not written": "\u17b4\u17b5",
    "tags": "\U000e0001\U000e0041\U000e007f",
    "signs of music and shorthand": "\U0001d173\U0001d17a\U0001bca0",
    "interlinear marks": "\ufff9\ufffa\ufffb",
}


@pytest.mark.parametrize("name", VISIBLE)
def test_texts_that_a_person_sees(name: str) -> None:
    assert not looks_empty(VISIBLE[name])
    assert not looks_empty(f" {VISIBLE[name]}\u200b")


@pytest.mark.parametrize("name", EMPTY)
def test_texts_in_which_nobody_sees_a_thing(name: str) -> None:
    assert [character for character in EMPTY[name] if not looks_empty(character)] == []
    assert looks_empty(EMPTY[name])
    assert text_problem(EMPTY[name], "label") == "empty label"


def test_letters_digits_and_signs_of_all_scripts_are_seen() -> None:
    fillers = "\u115f\u1160\u3164\uffa0\u2800"
    seen = {"Lu", "Ll", "Lt", "Lm", "Lo", "Nd", "Nl", "No", "Pd", "Po", "Sc", "Sm", "So"}
    wrong = [
        hex(code)
        for code in range(sys.maxunicode + 1)
        if unicodedata.category(chr(code)) in seen and chr(code) not in fillers and looks_empty(chr(code))
    ]
    assert wrong == []


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("happy", ""),
        ("", "empty text"),
        ("\ufeff", "empty text"),
        ("\ufeffhappy", "a byte order mark in the text: this may be several joined files"),
        ("hap\ufeffpy", "a byte order mark in the text: this may be several joined files"),
        ("caf\udce9", "undecodable bytes in the text"),
        ("\ud83d", "undecodable bytes in the text"),
        ("\U0001f600", ""),
    ],
)
def test_why_a_cell_is_no_text(text: str, problem: str) -> None:
    assert text_problem(text) == problem
    assert undecodable(text) == problem.startswith("undecodable")
