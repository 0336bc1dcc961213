"""A report as one page of HTML that needs nothing else: its tables, and the picture inside it."""

from base64 import b64encode
from html import escape
from typing import Final

from models.quality_report import QualityReport
from models.report_tables import Table, report_head, report_tables
from streams.model_picture import draw_report

_STYLE: Final = """
:root { color: #222; background: #f4f5f7; font: 15px/1.5 system-ui, "Segoe UI", "DejaVu Sans", sans-serif; }
body { max-width: 1160px; margin: 0 auto; padding: 24px 16px 48px; }
h1 { font-size: 26px; margin: 0 0 4px; }
h2 { font-size: 17px; margin: 0 0 8px; }
p { margin: 0 0 4px; color: #555; }
.tables { display: grid; grid-template-columns: repeat(auto-fit, minmax(430px, 1fr)); column-gap: 16px; }
.wide { grid-column: 1 / -1; }
section { background: #fff; border: 1px solid #e1e4e8; border-radius: 8px; padding: 16px 20px; margin-top: 16px;
  overflow-x: auto; }
img { display: block; width: 100%; height: auto; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th { font-weight: 600; color: #555; font-size: 13px; border-bottom: 1px solid #ccd1d7; }
th, td { padding: 5px 10px; text-align: right; white-space: nowrap; }
th:first-child, td:first-child { text-align: left; padding-left: 0; }
tbody tr + tr td { border-top: 1px solid #eef0f2; }
table.words, table.narrow { width: auto; }
table.words td { text-align: left; white-space: normal; }
table.words td:first-child { color: #555; white-space: nowrap; }
p.note { font-size: 13px; margin: 8px 0 0; }
@media print { :root { background: #fff; } section { break-inside: avoid; border: 0; padding: 0; } }
"""
_WIDE: Final = 5
_ALT: Final = "Reliability, ROC AUC over time, lift, and how scores are spread; the figures are in the tables below."


def report_page(report: QualityReport) -> bytes:
    """The page, UTF-8."""
    picture = b64encode(draw_report(report, headed=False)).decode()
    head = "".join(f"<p>{escape(line)}</p>\n" for line in report_head(report))
    tables = "\n".join(map(_section, report_tables(report)))
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Churn score: how good it is</title>
<style>{_STYLE}</style>
</head>
<body>
<h1>Churn score: how good it is</h1>
{head}<section><img src="data:image/png;base64,{picture}" alt="{_ALT}"></section>
<div class="tables">
{tables}
</div>
</body>
</html>
""".encode()


def _section(table: Table) -> str:
    columns = "".join(f"<th>{escape(column)}</th>" for column in table.columns)
    head = f"<thead><tr>{columns}</tr></thead>" if any(table.columns) else ""
    rows = "\n".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in table.rows)
    note = f'<p class="note">{escape(table.note)}</p>' if table.note else ""
    is_wide = len(table.columns) >= _WIDE
    place = ' class="wide"' if is_wide else ""
    kind = ' class="words"' if table.is_words else "" if is_wide else ' class="narrow"'
    body = f"<table{kind}>{head}<tbody>\n{rows}\n</tbody></table>{note}"
    return f"<section{place}><h2>{escape(table.title)}</h2>{body}</section>"
