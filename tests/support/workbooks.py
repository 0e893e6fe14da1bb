"""Makes workbooks: as little of each format as a reader needs."""

import io
import zipfile
from collections.abc import Sequence
from datetime import date
from xml.sax.saxutils import escape

import xlwt

Cell = str | float | int | date | None
Rows = Sequence[Sequence[Cell]]

_EPOCH = date(1899, 12, 30)
_TYPES = "http://schemas.openxmlformats.org/package/2006/content-types"
_RELATIONS = "http://schemas.openxmlformats.org/package/2006/relationships"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_STYLES = (
    f'<styleSheet xmlns="{_MAIN}"><cellXfs count="2">'
    '<xf numFmtId="0"/><xf numFmtId="14"/></cellXfs></styleSheet>'
)


def _column(index: int) -> str:
    return chr(ord("A") + index)


def _xlsx_cell(place: str, cell: Cell) -> str:
    if cell is None:
        return ""
    if isinstance(cell, str):
        return f'<c r="{place}" t="inlineStr"><is><t>{escape(cell)}</t></is></c>'
    if isinstance(cell, date):
        days = (cell - _EPOCH).days
        return f'<c r="{place}" s="1"><v>{days}</v></c>'
    return f'<c r="{place}"><v>{cell!r}</v></c>'


def _sheet(rows: Rows) -> str:
    return "".join(
        f'<row r="{number}">'
        + "".join(_xlsx_cell(f"{_column(at)}{number}", cell) for at, cell in enumerate(row))
        + "</row>"
        for number, row in enumerate(rows, 1)
    )


def xlsx(*sheets: Rows, hidden: Sequence[int] = ()) -> bytes:
    return xlsx_of(*map(_sheet, sheets), hidden=hidden)


def xlsx_of(*sheets: str, hidden: Sequence[int] = ()) -> bytes:
    """Make a workbook of sheets whose rows are XML already."""
    numbers = range(1, len(sheets) + 1)
    relation = '<Relationship Id="r{0}" Type="{1}/{2}" Target="{3}"/>'
    files = {
        "[Content_Types].xml": f'<Types xmlns="{_TYPES}">'
        '<Default Extension="xml" ContentType="application/xml"/></Types>',
        "_rels/.rels": f'<Relationships xmlns="{_RELATIONS}">'
        + relation.format(1, _OFFICE, "officeDocument", "xl/workbook.xml")
        + "</Relationships>",
        "xl/workbook.xml": f'<workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}"><sheets>'
        + "".join(
            f'<sheet name="Sheet {n}" sheetId="{n}" r:id="r{n}"'
            f"{' state=' + chr(34) + 'hidden' + chr(34) if n in hidden else ''}/>"
            for n in numbers
        )
        + "</sheets></workbook>",
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{_RELATIONS}">'
        + "".join(relation.format(n, _OFFICE, "worksheet", f"worksheets/{n}.xml") for n in numbers)
        + relation.format(99, _OFFICE, "styles", "styles.xml")
        + "</Relationships>",
        "xl/styles.xml": _STYLES,
        **{
            f"xl/worksheets/{number}.xml": f'<worksheet xmlns="{_MAIN}"><sheetData>{rows}'
            "</sheetData></worksheet>"
            for number, rows in zip(numbers, sheets, strict=True)
        },
    }
    return _zip(files)


def _zip(files: dict[str, str]) -> bytes:
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return whole.getvalue()


def _ods_cell(cell: Cell) -> str:
    if cell is None:
        return "<table:table-cell/>"
    if isinstance(cell, str):
        told = 'office:value-type="string"'
    elif isinstance(cell, date):
        told = f'office:value-type="date" office:date-value="{cell.isoformat()}"'
    else:
        told = f'office:value-type="float" office:value="{cell!r}"'
    return f"<table:table-cell {told}><text:p>{escape(str(cell))}</text:p></table:table-cell>"


def ods(*sheets: Rows) -> bytes:
    space = "urn:oasis:names:tc:opendocument:xmlns"
    tables = "".join(
        f'<table:table table:name="Sheet {number}">'
        + "".join(
            f"<table:table-row>{''.join(map(_ods_cell, row)) or '<table:table-cell/>'}"
            "</table:table-row>"
            for row in rows
        )
        + "</table:table>"
        for number, rows in enumerate(sheets, 1)
    )
    content = (
        f'<office:document-content xmlns:office="{space}:office:1.0" '
        f'xmlns:table="{space}:table:1.0" xmlns:text="{space}:text:1.0" office:version="1.2">'
        f"<office:body><office:spreadsheet>{tables}</office:spreadsheet></office:body>"
        "</office:document-content>"
    )
    kind = "application/vnd.oasis.opendocument.spreadsheet"
    manifest = (
        f'<manifest:manifest xmlns:manifest="{space}:manifest:1.0" manifest:version="1.2">'
        f'<manifest:file-entry manifest:full-path="/" manifest:media-type="{kind}"/>'
        "</manifest:manifest>"
    )
    return _zip({"mimetype": kind, "META-INF/manifest.xml": manifest, "content.xml": content})


def xls(*sheets: Rows) -> bytes:
    book = xlwt.Workbook()
    day = xlwt.easyxf(num_format_str="DD.MM.YYYY")
    for number, rows in enumerate(sheets, 1):
        sheet = book.add_sheet(f"Sheet {number}")
        for at, row in enumerate(rows):
            for column, cell in enumerate(row):
                if isinstance(cell, date):
                    sheet.write(at, column, (cell - _EPOCH).days, day)
                elif cell is not None:
                    sheet.write(at, column, cell)
    whole = io.BytesIO()
    book.save(whole)
    return whole.getvalue()


def html(*sheets: Rows, encoding: str = "utf-8") -> bytes:
    def text(cell: Cell) -> str:
        return "&nbsp;" if cell is None else escape(str(cell))

    tables = "".join(
        "<table border=1>"
        + "".join(f"<tr>{''.join(f'<td>{text(cell)}</td>' for cell in row)}</tr>\n" for row in rows)
        + "</table>"
        for rows in sheets
    )
    page = f"<html><head><style>td {{color: red}}</style></head><body>{tables}</body></html>"
    return page.encode(encoding)


def ml(*sheets: Rows) -> bytes:
    def data(cell: Cell) -> str:
        if cell is None:
            return ""
        if isinstance(cell, date):
            return f'<Data ss:Type="DateTime">{cell.isoformat()}T00:00:00.000</Data>'
        kind = "String" if isinstance(cell, str) else "Number"
        return f'<Data ss:Type="{kind}">{escape(str(cell))}</Data>'

    space = "urn:schemas-microsoft-com:office:spreadsheet"
    tables = "".join(
        f'<Worksheet ss:Name="Sheet {number}"><Table>'
        + "".join(
            f"<Row>{''.join(f'<Cell>{data(cell)}</Cell>' for cell in row)}</Row>" for row in rows
        )
        + "</Table></Worksheet>"
        for number, rows in enumerate(sheets, 1)
    )
    return (
        f'<?xml version="1.0"?><Workbook xmlns="{space}" xmlns:ss="{space}">{tables}</Workbook>'
    ).encode()
