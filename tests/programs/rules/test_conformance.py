"""CEL's own conformance tests."""

import pytest

from programs import rules
from programs.rules import EvaluationError, RuleSyntaxError
from tests.programs.rules.conformance import FOLDER, Case, cases, is_same

CASES = cases()

# What differs because numbers are exact here. Whatever is in this table must differ, and nothing else may.
NO_NAN = "There is no NaN and no infinity: dividing by zero is an error."
EXACT = "A decimal holds all digits, where a double would have lost some."
NO_UINT = "A uint is a number like any other."
MICROSECONDS = "Times and durations are kept to microseconds."
# one_number: int, uint and double are one type, the exact decimal.
NO_64_BITS = "one_number: a number has 50 digits, and no limit of 64 bits."
ONE_TYPE = "one_number: int, uint and double name one type, which prints as double."
ONE_NUMBER = {
    "conversions/int/uint_range": NO_64_BITS,
    "conversions/type/int": ONE_TYPE,
    "conversions/type/neq_diff": ONE_TYPE,
    "conversions/uint/double_range_beyond_uint": NO_64_BITS,
    "integer_math/int64_math/int64_min_negate": NO_64_BITS,
    "integer_math/int64_math/int64_min_negate_div": NO_64_BITS,
    "integer_math/int64_math/int64_min_negate_mul": NO_64_BITS,
    "integer_math/int64_math/int64_overflow_add_negative": NO_64_BITS,
    "integer_math/int64_math/int64_overflow_mul_negative": NO_64_BITS,
    "integer_math/int64_math/int64_overflow_mul_positive": NO_64_BITS,
    "integer_math/int64_math/int64_overflow_negative": NO_64_BITS,
    "integer_math/int64_math/int64_overflow_positive": NO_64_BITS,
    "integer_math/int64_math/int64_overflow_sub_positive": NO_64_BITS,
    "integer_math/int64_math/uint64_overflow_mul_positive": NO_64_BITS,
}
DIFFERENT = ONE_NUMBER | {
    "comparisons/eq_literal/not_eq_int_double_nan": NO_NAN,
    "comparisons/eq_literal/not_eq_uint_double_nan": NO_NAN,
    "comparisons/ne_literal/not_ne_double_nan": NO_NAN,
    "comparisons/ne_literal/not_ne_uint_double_nan": NO_NAN,
    "comparisons/ne_literal/ne_double_nan": NO_NAN,
    "comparisons/lt_literal/not_lt_dyn_small_double_int": EXACT,
    "comparisons/gt_literal/not_gt_dyn_int_small_lossy_double": EXACT,
    "comparisons/gt_literal/not_gt_dyn_big_double_int": EXACT,
    "comparisons/lte_literal/lte_dyn_int_small_lossy_double": EXACT,
    "comparisons/gte_literal/gte_dyn_int_big_lossy_double": EXACT,
    "comparisons/gte_literal/gte_dyn_small_double_int": EXACT,
    "conversions/double/int_range": EXACT,
    "conversions/double/uint_range": EXACT,
    "conversions/int/double_int_max_range": EXACT,
    "conversions/int/double_int_min_range": EXACT,
    "conversions/type/uint": NO_UINT,
    "conversions/uint/double_big_precision": EXACT,
    "integer_math/int64_math/unary_minus_no_overload": NO_UINT,
    "integer_math/int64_math/uint64_overflow_positive": NO_UINT,
    "integer_math/int64_math/uint64_overflow_negative": NO_UINT,
    "integer_math/uint64_math/negative_no_overload": NO_UINT,
    "string_ext/format/NaN support for scientific notation": NO_NAN,
    "string_ext/format/positive infinity support for scientific notation": NO_NAN,
    "string_ext/format/negative infinity support for scientific notation": NO_NAN,
    "string_ext/format/NaN support for decimal": NO_NAN,
    "string_ext/format/positive infinity support for decimal": NO_NAN,
    "string_ext/format/negative infinity support for decimal": NO_NAN,
    "string_ext/format/NaN support for fixed-point": NO_NAN,
    "string_ext/format/positive infinity support for fixed-point": NO_NAN,
    "string_ext/format/negative infinity support for fixed-point": NO_NAN,
    "string_ext/format/map support (all key types)": NO_NAN,
    "string_ext/format/dyntype NaN/infinity support": NO_NAN,
    "timestamps/timestamp_arithmetic/add_time_to_duration_nanos_positive": MICROSECONDS,
    "timestamps/timestamp_range/add_duration_nanos_under": MICROSECONDS,
}

needs_the_tests = pytest.mark.skipif(not CASES, reason=f"CEL's tests are not in {FOLDER}.")


def is_about_numbers(case: Case) -> bool:
    return case.numeric_mix or case.name in ONE_NUMBER


def agrees(case: Case) -> bool:
    try:
        value = rules.compile(case.expression).evaluate(case.bindings)
    except (EvaluationError, RuleSyntaxError):
        return case.expected == {"error": True}
    return case.expected != {"error": True} and is_same(value, case.expected)


@needs_the_tests
@pytest.mark.parametrize("case", [case for case in CASES if not is_about_numbers(case)], ids=str)
def test_what_does_not_rest_on_kinds_of_numbers_is_as_the_specification_says(case: Case) -> None:
    assert agrees(case)


@needs_the_tests
def test_what_differs_because_numbers_are_exact_is_known_by_name() -> None:
    differing = [case.name for case in CASES if is_about_numbers(case) and not agrees(case)]

    assert sorted(differing) == sorted(DIFFERENT)
