"""The rows of the client have the fields that the API describes."""

from __future__ import annotations

from typing import get_type_hints

import msgspec
import pytest

from ondol.client import account_answers as rows
from services.api.schemas import account_responses, opening_quotes_responses, webhook_responses

ROWS = (
    (rows.FilledAt, opening_quotes_responses.FillPart),
    (rows.ReconciledFill, opening_quotes_responses.ReconciledFill),
    (rows.AccountStep, account_responses.AccountStep),
    (rows.StepOutcome, account_responses.AccountStepped),
    (rows.DriftPart, account_responses.DriftPart),
    (rows.DriftCell, account_responses.DriftCell),
    (rows.DriftReport, account_responses.DriftReport),
    (rows.Webhook, webhook_responses.Webhook),
    (rows.WebhookSet, webhook_responses.WebhookSet),
    (rows.Delivery, webhook_responses.Delivery),
)


@pytest.mark.parametrize(("row", "shape"), ROWS)
def test_rows_have_the_fields_of_the_api(row: type, shape: type[msgspec.Struct]) -> None:
    assert set(get_type_hints(row)) == {field.encode_name for field in msgspec.structs.fields(shape)}
