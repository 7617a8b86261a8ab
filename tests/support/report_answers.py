"""Answers of OpenDART and of record dates in their documented shapes, for invented companies."""

from __future__ import annotations

import datetime as dt
import io
import zipfile
from dataclasses import dataclass

CODES = {
    "11013": (3, "분기보고서"),
    "11012": (6, "반기보고서"),
    "11014": (9, "분기보고서"),
    "11011": (12, "사업보고서"),
}
FILED = {"11013": (0, 5, 15), "11012": (0, 8, 14), "11014": (0, 11, 14), "11011": (1, 3, 20)}
"""Report code -> (years after the business year, month, day) of the filing."""

FLOWS = {
    "ifrs-full_Revenue": ("IS", "매출액", 100.0), "ifrs-full_CostOfSales": ("IS", "매출원가", 60.0),
    "dart_OperatingIncomeLoss": ("IS", "영업이익", 20.0), "ifrs-full_ProfitLoss": ("IS", "당기순이익", 15.0),
    "ifrs-full_ProfitLossAttributableToOwnersOfParent": ("IS", "지배기업 소유주지분", 14.0),
    "ifrs-full_CashFlowsFromUsedInOperatingActivities": ("CF", "영업활동현금흐름", 18.0),
}  # fmt: skip
BALANCES = {
    "ifrs-full_Assets": ("BS", "자산총계", 100.0), "ifrs-full_CurrentAssets": ("BS", "유동자산", 40.0),
    "ifrs-full_Liabilities": ("BS", "부채총계", 45.0), "ifrs-full_CurrentLiabilities": ("BS", "유동부채", 20.0),
    "ifrs-full_Equity": ("BS", "자본총계", 55.0),
    "ifrs-full_EquityAttributableToOwnersOfParent": ("BS", "지배기업 소유주지분", 50.0),
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Filing:
    """A filing of a periodic report; `factor` scales its amounts, so that a correction differs."""

    corp_code: str
    stock_code: str
    name: str
    code: str
    year: int
    filed_on: dt.date
    number: int
    is_correction: bool = False
    factor: float = 1.0

    @property
    def receipt(self) -> str:
        """Receipt number: day of the filing, then a number."""
        return f"{self.filed_on:%Y%m%d}{self.number:06d}"

    @property
    def period_end(self) -> dt.date:
        """Last day of the period."""
        month = CODES[self.code][0]
        return (dt.date(self.year, month, 28) + dt.timedelta(days=4)).replace(day=1) - dt.timedelta(days=1)

    def list_row(self) -> dict[str, str]:
        """Return its row of `list.json`."""
        mark = "[기재정정]" if self.is_correction else ""
        return {
            "corp_code": self.corp_code, "corp_name": self.name, "stock_code": self.stock_code, "corp_cls": "Y",
            "report_nm": f"{mark}{CODES[self.code][1]} ({self.period_end:%Y.%m})", "rcept_no": self.receipt,
            "flr_nm": self.name, "rcept_dt": f"{self.filed_on:%Y%m%d}", "rm": "",
        }  # fmt: skip

    def amount(self, unit: float, *, cumulated: bool) -> int:
        """Return an invented amount in won: flows grow with the months of the period."""
        months = CODES[self.code][0] if cumulated else 12
        scale = 1e9 * (1 + int(self.stock_code[2:4]) / 10) * (1 + (self.year - 2020) / 20)
        return round(unit * scale * months / 12 * self.factor)

    def statement_rows(self) -> list[dict[str, str]]:
        """Return the rows of `fnlttSinglAcntAll.json`."""
        rows = []
        for is_flow, accounts in ((False, BALANCES), (True, FLOWS)):
            for account, (statement, name, unit) in accounts.items():
                amount = self.amount(unit, cumulated=is_flow)
                row = {
                    "rcept_no": self.receipt, "reprt_code": self.code, "bsns_year": str(self.year),
                    "corp_code": self.corp_code, "sj_div": statement, "sj_nm": statement, "account_id": account,
                    "account_nm": name, "account_detail": "-", "thstrm_nm": "제 5 기", "thstrm_amount": str(amount),
                    "frmtrm_nm": "제 4 기", "frmtrm_amount": "1", "ord": "1", "currency": "KRW",
                }  # fmt: skip
                if statement == "IS" and self.code != "11011":
                    row |= {"thstrm_amount": str(amount // 2), "thstrm_add_amount": str(amount)}
                rows.append(row)
        return rows

    def dividend_rows(self, dps: int) -> list[dict[str, str]]:
        """Return the rows of `alotMatter.json`."""
        common = {
            "rcept_no": self.receipt, "corp_cls": "Y", "corp_code": self.corp_code, "corp_name": self.name,
            "frmtrm": "-", "lwfr": "-", "stlm_dt": self.period_end.isoformat(),
        }  # fmt: skip
        return [
            {**common, "se": "주당액면가액(원)", "stock_knd": "-", "thstrm": "500"},
            {**common, "se": "주당 현금배당금(원)", "stock_knd": "보통주", "thstrm": f"{dps:,}" if dps else "-"},
            {**common, "se": "주당 현금배당금(원)", "stock_knd": "우선주", "thstrm": "-"},
        ]

    def xbrl_zip(self) -> bytes:
        """Return the zip of `fnlttXbrl.xml` with an instance of consolidated amounts."""
        start, end = f"{self.year}-01-01", self.period_end.isoformat()
        facts = "".join(
            f'<{account.replace("_", ":")} contextRef="{"D" if is_flow else "I"}" unitRef="KRW" decimals="0">'
            f"{self.amount(unit, cumulated=is_flow)}</{account.replace('_', ':')}>"
            for is_flow, accounts in ((False, BALANCES), (True, FLOWS))
            for account, (_, _, unit) in accounts.items()
        )
        text = f"""<?xml version="1.0" encoding="utf-8"?>
<xbrli:xbrl xmlns:xbrli="http://www.xbrl.org/2003/instance" xmlns:xbrldi="http://xbrl.org/2006/xbrldi"
 xmlns:ifrs-full="http://xbrl.ifrs.org/taxonomy/2021-03-24/ifrs-full" xmlns:dart="http://dart.fss.or.kr/taxonomy/dart">
<xbrli:context id="I">{_segment()}<xbrli:period><xbrli:instant>{end}</xbrli:instant></xbrli:period></xbrli:context>
<xbrli:context id="D">{_segment()}<xbrli:period><xbrli:startDate>{start}</xbrli:startDate>
<xbrli:endDate>{end}</xbrli:endDate></xbrli:period></xbrli:context>
<xbrli:context id="Q">{_segment()}<xbrli:period><xbrli:startDate>{end[:7]}-01</xbrli:startDate>
<xbrli:endDate>{end}</xbrli:endDate></xbrli:period></xbrli:context>
<xbrli:unit id="KRW"><xbrli:measure>iso4217:KRW</xbrli:measure></xbrli:unit>
<ifrs-full:Revenue contextRef="Q" unitRef="KRW" decimals="0">7</ifrs-full:Revenue>{facts}</xbrli:xbrl>"""
        return zipped(f"entity{self.corp_code}_{end}.xbrl", text.encode())


def _segment() -> str:
    axis = "ifrs-full:ConsolidatedAndSeparateFinancialStatementsAxis"
    return (
        '<xbrli:entity><xbrli:identifier scheme="http://dart.fss.or.kr">1</xbrli:identifier></xbrli:entity>'
        f'<xbrli:scenario><xbrldi:explicitMember dimension="{axis}">ifrs-full:ConsolidatedMember'
        "</xbrldi:explicitMember></xbrli:scenario>"
    )


def zipped(name: str, content: bytes) -> bytes:
    """Return a zip file with one member."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    return buffer.getvalue()


def xml_error(status: str, message: str) -> bytes:
    """Return the XML with which a zip endpoint answers an error."""
    return f'<?xml version="1.0"?><result><status>{status}</status><message>{message}</message></result>'.encode()


def corporations_zip(codes: dict[str, str]) -> bytes:
    """Return the zip of `corpCode.xml` for corporation code -> stock code, and an unlisted corporation."""
    items = "".join(
        f"<list><corp_code>{corp}</corp_code><corp_name>가상</corp_name><stock_code>{stock}</stock_code></list>"
        for corp, stock in {**codes, "00999999": " "}.items()
    )
    return zipped("CORPCODE.xml", f"<?xml version='1.0' encoding='UTF-8'?><result>{items}</result>".encode())


def periodic_filings(corp_code: str, stock_code: str, name: str, years: range) -> list[Filing]:
    """Return the quarterly reports of a company, filed on the usual days."""
    found = []
    for year in years:
        for code, (later, month, day) in FILED.items():
            number = int(stock_code[1:]) % 100_000 * 10
            found.append(
                Filing(corp_code=corp_code, stock_code=stock_code, name=name, code=code, year=year,
                       filed_on=dt.date(year + later, month, day), number=number)
            )  # fmt: skip
    return found
