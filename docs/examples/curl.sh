#!/bin/sh
# A complete client of sh and curl: ask, follow, read, export, compare, keep a strategy, and see a mistake explained.
#
#     sh docs/examples/curl.sh http://127.0.0.1:8000 [KEY]
set -eu
ADDRESS=${1:-http://127.0.0.1:8000}
KEY=${2:-}

ask() { # METHOD PATH [options of curl]: the answer; a refusal shows its problem document and ends the script
    method=$1
    path=$2
    shift 2
    curl --silent --show-error --fail-with-body --request "$method" ${KEY:+--header "Authorization: Bearer $KEY"} \
        --header 'Content-Type: application/json' "$@" "$ADDRESS$path"
}

text() { # NAME: the first text with this name in the JSON on standard input
    sed -n "s/^[^\"]*\"$1\":\"\([^\"]*\)\".*/\1/p;s/.*[,{]\"$1\":\"\([^\"]*\)\".*/\1/p" | head -n 1
}

echo '== The data =='
dataset=$(ask GET /v1/datasets/current)
first=$(echo "$dataset" | text first_day)
last=$(echo "$dataset" | text last_day)
start=$((${last%%-*} - 1))-01-01
if expr "$first" '>' "$start" >/dev/null; then start=$first; fi
echo "$first to $last; the backtests begin on $start"

echo '== Ask, and follow =='
# Prefer: wait answers with the result when it is there within that many seconds (30 at most), else with 202.
# An Idempotency-Key makes it safe to send the request again when no answer came.
once=$(date +%s)-$$
backtest() { # JSON of a strategy: the id of a backtest
    ask POST '/v1/backtests?parts=statistics' --header 'Prefer: wait=30' --header "Idempotency-Key: $once-$1" \
        --data "{\"strategy\": $2, \"start\": \"$start\", \"end\": \"$last\"}" | text id
}
cheap=$(backtest 1 '{"buy": {"where": "PER < 15", "rank_by": "ROE"}, "portfolio": {"max_positions": 10}}')
strong=$(backtest 2 '"surge_stocks"')
for id in "$cheap" "$strong"; do # the stream ends with the backtest; --no-buffer shows events as they come
    ask GET "/v1/backtests/$id/events" --no-buffer | grep '^event:' | sort | uniq -c
done

echo '== Read and export =='
ask GET "/v1/backtests/$cheap" | sed 's/.*"statistics":\({[^}]*}\).*/\1/' | tr ',' '\n' | grep -E 'total_return|sharpe"|max_drawdown"'
ask GET "/v1/backtests/$cheap/trades?format=csv" | head -n 4
ask POST /v1/compare --data "{\"ids\": [\"$cheap\", \"$strong\"]}" --output /dev/null --write-out 'compared: %{size_download} bytes\n'

echo '== Screen =='
ask GET /v1/screen --get --data-urlencode 'where=PER < 15 and ROE > 0' --data rank_by=ROE --data limit=3 | tr '{' '\n' | grep stock_code

echo '== A strategy of your own =='
mine=cheap_$$
ask POST /v1/strategies --output /dev/null --data "{\"id\": \"$mine\", \"name\": \"Cheap\", \"strategy\": {\"buy\": {\"where\": \"PER < 15\"}}}"
ask GET "/v1/screen?strategy=$mine&limit=1" --output /dev/null --write-out 'its screen: %{http_code}\n'
ask DELETE "/v1/strategies/$mine"

echo '== A mistake =='
ask POST /v1/backtests --data '{"strategy": {"buy": {"where": "PER < 15 and RO > 3"}}, "start": "2025-02-30", "end": "2025-12-30"}' ||
    echo ' (refused, as it should be)'
