"""Whether IAM statements allow an action: the part of AWS's evaluation that this deployment's policies use.

What is not known here raises: a policy that is not understood must not pass for a narrow one.
"""

import functools
import re

ELEMENTS = {"Sid", "Effect", "Action", "Resource", "Condition"}


@functools.cache
def matches(pattern, text, ignore_case=False):
    """Whether a text fits a pattern with `*` and `?`. A `*` crosses `/` and `:`, as it does in AWS."""
    expression = "".join({"*": ".*", "?": "."}.get(each, re.escape(each)) for each in pattern)
    return re.fullmatch(expression, text, re.DOTALL | (re.IGNORECASE if ignore_case else 0)) is not None


def listed(value):
    """A value that may stand alone, as a list."""
    return value if isinstance(value, list) else [value]


def allowed(statements, action, resource, context):
    """Whether the statements allow the action on the resource. `context`: by condition key, the request's values."""
    decided = False
    for statement in statements:
        unknown = set(statement) - ELEMENTS
        if unknown:
            raise NotImplementedError(f"statement with {sorted(unknown)}")
        if not any(matches(each, action, ignore_case=True) for each in listed(statement["Action"])):
            continue
        if not any(matches(each, resource) for each in listed(statement["Resource"])):
            continue
        if not _conditions_hold(statement.get("Condition", {}), context):
            continue
        if statement["Effect"] == "Deny":
            return False
        if statement["Effect"] != "Allow":
            raise NotImplementedError(f"effect {statement['Effect']}")
        decided = True
    return decided


def _conditions_hold(conditions, context):
    return all(
        _holds(operator, listed(wanted), context.get(key, []))
        for operator, keys in conditions.items()
        for key, wanted in keys.items()
    )


def _holds(operator, wanted, values):
    if operator == "Null":
        # "true": the key must be missing.
        return (wanted == ["true"]) == (not values)
    every, _, name = operator.rpartition(":")
    if name == "StringEquals":
        fits = lambda value: value in wanted  # noqa: E731
    elif name in ("StringLike", "ArnLike"):
        fits = lambda value: any(matches(each, value) for each in wanted)  # noqa: E731
    else:
        raise NotImplementedError(f"condition operator {operator}")
    if every == "ForAllValues":
        # Holds for no values at all: that is what Null is for.
        return all(map(fits, values))
    if every == "":
        # A key that is missing never fits.
        return len(values) == 1 and fits(values[0])
    raise NotImplementedError(f"condition operator {operator}")
