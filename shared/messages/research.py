"""Messages about research lines: the part of a record that may be luck, and the changes that a line permits."""

from __future__ import annotations

from shared.messages.declaration import kind

_RECORD = {"trials": 1120, "sharpe": 2.44, "soft": 0.65, "hard": 2.18, "low": 74.1, "high": 99.3}

KINDS = (
    kind(
        "luck_within",
        "The best of {trials:,} trials without any skill is expected at an annual Sharpe ratio of weekly "
        "returns of {soft:.2f} to {hard:.2f}; this record has {sharpe:.2f}. It cannot be distinguished from luck: its deflated Sharpe ratio is {low:.1f} % to "
        "{high:.1f} %, and only more than 95 % is evidence.",
        "실력이 전혀 없어도 시행 {trials:,}회 중 최고의 연 샤프 지수(주간 수익률)는 {soft:.2f}에서 {hard:.2f}로 기대됩니다. 이 기록은 {sharpe:.2f}입니다. "
        "운과 구별되지 않습니다. 수정 샤프 지수는 {low:.1f}~{high:.1f} %이며 95 %를 넘어야 증거가 됩니다.",
        **_RECORD,
    ),
    kind(
        "luck_depends",
        "The best of {trials:,} trials without any skill is expected at an annual Sharpe ratio of weekly "
        "returns of {soft:.2f} to {hard:.2f}; this record has {sharpe:.2f}. Whether it is more than luck depends on how many of the trials were "
        "independent: its deflated Sharpe ratio is {low:.1f} % to {high:.1f} %, and only a lower end above 95 % is evidence.",
        "실력이 전혀 없어도 시행 {trials:,}회 중 최고의 연 샤프 지수(주간 수익률)는 {soft:.2f}에서 {hard:.2f}로 기대됩니다. 이 기록은 {sharpe:.2f}입니다. "
        "운 이상인지는 시행이 얼마나 독립적이었는지에 달려 있습니다. 수정 샤프 지수는 {low:.1f}~{high:.1f} %이며 하한이 95 %를 넘어야 증거가 됩니다.",
        **_RECORD,
    ),
    kind(
        "luck_beyond",
        "The best of {trials:,} trials without any skill is expected at an annual Sharpe ratio of weekly "
        "returns of {soft:.2f} to {hard:.2f}; this record has {sharpe:.2f}. The number of trials does not explain it: its deflated Sharpe ratio is "
        "{low:.1f} % to {high:.1f} %. Trials outside this line are not counted.",
        "실력이 전혀 없어도 시행 {trials:,}회 중 최고의 연 샤프 지수(주간 수익률)는 {soft:.2f}에서 {hard:.2f}로 기대됩니다. 이 기록은 {sharpe:.2f}입니다. "
        "시행 횟수만으로는 설명되지 않습니다. 수정 샤프 지수는 {low:.1f}~{high:.1f} %입니다. 이 연구 라인 밖의 시행은 포함되지 않습니다.",
        **_RECORD,
    ),
    kind(
        "luck_unknown",
        "None of {trials:,} trials has weekly returns that vary, so there is no record to judge.",
        "시행 {trials:,}회 중 판단할 기록이 없습니다. 변동하는 주간 수익률이 필요합니다.",
        trials=3,
    ),
    kind(
        "luck_few_trials",
        "Only {scored:,} trials have a Sharpe ratio. With fewer than 10 the deviation between trials is that of strategies without skill.",
        "샤프 지수가 있는 시행이 {scored:,}회뿐입니다. 10회 미만이면 시행 간 편차를 실력이 없는 경우의 값으로 계산합니다.",
        scored=4,
    ),
    kind(
        "luck_sample",
        "Correlations are computed from {sample:,} of {trials:,} trials, which are selected by their digests and not by their results.",
        "상관관계는 시행 {trials:,}회 중 {sample:,}회로 계산했습니다. 결과가 아니라 다이제스트로 추출했습니다.",
        sample=1000,
        trials=52000,
    ),
    kind(
        "luck_extra_trials",
        "{extra:,} trials that were made elsewhere are counted as independent trials.",
        "다른 곳에서 실행한 시행 {extra:,}회는 독립 시행으로 포함했습니다.",
        extra=200,
    ),
    kind(
        "luck_short_record",
        "The best record has {years:.1f} years; a probability of 95 % against all trials would need {needed:.1f}.",
        "최고 기록의 기간은 {years:.1f}년입니다. 모든 시행에 대해 95 %를 넘으려면 {needed:.1f}년이 필요합니다.",
        years=2.9,
        needed=7.4,
    ),
    kind(
        "luck_overfitting",
        "In {probability:.0f} % of the splits the best trial of one half is not above the median of the other: the choice "
        "does not persist.",
        "분할의 {probability:.0f} %에서 한쪽의 최고 시행이 다른 쪽의 중간을 넘지 못합니다. 선택이 이어지지 않습니다.",
        probability=62.0,
    ),
    kind(
        "luck_no_better",
        "At the 5 % significance level no trial is shown to earn more than cash (SPA p = {p:.2f}).",
        "5 % 유의수준에서 현금보다 낫다고 확인된 시행이 없습니다(SPA 검정 p = {p:.2f}).",
        p=0.31,
    ),
    kind(
        "research_not_found",
        "There is no research line with this name; the first request with it as `research` creates the line.",
        "해당 이름의 연구 라인이 없습니다. research에 이 이름을 지정한 첫 요청으로 시작됩니다.",
    ),
    kind(
        "research_closed",
        "The research line {name} was closed on {closed}; its trials remain, and no more can be added. Use another line",
        "연구 라인 {name:은} {closed}에 종료되었습니다. 시행 기록은 남으며 추가할 수 없습니다. 다른 라인을 사용하십시오.",
        name="value-momentum",
        closed="2026-11-29",
    ),
    kind(
        "research_too_many_lines",
        "a key has at most {limit:,} research lines, and these exist already; use one of them",
        "연구 라인이 이미 키의 한도인 {limit:,}개입니다. 기존 라인을 사용하십시오.",
        limit=1000,
    ),
    kind(
        "research_too_many_trials",
        "the research line {name} has {trials:,} trials; with {count:,} more it would exceed {limit:,}. Use fewer variants",
        "연구 라인 {name}의 시행은 {trials:,}회입니다. {count:,}회를 더하면 한도 {limit:,}회를 초과합니다. 변형을 줄이십시오.",
        name="value-momentum",
        trials=4900000,
        count=200000,
        limit=5000000,
    ),
    kind(
        "research_change_empty",
        "The body changes nothing; give extra_trials or closed.",
        "변경할 내용이 없습니다. extra_trials나 closed를 지정하십시오.",
    ),
    kind(
        "research_extra_fewer",
        "the line has {extra:,} extra trials already; the number can only be raised",
        "추가 시행이 이미 {extra:,}회입니다. 늘릴 수만 있고 줄일 수 없습니다.",
        extra=200,
    ),
    kind(
        "research_not_reopened",
        "a closed line stays closed; give true",
        "종료된 라인은 다시 열 수 없습니다. true만 지정할 수 있습니다.",
    ),
)
