"""Korean names of the holidays of `holidays.csv`."""

from __future__ import annotations

from typing import Final

KOREAN: Final = {
    "Buddha's Birthday": "부처님오신날",
    "Buddha's Birthday (substitute)": "부처님오신날 대체공휴일",
    "Children's Day": "어린이날",
    "Children's Day (substitute)": "어린이날 대체공휴일",
    "Christmas": "성탄절",
    "Christmas (substitute)": "성탄절 대체공휴일",
    "Chuseok": "추석",
    "Constitution Day": "제헌절",
    "End of Year Holiday": "연말 휴장일",
    "Hangul Proclamation Day": "한글날",
    "Hangul Proclamation Day (substitute)": "한글날 대체공휴일",
    "Independence Movement Day": "삼일절",
    "Independence Movement Day (substitute)": "삼일절 대체공휴일",
    "Korean National Foundation Day": "개천절",
    "Korean National Foundation Day (substitute)": "개천절 대체공휴일",
    "Labor Day": "근로자의 날",
    "Local elections": "지방선거일",
    "Memorial Day": "현충일",
    "National Assembly election": "국회의원 선거일",
    "National Liberation Day": "광복절",
    "National Liberation Day (substitute)": "광복절 대체공휴일",
    "New Year's Day": "신정",
    "Presidential election": "대통령 선거일",
    "Seollal": "설날",
    "Temporary holiday": "임시공휴일",
    "Temporary holiday (70th Liberation Day)": "임시공휴일 (광복 70주년)",
    "Temporary holiday (Armed Forces Day)": "임시공휴일 (국군의 날)",
    "Temporary holiday (before Chuseok)": "임시공휴일 (추석 연휴)",
    "Temporary holiday (before Foundation Day)": "임시공휴일 (개천절 연휴)",
    "Temporary holiday (before Seollal)": "임시공휴일 (설 연휴)",
}
