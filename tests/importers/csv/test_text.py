import codecs

import pytest

from nestegg_core import StatementError
from nestegg_core.importers.csv.encoding import decode

GERMAN = "Datum;Empfänger;Betrag\n01.02.2020;Bäckerei Größe;-1,00\n"
FRENCH = "Libellé;Débit;Crédit\nà la crème brûlée, où ça;1;2\n"
POLISH = "Data;Odbiorca;Kwota\n2020-01-02;Łódź, Gdańsk, Żółć, bieżący;-1,00\n"
CZECH = "Datum;Název;Částka\n1.2.2020;Příliš žluťoučký kůň;-1,00\n"


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        (GERMAN, "utf-8"),
        (GERMAN, "cp1252"),
        (FRENCH, "cp1252"),
        (FRENCH + "10 €", "cp1252"),
        (FRENCH + "10 €", "iso8859-15"),
        (POLISH, "cp1250"),
        (POLISH, "iso8859-2"),
        (CZECH, "cp1250"),
        (CZECH, "iso8859-2"),
        (POLISH, "utf-16-le"),
        (GERMAN, "utf-16-be"),
    ],
)
def test_the_encoding_is_worked_out(text: str, encoding: str) -> None:
    assert (decode(text.encode(encoding)).text, decode(text.encode(encoding)).encoding) == (
        text,
        encoding,
    )


@pytest.mark.parametrize(
    ("mark", "encoding"),
    [
        (codecs.BOM_UTF8, "utf-8"),
        (codecs.BOM_UTF16_LE, "utf-16-le"),
        (codecs.BOM_UTF16_BE, "utf-16-be"),
        (codecs.BOM_UTF32_LE, "utf-32-le"),
    ],
)
def test_a_byte_order_mark_decides_and_is_taken_off(mark: bytes, encoding: str) -> None:
    assert decode(mark + GERMAN.encode(encoding)).text == GERMAN


def test_western_text_without_c1_bytes_reads_the_same_as_latin_1() -> None:
    assert decode(GERMAN.encode("iso8859-1")).text == GERMAN


def test_utf8_with_one_broken_character_stays_utf8_and_says_so() -> None:
    content = ("ä" * 30).encode() + b"\xff" + b",1"
    found = decode(content)
    assert found.encoding == "utf-8"
    assert found.text.startswith("ä" * 30)
    assert "1 broken" in found.warnings[0]


@pytest.mark.parametrize("content", [b"", b" \r\n\t", codecs.BOM_UTF8, b"\xff\xfe"])
def test_an_empty_file_is_refused(content: bytes) -> None:
    with pytest.raises(StatementError) as error:
        decode(content)
    assert error.value.code == "empty_file"


@pytest.mark.parametrize(
    "content",
    [
        b"%PDF-1.7 date,amount",
        b"PK\x03\x04 sheet",
        bytes(range(256)) * 20,
        b"\0" * 100,
        codecs.BOM_UTF16_LE + b"\x00\xd8\x00\xd8",
    ],
)
def test_a_binary_file_is_refused(content: bytes) -> None:
    with pytest.raises(StatementError) as error:
        decode(content)
    assert error.value.code == "binary_file"


def test_the_caller_can_name_the_encoding() -> None:
    text = "Дата;Сумма"
    assert decode(text.encode("cp1251"), "windows-1251").text == text


@pytest.mark.parametrize("name", ["utf-8", "punycode", "base64", "no such", "", "x" * 1000])
def test_an_encoding_that_is_unknown_or_does_not_fit_is_refused(name: str) -> None:
    with pytest.raises(StatementError) as error:
        decode("Größe".encode("cp1252"), name)
    assert (error.value.code, error.value.option) == ("bad_option", "encoding")
