"""Every version of a record ever written stays readable: a record of an older schema is brought up to this one, step by step.

With each new schema comes a step here, from the one before, and a stored example under tests/store/examples.
"""

from collections.abc import Callable, Mapping

from bench.domain.record import SCHEMA
from bench.domain.values import Json

Form = Mapping[str, Json]

STEPS: Mapping[int, Callable[[Form], Form]] = {
    1: lambda form: form,  # 2 adds fields that a record of 1 has by their defaults
    2: lambda form: form,  # so does 3
}
"""From a schema to the next."""


def upgrade(form: Form, schema: int) -> Form:
    """Bring FORM, a record's JSON of SCHEMA, to the present one."""
    for version in range(schema, SCHEMA):
        form = {**STEPS[version](form), "schema": version + 1}
    return form
